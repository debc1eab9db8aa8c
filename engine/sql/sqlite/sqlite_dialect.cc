#include "engine/sql/sqlite/sqlite_dialect.h"

#include <fmt/format.h>

#include <cmath>

#include "engine/model/value_text.h"
#include "engine/sql/dialect.h"
#include "engine/sql/quoting.h"
#include "engine/sql/sql_maker.h"

namespace syncline::sql {
namespace {

std::string DoubleText(double value) {
  if (std::isnan(value)) return "'NaN'";
  if (std::isinf(value)) return value > 0 ? "9e999" : "-9e999";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// As the value is stored: see the table of types in README.md.
std::string LiteralText(ValueView value) {
  switch (value.type()) {
    case Type::kBool:
      return value.as_bool() ? "1" : "0";
    case Type::kInt:
      return std::to_string(value.as_int());
    case Type::kDouble:
      return DoubleText(value.as_double());
    case Type::kBytes:
      return "x'" + Hex(value.as_string()) + "'";
    default: {
      const std::string text = ToText(value);
      // SQLite ends the text of a statement at a zero byte.
      if (text.find('\0') != std::string::npos) return "CAST(x'" + Hex(text) + "' AS TEXT)";
      return InQuotes(text, '\'');
    }
  }
}

// See the functions of SqlDialect for what they are.
class SqliteDialect : public SqlDialect {
 public:
  const Capabilities& can() const override {
    static constexpr Capabilities kCan{.is_file = true,
                                       .has_schemas = false,
                                       .has_roles = false,
                                       .has_typed_values = false,
                                       .has_booleans = false,
                                       .has_time_zones = false,
                                       .has_row_locks = false,
                                       .has_bulk_load = false,
                                       .has_staged_statements = false,
                                       .retypes_columns = false};
    return kCan;
  }

  // The case of ASCII letters is not told apart.
  std::string FoldedName(std::string_view name) const override {
    std::string folded(name);
    for (char& c : folded) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return folded;
  }
  Sql Literal(ValueView value) const override { return SqlMaker::Of(LiteralText(value)); }
  Sql Parameter(size_t number, std::string_view) const override { return Format("${}", number); }

  std::string_view DefaultSchema() const override { return ""; }
  std::string_view TemporarySchema() const override { return "temp"; }

  Sql IsSame(const Sql& a, const Sql& b) const override { return Format("{} IS {}", a, b); }
  Sql Holds(Type, const Sql& column, const Sql& other) const override {
    return IsSame(column, other);
  }
  Sql IsSameText(const Sql& a, const Sql& b) const override {
    return Format("{} = {} COLLATE BINARY", a, b);
  }

  Sql AsText(const Sql& expression) const override {
    return Format("CASE WHEN {0} IS NOT NULL THEN quote({0}) END", expression);
  }
  Sql ExactText(const Sql& expression) const override {
    return Format(
        "CASE typeof({0}) WHEN 'blob' THEN '\\x' || lower(hex({0})) "
        "WHEN 'real' THEN printf('%!.17g', {0}) ELSE {0} END",
        expression);
  }

  Sql Now() const override { return "strftime('%Y-%m-%d %H:%M:%f+00', 'now')"; }
  Sql Moment(const Column& column, const Sql& version, Type version_type) const override {
    if (!version.empty() && column.type == version_type) return version;
    switch (column.type) {
      case Type::kDate:
        return "date('now')";
      case Type::kTimestamp:
        return "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'";
      default:
        return "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000+00'";
    }
  }
  Sql RandomValue(const Column& column) const override {
    switch (column.type) {
      case Type::kText:
      case Type::kUuid:
        return "lower(hex(randomblob(16)))";
      case Type::kInt:
      case Type::kDecimal:
        return "-1 - abs(random() % 2000000000)";
      case Type::kBytes:
        return "randomblob(16)";
      default:
        return "";
    }
  }

  Sql ForUpdate() const override { return ""; }  // the transaction holds the file
  Sql KeepIdentity() const override { return ""; }
  Sql EmptyAtCommit() const override { return ""; }
  Sql DropAtCommit() const override { return ""; }
  Sql WithoutRows() const override { return " LIMIT 0"; }

  Sql DeferConstraints() const override { return "PRAGMA defer_foreign_keys = ON"; }
  // A column's type cannot be changed.
  Sql Retype(const TableName& table, const std::string& column, const Sql& type) const override {
    return Format(
        "ALTER TABLE {0} ADD COLUMN {2} {3}; UPDATE {0} SET {2} = {1}; "
        "ALTER TABLE {0} DROP COLUMN {1}; ALTER TABLE {0} RENAME COLUMN {2} TO {1};",
        Quote(table), Quote(column), Quote(column + "_new"), type);
  }

  Sql StampType() const override { return "text"; }
  Sql BytesType() const override { return "blob"; }
  Sql JsonType() const override { return "text"; }
  Sql NumberedKeyType() const override { return "INTEGER PRIMARY KEY AUTOINCREMENT"; }
};

}  // namespace

const SqlDialect& SqliteSqlDialect() {
  static const SqliteDialect dialect;
  return dialect;
}

}  // namespace syncline::sql
