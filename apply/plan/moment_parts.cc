#include "apply/plan/moment_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/time_zone.h"

namespace syncline::apply {
namespace {

// What a column's type is made of, down to 16 levels, as far as it holds moments: the place inside
// and the type.
constexpr char kParts[] = R"(
  WITH RECURSIVE parts(depth, place, type) AS (
    SELECT 0, ''::text COLLATE pg_catalog."C", atttypid FROM pg_catalog.pg_attribute
    WHERE attrelid = pg_catalog.to_regclass($1::text) AND attname = $2::text
    UNION ALL
    SELECT parts.depth + 1, parts.place || inner_part.place, inner_part.type
    FROM parts JOIN pg_catalog.pg_type t ON t.oid = parts.type, LATERAL (
      SELECT '[]' AS place, t.typelem AS type WHERE t.typcategory = 'A' AND t.typelem <> 0
      UNION ALL SELECT '', t.typbasetype WHERE t.typtype = 'd'
      UNION ALL SELECT '', r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid
      UNION ALL SELECT '.' || a.attname::text COLLATE pg_catalog."C", a.atttypid FROM pg_catalog.pg_attribute a
        WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS inner_part
    WHERE parts.depth < 16)
  SELECT place, pg_catalog.format_type(type, NULL) FROM parts
  WHERE type IN ('date'::pg_catalog.regtype, 'timestamp'::pg_catalog.regtype,
                 'timestamptz'::pg_catalog.regtype)
  ORDER BY place)";

struct Part {
  std::string place, type;

  bool is_zoned() const { return type == "timestamp with time zone"; }
};

std::vector<Part> PartsOf(sql::Session& session, const TableName& table, const Column& column) {
  std::vector<Part> parts;
  const auto found = session.Query(kParts, {std::string(sql::Quote(table).text()), column.name});
  for (const auto& row : found.rows) {
    parts.push_back({row.at(0).value_or(""), row.at(1).value_or("")});
  }
  return parts;
}

// The first part of one side that is another kind of moment on the other side, or is not there.
const Part* FirstOther(const std::vector<Part>& parts, const std::vector<Part>& others) {
  for (const Part& part : parts) {
    const auto other = std::ranges::find(others, part.place, &Part::place);
    if (other == others.end() || other->is_zoned() != part.is_zoned()) return &part;
  }
  return nullptr;
}

}  // namespace

void RefuseOtherParts(sql::Session& source, sql::Session& target, const ApplyPlan& plan,
                      const LocalTimes& local) {
  const auto has_parts = [](const sql::Session& session) {
    return sql::ForDialect(session.dialect(), sql::IfPostgres{true}, sql::IfSqlite{false});
  };
  if (!has_parts(source) || !has_parts(target)) return;
  for (uint32_t i = 0; i < plan.columns.size(); ++i) {
    const Column& from = plan.schema->columns[plan.take[i]];
    if (from.type != Type::kOther || sql::TimesIn(from) != sql::Times::kNone) continue;
    const std::vector<Part> parts = PartsOf(source, plan.schema->table, from);
    const std::vector<Part> there = PartsOf(target, plan.target, plan.columns[i]);
    if (parts.empty() || there.empty()) continue;  // as text, or as something that refuses it
    const Part* const other = FirstOther(parts, there);
    if (other == nullptr && FirstOther(there, parts) == nullptr) continue;
    const auto zone = [&](sql::Session& session) {
      return local.zone.empty() ? sql::ConfiguredZone(session) : local.zone;
    };
    if (sql::IsUtc(zone(source)) && sql::IsUtc(zone(target))) continue;
    throw UsageError(
        fmt::format("column {} of {} is {} at the source, and column {} of {} has other moments "
                    "inside on the target{}: its values would be other moments there",
                    from.name, plan.schema->table.ToString(), from.native_type,
                    plan.columns[i].name, plan.target.ToString(),
                    other == nullptr ? ""
                                     : fmt::format(" ({}{} is {} at the source)", from.name,
                                                   other->place, other->type)),
        "Give the type on both sides the same definition; or, if what has no time zone holds UTC, "
        "whatever the database says, state it: `zone: UTC` for the table.");
  }
}

}  // namespace syncline::apply
