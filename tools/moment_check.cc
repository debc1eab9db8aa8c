#include "tools/moment_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "apply/moment_fit.h"
#include "apply/table_plan.h"
#include "capture/table_plan.h"
#include "engine/base/log_text.h"
#include "engine/sql/session.h"
#include "engine/sql/time_zone.h"

namespace syncline::cli {
namespace {

// One of the two databases, with the time zone that it has configured.
struct Side {
  std::unique_ptr<sql::Session> session;  // null: a SQLite file that is not there
  std::string zone = "UTC";

  static Side Open(const sql::DatabaseUrl& url) {
    Side side;
    const bool is_file = url.dialect == Dialect::kSqlite;
    if (is_file && !std::filesystem::exists(url.connection)) return side;
    side.session = sql::Session::Open(url, {.read_only = true});
    side.zone = sql::ConfiguredZone(*side.session);
    return side;
  }
};

// Where everything is in UTC no column can hold other moments.
bool AllInUtc(const PipelinePlan& pipeline, const Side& source, const Side& target) {
  return sql::IsUtc(source.zone) && sql::IsUtc(target.zone) &&
         std::ranges::all_of(pipeline.captured, [](const capture::TableSpec& spec) {
           return spec.zone.empty() || sql::IsUtc(spec.zone);
         });
}

// What the target's table will be written by; nothing for one that cannot be captured or applied.
std::optional<apply::TablePlan> PlanOf(sql::Session& source, const capture::TableSpec& spec,
                                       const apply::TableMapping& mapping) {
  try {
    return apply::PlanTable(capture::PlanTable(source, spec).schema, mapping);
  } catch (const Error& error) {
    if (error.reaction() == Reaction::kStop) return {};
    throw;
  }
}

// Throws what RefuseOtherMoments throws of the table of pipeline.tables[i].
void RequireSame(const PipelinePlan& pipeline, size_t i, const apply::TablePlan& plan,
                 const Side& source, const Side& target) {
  apply::TargetTimes times{
      .dialect = pipeline.target_url.dialect, .columns = plan.columns, .flag = {}};
  if (target.session) {
    if (const auto info = target.session->Describe(pipeline.tables[i].target)) {
      times = apply::TimesOf(*target.session, plan, *info);
    }
  }
  times.zone = [&target] { return target.zone; };
  apply::RefuseOtherMoments(plan, times,
                            {.zone = pipeline.captured.at(i).zone,
                             .source_zone = [&source] { return source.zone; },
                             .two_way = pipeline.two_way});
}

// `known` gets the tables that were looked at.
std::vector<OtherMoments> FindBetween(const PipelinePlan& pipeline, const Side& source,
                                      const Side& target, KnownTables& known) {
  std::vector<OtherMoments> found;
  known.matters = source.session && !AllInUtc(pipeline, source, target);
  if (!known.matters) return found;
  for (size_t i = 0; i < pipeline.tables.size(); ++i) {
    const auto plan = PlanOf(*source.session, pipeline.captured.at(i), pipeline.tables[i]);
    if (!plan) continue;
    known.tables[pipeline.tables[i].source] = plan->schema;
    try {
      RequireSame(pipeline, i, *plan, source, target);
    } catch (const Error& error) {
      if (error.cause() != Cause::kUsage) throw;
      found.push_back({pipeline.tables[i].target, error});
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

std::vector<OtherMoments> FindOtherMoments(const PipelinePlan& pipeline) {
  KnownTables known;
  return FindBetween(pipeline, Side::Open(pipeline.source_url), Side::Open(pipeline.target_url),
                     known);
}

KnownTables RequireSameMoments(const PipelinePlan& pipeline, spdlog::logger& logger) {
  const Side target = Side::Open(pipeline.target_url);
  KnownTables known;
  std::optional<Side> source;
  try {
    source = Side::Open(pipeline.source_url);
  } catch (const Error& error) {
    logger.warn(LogText(
        "the source cannot be asked for its time zone: what has none there counts as UTC, unless "
        "the table's zone says otherwise pipeline={} reason=\"{}\"",
        pipeline.name, error.message()));
    return known;
  }
  for (const OtherMoments& table : FindBetween(pipeline, *source, target, known)) throw table.error;
  return known;
}

void RequireSameMoments(const PipelinePlan& pipeline, const KnownTables& known,
                        const std::shared_ptr<const TableSchema>& schema) {
  const auto now = known.tables.find(schema->table);
  if (now != known.tables.end() && IsPartOf(*schema, *now->second)) return;
  const auto mapping =
      std::ranges::find(pipeline.tables, schema->table, &apply::TableMapping::source);
  if (mapping == pipeline.tables.end()) return;
  const Side source = Side::Open(pipeline.source_url);
  const Side target = Side::Open(pipeline.target_url);
  RequireSame(pipeline, static_cast<size_t>(mapping - pipeline.tables.begin()),
              apply::PlanTable(schema, *mapping), source, target);
}

}  // namespace syncline::cli
