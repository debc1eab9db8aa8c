#include "tools/config/table_advice.h"

#include <fmt/format.h>

#include <algorithm>

#include "capture/plan/cursor_choice.h"
#include "capture/plan/cursor_columns.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::cli {
namespace {

// Names that people give to the column that every update moves, the likeliest first.
constexpr std::string_view kCursorNames[] = {
    "updated_at",  "modified_at", "last_modified", "last_updated", "changed_at",  "updated",
    "modified",    "updated_on",  "modified_on",   "update_time",  "last_update", "date_modified",
    "last_change", "updatedat",   "modifiedat",    "row_version",  "version",     "sync_version",
};
constexpr std::string_view kCreationNames[] = {"created_at", "created", "inserted_at",
                                               "created_on"};

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

template <typename Names>
std::string FindCursor(const sql::TableInfo& table, Dialect dialect, const Names& names) {
  for (std::string_view name : names) {
    for (const sql::ColumnInfo& column : table.columns) {
      if (Lower(column.column.name) == name && CanBeCursor(column.column.type, dialect)) {
        return column.column.name;
      }
    }
  }
  return {};
}

std::vector<std::string> CatalogueKey(const sql::TableInfo& table) {
  if (!table.primary_key.empty()) return table.primary_key;
  if (!table.unique_keys.empty()) return table.unique_keys.front();
  return {};
}

constexpr std::string_view kNoKey =
    "no primary key and no unique key over NOT NULL columns: name its key with \"key: [..]\"";

constexpr std::string_view kScans =
    "no column is a cursor: a poll reads the whole table, and `syncline check` says how long that "
    "takes";

constexpr std::string_view kNoCursor =
    "no column looks like a cursor: it takes a timestamp or version that every update moves";

constexpr std::string_view kCompares =
    "no column is a cursor: the whole table is compared with the log, every hour";

// The time of creation, where a row has none of its last update before there is one; empty: that is
// not how this table is.
std::string FindFallback(const sql::TableInfo& table, Dialect dialect, const std::string& cursor) {
  const std::string created = FindCursor(table, dialect, kCreationNames);
  if (cursor.empty() || created.empty()) return {};
  const Column& first = table.Find(cursor)->column;
  const Column& second = table.Find(created)->column;
  const bool alike = first.type == second.type && first.native_type == second.native_type;
  const bool fits = alike && first.nullable && !second.nullable && first.type != Type::kInt;
  return fits ? created : "";
}

}  // namespace

bool CanBeCursor(Type type, Dialect dialect) {
  switch (type) {
    case Type::kInt:
    case Type::kDate:
    case Type::kTimestamp:
    case Type::kTimestampTz:
      return true;
    case Type::kText:
    case Type::kDouble:
      return !sql::DialectOf(dialect).can().has_typed_values;
    default:
      return false;
  }
}

TableAdvice AdviseWithoutCursor(const sql::TableInfo& table, Dialect dialect) {
  TableAdvice advice;
  advice.key = CatalogueKey(table);
  if (advice.key.empty()) {
    advice.problem = kNoKey;
  } else if (capture::WhyNotByXmin(table.kind, dialect).empty()) {
    advice.capture = capture::CaptureMethod::kXmin;
    advice.caution = kScans;
  } else if (table.kind == sql::TableInfo::Kind::kForeign) {
    advice.problem = kNoCursor;
  } else {
    advice.capture = capture::CaptureMethod::kCompare;
    advice.caution = kCompares;
  }
  return advice;
}

TableAdvice AdviseTable(const sql::TableInfo& table, Dialect dialect) {
  TableAdvice advice = AdviseWithoutCursor(table, dialect);
  if (advice.key.empty()) return advice;
  std::string caution;
  std::string cursor = FindCursor(table, dialect, kCursorNames);
  if (cursor == "version") {
    caution =
        "only a version that grows over the whole table (from a sequence) can be a cursor, not a "
        "counter in each row";
  }
  const std::string fallback = FindFallback(table, dialect, cursor);
  if (!fallback.empty()) {
    cursor = capture::CursorColumns{cursor, fallback}.Text();
    caution = "`syncline check` says whether there is an index on it";
  }
  if (cursor.empty()) {
    // By a time of creation updates are missed: only where there is nothing better.
    if (advice.problem.empty()) return advice;
    cursor = FindCursor(table, dialect, kCreationNames);
    if (cursor.empty()) return advice;
    caution = fmt::format("\"{}\" looks like a creation time: updates would not be seen", cursor);
  }
  if (caution.empty() && std::ranges::find(table.indexed, cursor) == table.indexed.end()) {
    caution = fmt::format("no index on \"{}\": every poll reads the whole table", cursor);
  }
  return {.key = advice.key, .cursor = std::move(cursor), .caution = std::move(caution)};
}

std::string WhyNotCapturable(const sql::TableInfo& table, Dialect dialect,
                             const WantedCapture& wanted) {
  const auto& [key, cursor, method] = wanted;
  if (method == capture::CaptureMethod::kXmin) {
    const std::string why = capture::WhyNotByXmin(table.kind, dialect);
    if (!why.empty()) return why;
  }
  if (method == capture::CaptureMethod::kCompare && table.kind == sql::TableInfo::Kind::kForeign) {
    return "a foreign table cannot be locked, and so not be compared";
  }
  if (key.empty() && CatalogueKey(table).empty()) return std::string(kNoKey);
  for (const std::string& column : key) {
    if (table.Find(column) == nullptr) return fmt::format("it has no key column \"{}\"", column);
  }
  const auto columns = capture::CursorColumns::Parse(cursor);
  for (const std::string& name : {columns.column, columns.fallback}) {
    if (name.empty()) continue;
    const sql::ColumnInfo* column = table.Find(name);
    if (column == nullptr) return fmt::format("it has no cursor column \"{}\"", name);
    if (!CanBeCursor(column->column.type, dialect)) {
      return fmt::format("its column \"{}\" of type {} cannot be a cursor", name,
                         column->column.native_type);
    }
  }
  return {};
}

}  // namespace syncline::cli
