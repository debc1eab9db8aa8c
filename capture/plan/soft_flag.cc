#include "capture/plan/soft_flag.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::capture {
namespace {

// Whether the column holds numbers or truth values, or times; nothing: neither.
std::optional<bool> IsNumber(const Column& column, Dialect dialect) {
  switch (column.type) {
    case Type::kBool:
    case Type::kInt:
      return true;
    case Type::kDate:
    case Type::kTimestamp:
    case Type::kTimestampTz:
      return false;
    case Type::kText:  // a time, as programs write it where times have no type
      if (!sql::DialectOf(dialect).can().has_typed_values) return false;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

SoftFlag PlanSoftFlag(const TableSpec& spec, const sql::TableInfo& info,
                      const TableSchema& schema) {
  const std::string table = spec.table.ToString();
  const std::string& name = spec.deletes.flag;
  const sql::ColumnInfo* found = info.Find(name);
  if (found == nullptr) {
    std::vector<std::string> names;
    for (const sql::ColumnInfo& column : info.columns) names.push_back(column.column.name);
    throw UsageError(fmt::format("{}: there is no column {} to tell deleted rows by{}", table, name,
                                 DidYouMean(name, names)),
                     "correct column: of this table's deletes: in the configuration");
  }
  SoftFlag flag;
  flag.column = static_cast<uint32_t>(schema.Find(name));
  const bool in_key = std::ranges::find(schema.key, flag.column) != schema.key.end();
  const std::optional<bool> is_number = IsNumber(found->column, schema.dialect);
  const bool is_cursor = schema.IsCursor(flag.column);
  if (in_key || is_cursor || !is_number) {
    throw UsageError(
        fmt::format("{}: column {} of type {} cannot tell deleted rows{}", table, name,
                    found->column.native_type,
                    in_key      ? ", it is part of the key"
                    : is_cursor ? ", it is the cursor"
                                : ""),
        "name a boolean, an integer, a date or a timestamp that is set when a row is deleted");
  }
  flag.is_number = *is_number;
  return flag;
}

bool IsSet(const SoftFlag& flag, const TableSchema& schema, const Row& row) {
  const ValueView value = row[flag.column];
  if (value.is_null()) return false;
  if (!flag.is_number) return true;
  switch (value.type()) {
    case Type::kBool:
    case Type::kInt:
      return value.as_int() != 0;
    case Type::kDouble:
      return value.as_double() != 0;
    default:
      throw StopError(
          fmt::format("{}: column {} tells deleted rows by a number, and a row holds {} there",
                      schema.table.ToString(), schema.columns[flag.column].name,
                      TypeName(value.type())),
          "put 0, 1 or NULL there, or name another column under deletes:");
  }
}

}  // namespace syncline::capture
