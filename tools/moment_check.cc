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

std::vector<OtherMoments> FindBetween(const PipelinePlan& pipeline, const Side& source,
                                      const Side& target) {
  std::vector<OtherMoments> found;
  if (!source.session || AllInUtc(pipeline, source, target)) return found;
  for (size_t i = 0; i < pipeline.tables.size(); ++i) {
    const apply::TableMapping& mapping = pipeline.tables[i];
    const auto plan = PlanOf(*source.session, pipeline.captured.at(i), mapping);
    if (!plan) continue;
    apply::TargetTimes times{
        .dialect = pipeline.target_url.dialect, .columns = plan->columns, .flag = {}};
    if (target.session) {
      if (const auto info = target.session->Describe(mapping.target)) {
        times = apply::TimesOf(*target.session, *plan, *info);
      }
    }
    times.zone = [&target] { return target.zone; };
    try {
      apply::RefuseOtherMoments(*plan, times,
                                {.zone = pipeline.captured[i].zone,
                                 .source_zone = [&source] { return source.zone; },
                                 .two_way = pipeline.two_way});
    } catch (const Error& error) {
      found.push_back({mapping.target, error});
    }
  }
  return found;
}

}  // namespace

std::vector<OtherMoments> FindOtherMoments(const PipelinePlan& pipeline) {
  return FindBetween(pipeline, Side::Open(pipeline.source_url), Side::Open(pipeline.target_url));
}

void RequireSameMoments(const PipelinePlan& pipeline, spdlog::logger& logger) {
  const Side target = Side::Open(pipeline.target_url);
  std::optional<Side> source;
  try {
    source = Side::Open(pipeline.source_url);
  } catch (const Error& error) {
    logger.warn(
        "the source cannot be asked for its time zone: what has none there counts as UTC, unless "
        "the table's zone says otherwise pipeline={} reason=\"{}\"",
        pipeline.name, error.message());
    return;
  }
  for (const OtherMoments& table : FindBetween(pipeline, *source, target)) throw table.error;
}

}  // namespace syncline::cli
