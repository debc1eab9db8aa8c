#include "capture/guarantee.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/sql/dialect.h"

namespace syncline::capture {
namespace {

// Sequences that a column draws from, by its default or as an identity column.
constexpr char kSequencesSql[] = R"(
  SELECT s.seqcache, s.seqincrement, s.seqcycle,
         pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(q.relname)
  FROM pg_sequence s JOIN pg_class q ON q.oid = s.seqrelid
  JOIN pg_namespace n ON n.oid = q.relnamespace
  JOIN pg_attribute c ON c.attrelid = $1::regclass AND c.attname = $2
  WHERE s.seqrelid IN (
    SELECT d.refobjid FROM pg_depend d
    JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
    WHERE a.adrelid = c.attrelid AND a.adnum = c.attnum AND d.refclassid = 'pg_class'::regclass
    UNION ALL
    SELECT d.objid FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.deptype = 'i' AND d.refobjid = c.attrelid AND d.refobjsubid = c.attnum))";

// The default of the column that an insert sets, and a row trigger that runs before updates: bits
// 1, 2 and 16 of pg_trigger.tgtype.
constexpr char kStampedSql[] = R"(
  SELECT
    EXISTS (SELECT FROM pg_attrdef a JOIN pg_attribute c ON c.attrelid = a.adrelid AND c.attnum = a.adnum
            WHERE a.adrelid = $1::regclass AND c.attname = $2),
    EXISTS (SELECT FROM pg_trigger
            WHERE tgrelid = $1::regclass AND NOT tgisinternal AND tgenabled <> 'D'
              AND tgtype & 19 = 19))";

// Of so many rows, a column that counts each row's own changes holds few values, from 0 or 1 on.
constexpr uint64_t kSampleRows = 1000;
constexpr uint64_t kSampleRowsMin = 20;

// The one that an insert sets.
std::string CursorName(const TablePlan& plan) {
  const TableSchema& schema = *plan.schema;
  return schema.columns[schema.cursor_fallback.value_or(schema.cursor)].name;
}

bool LooksLikeARowsOwnCounter(sql::Session& session, const TablePlan& plan) {
  const auto row =
      session
          .Query(sql::Format("SELECT count(*), count(DISTINCT c), min(c) FROM (SELECT {} AS c FROM "
                             "{} LIMIT {}) AS sample",
                             plan.cursor_sql(), sql::Quote(plan.schema->table), kSampleRows))
          .rows.at(0);
  const uint64_t rows = std::stoull(row.at(0).value());
  if (rows < kSampleRowsMin) return false;
  const std::string& lowest = row.at(2).value_or("");
  return 2 * std::stoull(row.at(1).value()) <= rows && (lowest == "0" || lowest == "1");
}

Guarantee ClassifyVersion(sql::Session& session, const TablePlan& plan) {
  const std::string cursor = CursorName(plan);
  const auto sequences =
      session.Query(kSequencesSql, {sql::Quote(plan.schema->table).ToString(), cursor});
  if (sequences.rows.empty()) {
    if (LooksLikeARowsOwnCounter(session, plan)) {
      return {GuaranteeClass::kRefused,
              fmt::format("column {} counts the changes of each row by itself, which orders "
                          "nothing between rows",
                          cursor),
              "poll by a timestamp, or draw the version from one sequence"};
    }
    return {GuaranteeClass::kBestEffort,
            fmt::format("column {} has no sequence as its default", cursor),
            "exact only if every insert and update draws it from one sequence; a counter of "
            "each row's own loses changes: poll by a timestamp instead"};
  }
  for (const auto& row : sequences.rows) {
    std::vector<std::string> reasons, remedies;
    if (row.at(0) != "1") {
      reasons.push_back("each session keeps numbers for later (CACHE)");
      remedies.push_back("CACHE 1");
    }
    if (row.at(1)->starts_with('-')) {
      reasons.push_back("it counts down");
      remedies.push_back("INCREMENT 1");
    }
    if (row.at(2) == "t") {
      reasons.push_back("it begins again at its lowest number (CYCLE)");
      remedies.push_back("NO CYCLE");
    }
    if (reasons.empty()) continue;
    return {GuaranteeClass::kBestEffort,
            fmt::format("the sequence of column {} hands out numbers out of order: {}", cursor,
                        fmt::join(reasons, ", ")),
            fmt::format("run: ALTER SEQUENCE {} {}", *row.at(3), fmt::join(remedies, " "))};
  }
  return {GuaranteeClass::kExact, "a version from a sequence without cache", ""};
}

}  // namespace

std::string_view NameOf(GuaranteeClass kind) {
  switch (kind) {
    case GuaranteeClass::kExact:
      return "exact";
    case GuaranteeClass::kBounded:
      return "bounded";
    case GuaranteeClass::kBestEffort:
      return "best-effort";
    case GuaranteeClass::kRefused:
      return "refused";
  }
  return "";
}

Guarantee Classify(sql::Session& session, const TablePlan& plan) {
  if (session.dialect() == Dialect::kSqlite) {
    return {GuaranteeClass::kExact,
            "for stamps that SQLite makes; for ISO times that programs make, within 2 s", ""};
  }
  if (plan.cursor_kind == CursorKind::kXid) {
    return {GuaranteeClass::kExact,
            "as long as every insert and update sets it to pg_current_xact_id()", ""};
  }
  if (session.Query("SELECT pg_is_in_recovery()").rows.at(0).at(0) == "t") {
    return {GuaranteeClass::kBestEffort, "the source is a standby", "capture from the primary"};
  }
  if (plan.table_kind == sql::TableInfo::Kind::kForeign) {
    return {GuaranteeClass::kBestEffort,
            "this server does not show the foreign server's transactions",
            "capture from the server that holds the table"};
  }
  if (plan.cursor_kind == CursorKind::kInteger) return ClassifyVersion(session, plan);
  const auto stamped =
      session.Query(kStampedSql, {sql::Quote(plan.schema->table).ToString(), CursorName(plan)})
          .rows.at(0);
  if (stamped.at(0) == "t" && stamped.at(1) == "t") {
    return {GuaranteeClass::kExact, "as long as the database sets the cursor column", ""};
  }
  return {GuaranteeClass::kBounded,
          "exact where the database sets the cursor column; where applications set it, within 2 s "
          "of the server's clock",
          plan.schema->cursor_fallback
              ? "give the second column a default, and the first one a trigger before updates that "
                "sets it"
              : "give the column a default and a trigger before updates that sets it"};
}

}  // namespace syncline::capture
