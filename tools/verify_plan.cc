#include "tools/verify_plan.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "engine/base/error.h"
#include "tools/duration.h"
#include "tools/pipeline_status.h"

namespace syncline::cli {
namespace {

bool Fills(const PipelinePlan& pipeline, const TableName& target) {
  return std::ranges::find(pipeline.tables, target, &apply::TableMapping::target) !=
         pipeline.tables.end();
}

}  // namespace

Plan VerifyPlan(const Config& config, const std::string& pipeline) {
  Plan plan = MakePlan(config, {config.Pipeline(pipeline).name});
  const PipelinePlan& own = plan.pipelines.front();
  LogFolderOf(config, own.source);
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

void VerifyArguments::AddTo(CLI::App& command) {
  command.add_option("--table", table, "Only this table, as the source names it")->type_name("T");
  command.add_option("--wait", wait, "How long to wait for a target that does not move")
      ->capture_default_str()
      ->type_name("DURATION");
  command.add_option("--by", by, "Compare all rows, or sums of them that PostgreSQL servers make")
      ->check(CLI::IsMember({"rows", "sums"}));
}

Verification::Options VerifyArguments::ToOptions() const {
  Verification::Options options;
  const std::optional<Microseconds> duration = ParseDuration(wait);
  if (!duration)
    throw UsageError(fmt::format("--wait must be {}, not \"{}\"", kDurationForms, wait));
  options.wait = *duration;
  if (!by.empty()) {
    options.by = by == "sums" ? TableComparison::By::kSums : TableComparison::By::kRows;
  }
  return options;
}

}  // namespace syncline::cli
