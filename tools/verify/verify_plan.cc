#include "tools/verify/verify_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/error.h"
#include "tools/status/lines_status.h"
#include "tools/status/pipeline_status.h"

namespace syncline::cli {
namespace {

bool Fills(const PipelinePlan& pipeline, const TableName& target) {
  return std::ranges::find(pipeline.tables, target, &apply::TableMapping::target) !=
         pipeline.tables.end();
}

}  // namespace

Plan VerifyPlan(const Config& config, const std::string& pipeline) {
  RequireRows(config, config.Pipeline(pipeline), "`syncline verify`");
  Plan plan = MakePlan(config, {config.Pipeline(pipeline).name});
  const PipelinePlan& own = plan.pipelines.front();
  LogOf(config, own.source);
  for (const PipelineConfig& other : config.pipelines) {
    const bool same_target = config.Database(other.to).url.connection == own.target_url.connection;
    if (other.name == own.name || !same_target) continue;
    const Plan others = MakePlan(config, {other.name});
    for (const apply::TableMapping& table : own.tables) {
      if (!Fills(others.pipelines.front(), table.target)) continue;
      throw UsageError(
          fmt::format("pipelines {} and {} both fill {} on {}", own.name, other.name,
                      table.target.ToString(), own.target_url.display),
          "nobody can tell then which of its rows should be there; give each a table of its own");
    }
  }
  return plan;
}

}  // namespace syncline::cli
