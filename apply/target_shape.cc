#include "apply/target_shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/sql/declared_type.h"
#include "engine/sql/dialect.h"

namespace syncline::apply::terms {

using sql::Quote;

std::string Column(const char* table, const std::string& column) {
  return fmt::format("{}.{}", table, Quote(column));
}

std::string CursorOf(const TargetShape& shape, const char* table) {
  const std::string cursor = Column(table, shape.cursor);
  if (shape.cursor_fallback.empty()) return cursor;
  return fmt::format("coalesce({}, {})", cursor, Column(table, shape.cursor_fallback));
}

std::string TargetCursor(const TargetShape& shape) { return CursorOf(shape, "t"); }

std::vector<std::string> Names(const TargetShape& shape) {
  std::vector<std::string> names;
  for (const auto& column : shape.columns) names.push_back(column.name);
  return names;
}

bool IsKey(const TargetShape& shape, const std::string& column) {
  return std::ranges::find(shape.key, column) != shape.key.end();
}

size_t PlaceOf(const TargetShape& shape, const std::string& column) {
  const auto found = std::ranges::find(shape.columns, column, &syncline::Column::name);
  return static_cast<size_t>(found - shape.columns.begin());
}

std::string Ordered(const TargetShape& shape, const std::string& expression) {
  if (shape.dialect == Dialect::kSqlite && shape.cursor_type == Type::kDecimal) {
    return fmt::format("CAST({} AS NUMERIC)", expression);  // decimals are text there
  }
  if (shape.dialect == Dialect::kPostgres && shape.cursor_type == Type::kText) {
    return expression + " COLLATE \"C\"";
  }
  return expression;
}

std::string Parameter(const TargetShape& shape, size_t number, const std::string& native) {
  if (shape.dialect != Dialect::kPostgres) return fmt::format("${}", number);
  return fmt::format("CAST(${} AS {})", number, sql::DeclaredType(native, shape.dialect));
}

std::string VersionParameter(const TargetShape& shape, size_t number) {
  if (!shape.has_versions()) return {};  // in no statement then
  return Parameter(shape, number, shape.cursor_native);
}

std::string OwnVersion(const TargetShape& shape) {
  const std::string own = VersionParameter(shape, PlaceOf(shape, shape.cursor) + 1);
  if (shape.cursor_fallback.empty()) return own;
  return fmt::format("coalesce({}, {})", own,
                     VersionParameter(shape, PlaceOf(shape, shape.cursor_fallback) + 1));
}

std::string SameKey(const TargetShape& shape, const char* other) {
  std::vector<std::string> terms;
  for (const std::string& column : shape.key) {
    terms.push_back(fmt::format("{} = {}", Column("t", column), Column(other, column)));
  }
  return fmt::format("{}", fmt::join(terms, " AND "));
}

std::string KeyIs(const TargetShape& shape, bool deletion) {
  std::vector<std::string> terms;
  for (size_t i = 0; i < shape.key.size(); ++i) {
    const size_t place = deletion ? i : PlaceOf(shape, shape.key[i]);
    terms.push_back(fmt::format("{} = ${}", Column("t", shape.key[i]), place + 1));
  }
  return fmt::format("{}", fmt::join(terms, " AND "));
}

std::string IsNewer(const TargetShape& shape, const std::string& version) {
  if (!shape.has_versions()) return "FALSE";
  return fmt::format("coalesce({} > {}, FALSE)", Ordered(shape, TargetCursor(shape)),
                     Ordered(shape, version));
}

namespace {

// A truth value or a number; otherwise a time.
bool IsNumber(const syncline::Column& flag) {
  return flag.type == Type::kBool || flag.type == Type::kInt;
}

bool IsTime(Type type) {
  return type == Type::kDate || type == Type::kTimestamp || type == Type::kTimestampTz;
}

std::string SqliteNow(Type type) {
  switch (type) {
    case Type::kDate:
      return "date('now')";
    case Type::kTimestamp:
      return "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'";
    default:
      return "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000+00'";
  }
}

}  // namespace

std::string IsFlagged(const TargetShape& shape) {
  const std::string flag = Column("t", shape.flag->name);
  if (!IsNumber(*shape.flag)) return flag + " IS NOT NULL";
  const bool truth = shape.dialect == Dialect::kPostgres && shape.flag->type == Type::kBool;
  return truth ? fmt::format("coalesce({}, FALSE)", flag)
               : fmt::format("coalesce({}, 0) <> 0", flag);
}

std::string AndNotFlagged(const TargetShape& shape) {
  return shape.flag ? fmt::format(" AND NOT ({})", IsFlagged(shape)) : "";
}

std::string FlagSet(const TargetShape& shape, const std::string& version) {
  const bool postgres = shape.dialect == Dialect::kPostgres;
  const syncline::Column& flag = *shape.flag;
  if (IsNumber(flag)) return postgres && flag.type == Type::kBool ? "TRUE" : "1";
  if (!postgres) {
    return !version.empty() && flag.type == shape.cursor_type ? version : SqliteNow(flag.type);
  }
  const bool is_time = !version.empty() && IsTime(shape.cursor_type);
  return fmt::format("CAST({} AS {})", is_time ? version : "now()",
                     sql::DeclaredType(flag.native_type, shape.dialect));
}

std::string FlagCleared(const TargetShape& shape) {
  if (!IsNumber(*shape.flag)) return "NULL";
  const bool truth = shape.dialect == Dialect::kPostgres && shape.flag->type == Type::kBool;
  return truth ? "FALSE" : "0";
}

std::string AsText(const TargetShape& shape, const std::string& expression) {
  if (shape.dialect == Dialect::kPostgres) return expression + "::text";
  return fmt::format("CASE WHEN {0} IS NOT NULL THEN quote({0}) END", expression);
}

std::string Lock(const TargetShape& shape) {
  return shape.dialect == Dialect::kPostgres ? " FOR UPDATE" : "";
}

std::string ExactTexts(const TargetShape& shape) {
  std::vector<std::string> terms;
  for (const auto& column : shape.columns) {
    const std::string own = Column("t", column.name);
    terms.push_back(shape.dialect == Dialect::kPostgres
                        ? own + "::text"
                        : fmt::format("CASE typeof({0}) WHEN 'blob' THEN '\\x' || lower(hex({0})) "
                                      "WHEN 'real' THEN printf('%!.17g', {0}) ELSE {0} END",
                                      own));
  }
  return fmt::format("{}", fmt::join(terms, ", "));
}

}  // namespace syncline::apply::terms
