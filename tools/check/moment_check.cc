#include "tools/check/moment_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "apply/plan/apply_plan.h"
#include "apply/plan/moment_fit.h"
#include "apply/plan/moment_parts.h"
#include "capture/plan/capture_plan.h"
#include "engine/base/logger.h"
#include "engine/sql/session.h"
#include "engine/sql/sql_dialect.h"
#include "engine/sql/time_zone.h"

namespace syncline::cli {
namespace {

// One of the two databases, with the time zone that it has configured.
struct Side {
  std::unique_ptr<sql::Session> session;  // null: a SQLite file that is not there
  std::string zone = "UTC";

  static Side Open(const sql::DatabaseUrl& url) {
    Side side;
    const bool is_file = sql::DialectOf(url.dialect).can().is_file;
    if (is_file && !std::filesystem::exists(url.connection)) return side;
    side.session = sql::Session::Open(url, {.read_only = true});
    side.zone = sql::ConfiguredZone(*side.session);
    return side;
  }
};

// Where everything is in UTC no column can hold other moments.
bool AllInUtc(const PipelinePlan& pipeline, const std::string& source, const std::string& target) {
  return sql::IsUtc(source) && sql::IsUtc(target) &&
         std::ranges::all_of(pipeline.captured, [](const capture::TableSpec& spec) {
           return spec.zone.empty() || sql::IsUtc(spec.zone);
         });
}

// What the target's table will be written by; nothing for one that cannot be captured or applied.
std::optional<apply::ApplyPlan> PlanOf(sql::Session& source, const capture::TableSpec& spec,
                                       const apply::TableMapping& mapping) {
  try {
    return apply::PlanTable(capture::PlanTable(source, spec).schema, mapping);
  } catch (const Error& error) {
    if (error.reaction() == Reaction::kStop) return {};
    throw;
  }
}

// How the table of pipeline.tables[i] is looked at.
struct Look {
  apply::TargetTimes target;
  apply::LocalTimes local;
};

Look LookAt(const PipelinePlan& pipeline, size_t i, const apply::ApplyPlan& plan,
            const std::string& source_zone, const Side& target) {
  apply::TargetTimes times{
      .dialect = pipeline.target_url.dialect, .columns = plan.columns, .flag = {}};
  if (target.session) {
    if (const auto info = target.session->Describe(pipeline.tables[i].target)) {
      times = apply::TimesOf(*target.session, plan, *info);
    }
  }
  times.zone = [&target] { return target.zone; };
  const auto zone = [source_zone] { return source_zone; };
  return {std::move(times),
          {.zone = pipeline.captured.at(i).zone, .source_zone = zone, .two_way = pipeline.two_way}};
}

// `known` gets the tables that were looked at. `all`: also where no moment can be another one.
MomentFindings FindBetween(const PipelinePlan& pipeline, const Side& source, const Side& target,
                           bool all, KnownTables& known) {
  MomentFindings found;
  known.source_zone = target.session ? sql::OwnNameOf(source.zone, *target.session) : source.zone;
  known.matters = !AllInUtc(pipeline, *known.source_zone, target.zone);
  if (!source.session || !(known.matters || all)) return found;
  for (size_t i = 0; i < pipeline.tables.size(); ++i) {
    const auto plan = PlanOf(*source.session, pipeline.captured.at(i), pipeline.tables[i]);
    if (!plan) continue;
    const TableName& name = pipeline.tables[i].target;
    known.tables[pipeline.tables[i].source] = plan->schema;
    const Look look = LookAt(pipeline, i, *plan, *known.source_zone, target);
    try {
      apply::RefuseOtherMoments(*plan, look.target, look.local);
      if (target.session) {
        apply::RefuseOtherParts(*source.session, *target.session, *plan, look.local);
      }
      const auto assumed = apply::AssumedMoments(*plan, look.target, look.local);
      if (!assumed.empty()) found.assumed[name] = assumed;
    } catch (const Error& error) {
      if (error.cause() != Cause::kUsage) throw;
      found.refused.push_back({name, error});
    }
  }
  return found;
}

// Whether each column of `schema` is one of `now`, with the same type and part.
bool IsPartOf(const TableSchema& schema, const TableSchema& now) {
  for (uint32_t i = 0; i < schema.columns.size(); ++i) {
    const int place = now.Find(schema.columns[i].name);
    if (place < 0) return false;
    const auto there = static_cast<uint32_t>(place);
    const Column& column = now.columns[there];
    if (column.type != schema.columns[i].type ||
        column.native_type != schema.columns[i].native_type ||
        schema.IsCursor(i) != now.IsCursor(there)) {
      return false;
    }
  }
  return true;
}

}  // namespace

MomentFindings FindOtherMoments(const PipelinePlan& pipeline) {
  KnownTables known;
  return FindBetween(pipeline, Side::Open(pipeline.source_url), Side::Open(pipeline.target_url),
                     /*all=*/true, known);
}

KnownTables RequireSameMoments(const PipelinePlan& pipeline, Logger& logger) {
  const Side target = Side::Open(pipeline.target_url);
  KnownTables known;
  std::optional<Side> source;
  try {
    source = Side::Open(pipeline.source_url);
  } catch (const Error& error) {
    if (error.cause() == Cause::kUsage) throw;  // it will not answer later either
    logger.Warn(
        "the source cannot be asked for its time zone: what has none there counts as UTC, unless "
        "the table's zone says otherwise pipeline={} reason=\"{}\"",
        pipeline.name, error.message());
    known.matters = !AllInUtc(pipeline, "UTC", target.zone);
    return known;
  }
  const MomentFindings found = FindBetween(pipeline, *source, target, /*all=*/false, known);
  if (!found.refused.empty()) throw found.refused.front().error;
  return known;
}

std::optional<KnownTables> AskForMoments(const PipelinePlan& pipeline) {
  std::optional<Side> source;
  try {
    source = Side::Open(pipeline.source_url);
  } catch (const Error& error) {
    if (error.cause() == Cause::kUsage) throw;
    return {};
  }
  KnownTables known;
  const MomentFindings found =
      FindBetween(pipeline, *source, Side::Open(pipeline.target_url), /*all=*/false, known);
  if (!found.refused.empty()) throw found.refused.front().error;
  return known;
}

void RequireSameMoments(const PipelinePlan& pipeline, const KnownTables& known,
                        const std::shared_ptr<const TableSchema>& schema) {
  if (!known.matters) return;
  const auto now = known.tables.find(schema->table);
  if (now != known.tables.end() && IsPartOf(*schema, *now->second)) return;
  const auto mapping =
      std::ranges::find(pipeline.tables, schema->table, &apply::TableMapping::source);
  if (mapping == pipeline.tables.end()) return;
  const Side target = Side::Open(pipeline.target_url);
  const apply::ApplyPlan plan = apply::PlanTable(schema, *mapping);
  const Look look = LookAt(pipeline, static_cast<size_t>(mapping - pipeline.tables.begin()), plan,
                           known.source_zone.value_or("UTC"), target);
  apply::RefuseOtherMoments(plan, look.target, look.local);
}

}  // namespace syncline::cli
