#include "capture/check/check_cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "capture/plan/cursor_choice.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"

namespace syncline::capture {
namespace {

using Level = CheckResult::Level;

// So many pages are read to tell how long all of them take.
constexpr uint64_t kSamplePages = 1000;
// A poll that takes longer is worth a warning.
constexpr double kLongSeconds = 5;

// The pages of the table itself and of its partitions.
constexpr char kPagesSql[] = R"(
  SELECT coalesce(sum(pg_relation_size(relid) / current_setting('block_size')::bigint), 0)
  FROM (SELECT relid FROM pg_partition_tree($1::regclass) WHERE isleaf
        UNION SELECT $1::regclass) AS parts)";

CheckResult CheckScan(sql::Session& session, const CapturePlan& plan) {
  const auto sizes =
      session.Query(kPagesSql, {sql::Quote(plan.schema->table).ToString()}).rows.at(0);
  const uint64_t pages = std::max<uint64_t>(std::stoull(sizes.at(0).value()), 1);
  const uint64_t sample = std::min(kSamplePages, pages);
  const auto began = std::chrono::steady_clock::now();
  session.Query(sql::Format(
      "SELECT count(*) FROM {} TABLESAMPLE SYSTEM (100.0 * {} / {}) WHERE age(xmin) < 0",
      plan.from(), sample, pages));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const double seconds = took.count() * static_cast<double>(pages) / static_cast<double>(sample);
  const bool by_xmin = plan.method() == CaptureMethod::kXmin;
  const std::string message =
      fmt::format("{} the whole table: {} pages, {}",
                  by_xmin ? "once anything was committed, a poll reads" : "a look compares", pages,
                  seconds < 0.1 ? "less than 0.1 s" : fmt::format("about {:.1f} s", seconds));
  if (seconds < kLongSeconds || !by_xmin) return {Level::kPass, plan.name(), message, {}};
  return {Level::kWarn, plan.name(), message,
          "give its pipeline an interval that grows, such as every: {min: 1s, max: 1min}, by which "
          "polls take at most a fifth of the time; or name an indexed cursor column with cursor:"};
}

CheckResult CheckPlan(sql::Session& session, const CapturePlan& plan) {
  const auto explained = session.Query(sql::Format(
      "EXPLAIN SELECT * FROM {} WHERE {} >= localtimestamp - interval '2 s' ORDER BY {}",
      plan.from(), plan.cursor_sql(), plan.poll_order));
  // The first line is the whole plan's cost, the scan is the first that names the table.
  std::string scan = explained.rows.at(0).at(0).value();
  const std::string cost = scan.substr(std::min(scan.find("(cost="), scan.size()));
  for (const auto& row : explained.rows) {
    if (row.at(0)->find(" on ") == std::string::npos) continue;
    scan = *row.at(0);
    break;
  }
  scan = scan.substr(0, scan.find("  (cost="));
  scan = scan.substr(std::min(scan.find_first_not_of(" ->"), scan.size()));
  return {Level::kPass, plan.name(), fmt::format("a poll is planned as {} {}", scan, cost), {}};
}

}  // namespace

std::optional<CheckResult> CheckCost(sql::Session& session, const CapturePlan& plan) {
  const bool has_plans =
      sql::ForDialect(plan.schema->dialect, sql::IfPostgres{true}, sql::IfSqlite{false});
  if (!has_plans || plan.cursor_kind == CursorKind::kInteger ||
      plan.cursor_kind == CursorKind::kXid) {
    return std::nullopt;
  }
  if (plan.schema->has_cursor()) return CheckPlan(session, plan);
  const bool has_pages = WhyNotByXmin(plan.table_kind, plan.schema->dialect).empty();
  return has_pages ? std::optional(CheckScan(session, plan)) : std::nullopt;
}

}  // namespace syncline::capture
