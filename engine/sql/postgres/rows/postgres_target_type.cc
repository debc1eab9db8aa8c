#include "engine/sql/postgres/rows/postgres_target_type.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "engine/sql/postgres/rows/postgres_types.h"

namespace syncline::sql {
namespace {

using Times = TargetType::Times;

// Numbers below are the system's own (transam.h).
constexpr Oid kFirstOfUsers = 16'384;

// Everything a type consists of, itself included, and whether it is reached through domains only.
// rngmultitypid is a column from PostgreSQL 14 on.
constexpr char kPartsSql[] = R"(
  WITH RECURSIVE parts(oid, is_base) AS (
    SELECT $1::pg_catalog.oid, true
    UNION
    SELECT p.oid, p.is_base AND t.is_base FROM parts t
    JOIN pg_catalog.pg_type y ON y.oid = t.oid
    CROSS JOIN LATERAL (
      SELECT y.typbasetype, true WHERE y.typtype = 'd'
      UNION ALL SELECT y.typelem, false WHERE y.typcategory = 'A' AND y.typelem <> 0
      UNION ALL SELECT r.rngsubtype, false FROM pg_catalog.pg_range r
        WHERE y.typtype IN ('r', 'm') AND (r.rngtypid = y.oid OR
              (pg_catalog.to_jsonb(r)->>'rngmultitypid')::pg_catalog.oid = y.oid)
      UNION ALL SELECT a.atttypid, false FROM pg_catalog.pg_attribute a
        WHERE y.typtype = 'c' AND a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS p(oid, is_base))
  SELECT oid, is_base FROM parts)";

Times TimesOf(Oid type) {
  switch (type) {
    case oid::kDate:
    case oid::kTimestamp:
    case oid::kTimestampTz:
      return Times::kMoment;
    case oid::kTime:
    case oid::kTimeTz:
      return Times::kTimeOfDay;
    default:
      return std::ranges::find(oid::kHoldingTimes, type) != std::end(oid::kHoldingTimes)
                 ? Times::kInside
                 : Times::kNone;
  }
}

TargetType OfUsers(PostgresConnection& connection, Oid type) {
  const PostgresResult parts = connection.Run(kPartsSql, {std::to_string(type)});
  TargetType found(type);
  for (const PostgresResult::Row row : parts) {
    const auto part = static_cast<Oid>(std::stoul(row[0].c_str()));
    const TargetType one(part);
    const bool is_base = std::string_view(row[1].c_str()) == "t";
    if (is_base && part < kFirstOfUsers) return one;
    if (one.times != Times::kNone) found.times = Times::kInside;
  }
  return found;
}

}  // namespace

TargetType::TargetType(Oid type) : oid(type), times(TimesOf(type)) {}

std::vector<TargetType> TargetTypesOf(PostgresConnection& connection,
                                      const std::vector<Oid>& types) {
  std::vector<TargetType> targets;
  targets.reserve(types.size());
  for (const Oid type : types) {
    if (type < kFirstOfUsers) {
      targets.emplace_back(type);
      continue;
    }
    const auto known = std::ranges::find(types, type);
    const auto place = static_cast<size_t>(known - types.begin());
    targets.push_back(place < targets.size() ? targets[place] : OfUsers(connection, type));
  }
  return targets;
}

}  // namespace syncline::sql
