#include "tools/service/replica_tables.h"

#include "apply/plan/apply_plan.h"
#include "apply/plan/narrowing.h"
#include "apply/target/target_table.h"
#include "capture/cursor/guarantee.h"
#include "capture/plan/capture_plan.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/sql/session.h"

namespace syncline::cli {

void MakeReplicaTables(const Plan& plan, const std::string& database,
                       const std::map<std::string, capture::Guarantee>& captured, Logger& logger) {
  for (const PipelinePlan& pipeline : plan.pipelines) {
    if (!pipeline.two_way || pipeline.target != database) continue;
    const auto target = sql::Session::Open(pipeline.target_url, {.create = true});
    std::unique_ptr<sql::Session> source;
    for (size_t i = 0; i < pipeline.tables.size(); ++i) {
      const apply::TableMapping& mapping = pipeline.tables[i];
      if (!mapping.create || captured.contains(mapping.target.ToString())) continue;
      if (target->Describe(mapping.target)) continue;
      if (!source) source = sql::Session::Open(pipeline.source_url, {.read_only = true});
      if (!source->Describe(mapping.source)) continue;
      const capture::CapturePlan there = capture::PlanTable(*source, pipeline.captured[i]);
      apply::ApplyPlan planned = apply::PlanTable(there.schema, mapping);
      sql::Transaction transaction(*target, sql::Session::Isolation::kWrite);
      apply::PrepareTargetTable(*target, planned, logger);
      transaction.Commit();
    }
  }
}

void RefuseReplicaNarrowing(const PipelinePlan& pipeline) {
  std::vector<std::pair<apply::ApplyPlan, sql::TableInfo>> pairs;
  std::unique_ptr<sql::Session> target;
  try {
    const sql::SessionOptions reading{.read_only = true};
    const auto source = sql::Session::Open(pipeline.source_url, reading);
    target = sql::Session::Open(pipeline.target_url, reading);
    for (size_t i = 0; i < pipeline.tables.size(); ++i) {
      const apply::TableMapping& mapping = pipeline.tables[i];
      const auto info = target->Describe(mapping.target);
      if (!info || !source->Describe(mapping.source)) continue;
      const capture::CapturePlan there = capture::PlanTable(*source, pipeline.captured[i]);
      pairs.emplace_back(apply::PlanTable(there.schema, mapping), *info);
    }
  } catch (const Error&) {
    return;
  }
  for (auto& [plan, info] : pairs) {
    plan.comes_back = true;
    apply::RefuseNarrowing(*target, plan, info);
  }
}

}  // namespace syncline::cli
