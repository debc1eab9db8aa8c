#include "tools/check/column_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <string_view>

#include "apply/plan/narrowing.h"
#include "engine/model/value_text.h"
#include "engine/sql/dialect.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::cli {
namespace {

bool IsMoment(Type type) {
  return type == Type::kDate || type == Type::kTimestamp || type == Type::kTimestampTz;
}

bool IsNumber(Type type) {
  return type == Type::kInt || type == Type::kDecimal || type == Type::kDouble;
}

// Of PostgreSQL's integers: how many bytes they have; 0 for other types.
int Width(std::string_view type) {
  constexpr std::array<std::pair<std::string_view, int>, 3> kWidths = {
      {{"smallint", 2}, {"integer", 4}, {"bigint", 8}}};
  for (const auto& [name, width] : kWidths) {
    if (type == name) return width;
  }
  return 0;
}

// The number in "character varying(5)"; 0: there is none.
size_t LengthOf(std::string_view type) {
  if (type == "character") return 1;
  const size_t open = type.find('(');
  if (!type.starts_with("character") || open == type.npos) return 0;
  size_t length = 0;
  std::from_chars(type.data() + open + 1, type.data() + type.size(), length);
  return length;
}

// Whether a declared type tells which values there may be.
bool IsTyped(Dialect dialect) { return sql::DialectOf(dialect).can().has_typed_values; }

ColumnFit FitOfText(const Column& source, Dialect from, const Column& target) {
  const size_t length = LengthOf(target.native_type);
  if (length == 0) return ColumnFit::kAll;
  const size_t comes = IsTyped(from) ? LengthOf(source.native_type) : 0;
  return comes > 0 && comes <= length ? ColumnFit::kAll : ColumnFit::kSome;
}

ColumnFit FitOfInteger(const Column& source, Dialect from, const Column& target) {
  if (source.type == Type::kDecimal || source.type == Type::kDouble) return ColumnFit::kSome;
  if (source.type != Type::kInt) return ColumnFit::kNone;
  const int width = Width(target.native_type);
  const int comes = IsTyped(from) ? Width(source.native_type) : 0;
  return width == 0 || width == 8 || (comes > 0 && comes <= width) ? ColumnFit::kAll
                                                                   : ColumnFit::kSome;
}

// How many digits may stand before the point of a number; nothing: any number of them.
std::optional<int> WholeDigits(const Column& column, Dialect dialect) {
  if (column.type == Type::kInt) {
    const int width = IsTyped(dialect) ? Width(column.native_type) : 8;
    return width == 2 ? 5 : width == 4 ? 10 : 19;
  }
  int digits = 0, scale = 0;
  if (column.type != Type::kDecimal ||
      std::sscanf(column.native_type.c_str(), "%*[^(](%d,%d", &digits, &scale) < 1) {
    return std::nullopt;
  }
  return digits - scale;
}

ColumnFit FitOfDecimal(const Column& source, Dialect from, const Column& target, Dialect to) {
  if (!IsNumber(source.type)) return ColumnFit::kNone;
  const std::optional<int> held = WholeDigits(target, to);
  const std::optional<int> comes = WholeDigits(source, from);
  return !held || (comes && *comes <= *held) ? ColumnFit::kAll : ColumnFit::kSome;
}

// Of types whose text forms are known on both sides.
ColumnFit FitOfKnown(const Column& source, Dialect from, const Column& target, Dialect to) {
  switch (target.type) {
    case Type::kInt:
      return FitOfInteger(source, from, target);
    case Type::kDecimal:
      return FitOfDecimal(source, from, target, to);
    case Type::kDouble:
      return IsNumber(source.type) ? ColumnFit::kAll : ColumnFit::kNone;
    case Type::kDate:
    case Type::kTimestamp:
    case Type::kTimestampTz:
      if (IsMoment(source.type)) return ColumnFit::kAll;
      return source.type == Type::kInt ? ColumnFit::kSome : ColumnFit::kNone;
    case Type::kBool:
      return source.type == Type::kInt ? ColumnFit::kSome : ColumnFit::kNone;
    case Type::kJson:
      return IsNumber(source.type) || source.type == Type::kBool ? ColumnFit::kAll
                                                                 : ColumnFit::kNone;
    default:
      return ColumnFit::kNone;
  }
}

// How many of the values the target's type refuses.
size_t CountRefused(sql::Session& session, const Column& target, const std::vector<Row>& sample,
                    uint32_t column) {
  const sql::Sql cast = sql::Format("SELECT CAST($1 AS {})",
                                    sql::DeclaredType(target.native_type, session.dialect()));
  size_t refused = 0;
  for (const Row& row : sample) {
    const ValueView value = row[column];
    if (value.is_null()) continue;
    try {
      session.Query(cast, {ToText(value)});
    } catch (const Error& error) {
      if (!error.refusal()) throw;
      ++refused;
    }
  }
  return refused;
}

// A cast cuts a text to its length, which writing it does with blanks only.
size_t CountTooLong(const Column& target, const std::vector<Row>& sample, uint32_t column) {
  const size_t length = LengthOf(target.native_type);
  size_t refused = 0;
  for (const Row& row : sample) {
    if (row[column].is_null()) continue;
    std::string text = ToText(row[column]);
    text.erase(text.find_last_not_of(' ') + 1);
    if (DisplayWidth(text) > length) ++refused;
  }
  return refused;
}

// What its values become is told, and how `verify` takes it.
void WarnOfNarrowing(const apply::Narrowing& one, const std::string& subject,
                     const apply::ApplyPlan& plan, Dialect dialect, CheckReport& report) {
  const auto source = std::ranges::find(plan.columns, one.column, &Column::name);
  const sql::Sql type = sql::ColumnTypeFor(*source, plan.schema->dialect, dialect);
  const std::string change =
      sql::DialectOf(dialect).can().retypes_columns
          ? fmt::format("ALTER TABLE {} ALTER COLUMN {} TYPE {}", sql::Quote(plan.target).text(),
                        sql::Quote(one.column).text(), type.text())
          : fmt::format("make the table anew with {} for column {}", type.text(), one.column);
  report.Warn(subject, one.ToString(),
              fmt::format("to keep all of it: {}; left so, `verify` compares it as {} and says so",
                          change, one.to));
}

}  // namespace

