#include "capture/plan/cursor_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"

namespace syncline::capture {
namespace {

bool AreOneWord(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::vector<std::string> NamesOf(const std::vector<sql::ColumnInfo>& columns) {
  std::vector<std::string> names;
  for (const sql::ColumnInfo& column : columns) names.push_back(column.column.name);
  return names;
}

std::optional<CursorKind> KindOnSqlite(const Column& column) {
  switch (column.type) {
    case Type::kInt:
    case Type::kDouble:
    case Type::kText:
    case Type::kDate:
    case Type::kTimestamp:
    case Type::kTimestampTz:
      return CursorKind::kStored;
    default:
      if (column.native_type.empty()) return CursorKind::kStored;
      return std::nullopt;
  }
}

std::optional<CursorKind> KindOnPostgres(const Column& column) {
  switch (column.type) {
    case Type::kTimestampTz:
      return CursorKind::kTimestampTz;
    case Type::kTimestamp:
      return CursorKind::kTimestamp;
    case Type::kDate:
      return CursorKind::kDate;
    case Type::kInt:
      return column.native_type == "xid8" ? CursorKind::kXid : CursorKind::kInteger;
    default:
      return std::nullopt;
  }
}

// Nothing: the column cannot be polled by.
std::optional<CursorKind> KindOf(const Column& column, Dialect dialect) {
  return sql::ForDialect(dialect, sql::IfPostgres{[&] { return KindOnPostgres(column); }},
                         sql::IfSqlite{[&] { return KindOnSqlite(column); }});
}

// "updated_at or changed_at": what to suggest as a cursor; empty when no column would do.
std::string PossibleCursors(const sql::TableInfo& info, Dialect dialect) {
  std::string names;
  int found = 0;
  for (const sql::ColumnInfo& column : info.columns) {
    const auto kind = KindOf(column.column, dialect);
    const bool time = column.column.type != Type::kInt && column.column.type != Type::kText &&
                      column.column.type != Type::kDouble;
    if (!kind || !time || ++found > 3) continue;
    names += (names.empty() ? "" : " or ") + column.column.name;
  }
  return names;
}

std::string CursorHint(const sql::TableInfo& info, Dialect dialect) {
  const std::string names = PossibleCursors(info, dialect);
  if (!names.empty()) return fmt::format("set cursor: for this table, for instance to {}", names);
  if (WhyNotByXmin(info.kind, dialect).empty()) {
    return "set capture: xmin for this table, which needs no column; a poll reads the whole table";
  }
  return "add a column that every insert and update sets, such as updated_at timestamptz NOT NULL "
         "DEFAULT now() with a trigger, and an index on it; then set cursor: for this table";
}

CursorKind CheckCursorColumn(const std::string& column, const sql::TableInfo& info,
                             Dialect dialect) {
  const std::string name = info.name.ToString();
  const sql::ColumnInfo* found = info.Find(column);
  if (!found) {
    throw UsageError(fmt::format("{}: there is no column {} to poll by{}", name, column,
                                 DidYouMean(column, NamesOf(info.columns))),
                     CursorHint(info, dialect));
  }
  if (const auto kind = KindOf(found->column, dialect)) return *kind;
  throw UsageError(
      fmt::format("{}: column {} of type {} cannot be polled by", name, column,
                  found->column.native_type),
      sql::ForDialect(
          dialect,
          sql::IfPostgres{
              "a cursor column is a timestamptz, a timestamp, a date, an integer from a "
              "sequence, or an xid8"},
          sql::IfSqlite{
              "a cursor column is declared as a date, a timestamp, an integer, a real or text"}));
}

CursorKind CheckCursor(const CursorColumns& cursor, const sql::TableInfo& info, Dialect dialect) {
  const std::string name = info.name.ToString();
  if (cursor.column.empty()) {
    throw UsageError(fmt::format("{}: no cursor column is named", name), CursorHint(info, dialect));
  }
  const CursorKind kind = CheckCursorColumn(cursor.column, info, dialect);
  if (cursor.fallback.empty()) return kind;
  CheckCursorColumn(cursor.fallback, info, dialect);
  const Column& first = info.Find(cursor.column)->column;
  const Column& second = info.Find(cursor.fallback)->column;
  if (kind == CursorKind::kInteger || kind == CursorKind::kXid) {
    throw UsageError(fmt::format("{}: {} is for times, and {} is a number", name,
                                 cursor.Sql().text(), first.name),
                     "poll by one column that every insert and update sets");
  }
  if (first.type != second.type || !AreOneWord(first.native_type, second.native_type)) {
    throw UsageError(fmt::format("{}: {} mixes two types, {} and {}", name, cursor.Sql().text(),
                                 first.native_type, second.native_type),
                     "give both columns one type, or poll by one of them");
  }
  return kind;
}

// The methods that need no column, for a table that allows them.
CursorKind CheckWithoutColumn(const TableSpec& spec, const sql::TableInfo& info, Dialect dialect) {
  const std::string_view method = NameOf(spec.method);
  const std::string why =
      spec.method == CaptureMethod::kXmin ? WhyNotByXmin(info.kind, dialect) : std::string();
  if (!why.empty()) {
    throw UsageError(
        fmt::format("{}: it cannot be captured by {}: {}", spec.table.ToString(), method, why),
        "name a cursor column with cursor:, or set capture: compare");
  }
  if (!spec.cursor.empty()) {
    throw UsageError(fmt::format("{}: by {} no cursor column is read, and {} is named",
                                 spec.table.ToString(), method, spec.cursor),
                     fmt::format("take out cursor: of this table, or capture: {}", method));
  }
  return spec.method == CaptureMethod::kXmin ? CursorKind::kXmin : CursorKind::kNone;
}

}  // namespace

CursorKind ChooseCursor(const TableSpec& spec, const CursorColumns& columns,
                        const sql::TableInfo& info, Dialect dialect) {
  return spec.method == CaptureMethod::kCursor ? CheckCursor(columns, info, dialect)
                                               : CheckWithoutColumn(spec, info, dialect);
}

std::string WhyNotByXmin(sql::TableInfo::Kind kind, Dialect dialect) {
  using Kind = sql::TableInfo::Kind;
  const bool has_ids = sql::ForDialect(dialect, sql::IfPostgres{true}, sql::IfSqlite{false});
  if (!has_ids) return "rows of SQLite do not tell which transaction wrote them";
  if (kind == Kind::kTable || kind == Kind::kPartitioned) return "";
  return fmt::format("rows of {} do not tell which transaction wrote them",
                     kind == Kind::kView ? "a view" : "a foreign table");
}

void RefuseInTwoDirections(const CapturePlan& plan) {
  if (!plan.schema->has_cursor()) {
    throw UsageError(
        fmt::format("{}: in two directions the version of a row decides conflicts, and "
                    "captured by {} it has none",
                    plan.name(), NameOf(plan.method())),
        "poll by a timestamp or a date, or sync the table in one direction");
  }
  if (plan.cursor_kind != CursorKind::kInteger && plan.cursor_kind != CursorKind::kXid) return;
  throw UsageError(
      fmt::format("{}: rows of other databases bring numbers of theirs in {}, by which this "
                  "one's cannot be told any more",
                  plan.name(), plan.cursor_sql().text()),
      "in two directions, poll by a timestamp or a date");
}

}  // namespace syncline::capture