ColumnFit FitOf(const Column& source, Dialect from, const Column& target, Dialect to) {
  if (!IsTyped(to)) return ColumnFit::kAll;
  if (target.type == Type::kText) return FitOfText(source, from, target);
  if (target.type == Type::kBytes) return ColumnFit::kAll;
  const bool is_same = source.type == target.type;
  if (source.type == Type::kDecimal && is_same) return FitOfDecimal(source, from, target, to);
  if (is_same && source.type != Type::kOther && source.type != Type::kInt) return ColumnFit::kAll;
  if (source.type == Type::kOther || target.type == Type::kOther) {
    const bool is_equal = from == to && source.native_type == target.native_type;
    return is_equal ? ColumnFit::kAll : ColumnFit::kSome;
  }
  if (source.type == Type::kText) return ColumnFit::kSome;
  const ColumnFit fit = FitOfKnown(source, from, target, to);
  return fit == ColumnFit::kNone && !IsTyped(from) ? ColumnFit::kSome : fit;
}

bool CheckColumnsFit(sql::Session& session, const std::string& subject,
                     const apply::ApplyPlan& plan, const sql::TableInfo& info,
                     const std::vector<Row>& sample, CheckReport& report) {
  bool fits = true;
  const std::vector<apply::Narrowing> narrowings = apply::NarrowingsOf(session, plan, info);
  for (const apply::Narrowing& one : narrowings) {
    if (one.reversed) continue;  // told of the other direction
    WarnOfNarrowing(one, subject, plan, session.dialect(), report);
  }
  for (size_t i = 0; i < plan.columns.size(); ++i) {
    const Column& source = plan.schema->columns[plan.take[i]];
    const sql::ColumnInfo* const found = info.Find(plan.columns[i].name);
    if (found == nullptr) continue;
    const Column& target = found->column;
    const ColumnFit fit = FitOf(source, plan.schema->dialect, target, session.dialect());
    if (fit == ColumnFit::kAll) continue;
    const std::string comes =
        source.native_type.empty() ? "values of any type" : source.native_type;
    const std::string hint = fmt::format(
        "give it a type that takes {}: ALTER TABLE {} ALTER COLUMN {} TYPE ..; or name another "
        "column for it in `columns`, or `omit` it",
        comes, sql::Quote(plan.target).text(), sql::Quote(target.name).text());
    const std::string column = fmt::format("column {} ({})", target.name, target.native_type);
    if (fit == ColumnFit::kNone) {
      report.Fail(subject, fmt::format("{} cannot take what comes, which is {}", column, comes),
                  hint, Cause::kUsage);
      fits = false;
      continue;
    }
    const size_t refused = target.type == Type::kText
                               ? CountTooLong(target, sample, plan.take[i])
                               : CountRefused(session, target, sample, plan.take[i]);
    if (refused > 0) {
      report.Fail(subject,
                  fmt::format("{} cannot take what comes, which is {}: {} of the first {} rows",
                              column, comes, refused, sample.size()),
                  hint, Cause::kUsage);
      fits = false;
    } else if (IsTyped(plan.schema->dialect) &&
               std::ranges::find(narrowings, target.name, &apply::Narrowing::column) ==
                   narrowings.end()) {
      report.Warn(subject,
                  fmt::format("{} takes only some of what may come, which is {}", column, comes),
                  hint);
    }
  }
  return fits;
}

}  // namespace syncline::cli
