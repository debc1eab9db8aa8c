#include "apply/plan/narrowing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <limits>
#include <string_view>

#include "apply/plan/apply_plan.h"
#include "engine/base/error.h"
#include "engine/sql/declared_type.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::apply {
namespace {

using Loss = std::optional<std::string>;

constexpr int kAll = std::numeric_limits<int>::max();
constexpr int kMicroseconds = 6;  // digits of a second that times have
constexpr int kRealDigits = 6;    // decimal digits that float4 and float8 hold in any case
constexpr int kDoubleDigits = 15;

// A type's name without its numbers, and these: "timestamp with time zone" and 0, "numeric" and 10
// and 2.
struct Declared {
  std::string name;
  std::optional<int> first, second;
};

Declared TakeApart(std::string_view type) {
  Declared declared{.name = std::string(type)};
  const size_t open = type.find('(');
  const size_t close = type.find(')', open);
  if (open == type.npos || close == type.npos) return declared;
  declared.name = type.substr(0, open);
  declared.name += type.substr(close + 1);
  while (declared.name.ends_with(' ')) declared.name.pop_back();
  const auto number = [](std::string_view text) -> std::optional<int> {
    while (text.starts_with(' ')) text.remove_prefix(1);
    int value = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    return end.ec == std::errc() ? std::optional(value) : std::nullopt;
  };
  const std::string_view numbers = type.substr(open + 1, close - open - 1);
  const size_t comma = numbers.find(',');
  declared.first = number(numbers.substr(0, comma));
  if (comma != numbers.npos) declared.second = number(numbers.substr(comma + 1));
  return declared;
}

// A column's type, as its losses depend on it.
struct Kind {
  Type type;
  Dialect dialect;
  Declared declared;

  Kind(const Column& column, Dialect of)
      : type(column.type), dialect(of), declared(TakeApart(column.native_type)) {}

  const std::string& name() const { return declared.name; }
  // The declared type tells what values there are.
  bool is_typed() const { return sql::DialectOf(dialect).can().has_typed_values; }
  bool is_text() const { return type == Type::kText; }
  // Digits of a number, and those of them behind the point.
  int digits() const {
    if (type == Type::kInt)
      return !is_typed() ? 19 : name() == "smallint" ? 5 : name() == "integer" ? 10 : 19;
    if (type == Type::kDecimal) return declared.first.value_or(kAll);
    return name() == "real" && is_typed() ? kRealDigits : kAll;
  }
  int scale() const {
    if (type == Type::kInt) return 0;
    if (type != Type::kDecimal || !declared.first) return kAll;
    return declared.second.value_or(0);
  }
  int fraction() const { return declared.first.value_or(kMicroseconds); }
};

bool IsNumber(Type type) {
  return type == Type::kInt || type == Type::kDecimal || type == Type::kDouble;
}

bool IsStamp(Type type) { return type == Type::kTimestamp || type == Type::kTimestampTz; }

std::string RoundedSeconds(int digits) {
  if (digits == 0) return "rounded to whole seconds";
  return fmt::format("rounded to {} {} of a second", digits, digits == 1 ? "digit" : "digits");
}

Loss OfFraction(int from, int to) {
  if (from <= to) return std::nullopt;
  return RoundedSeconds(to);
}

Loss ToDecimal(const Kind& source, const Kind& target) {
  const int scale = target.scale();
  const bool comes = IsNumber(source.type) || source.is_text();
  if (!comes || source.scale() <= scale) return std::nullopt;
  if (scale == kAll || (source.is_text() && !target.declared.first)) return std::nullopt;
  if (scale == 0) return "rounded to whole numbers";
  if (scale < 0) return fmt::format("rounded to multiples of 1 with {} zeros", -scale);
  return fmt::format("rounded to {} {} behind the point", scale, scale == 1 ? "digit" : "digits");
}

Loss ToDouble(const Kind& source, const Kind& target) {
  const bool is_real = target.name() == "real";
  const int held = is_real ? kRealDigits : kDoubleDigits;
  if (source.type == Type::kDouble) {
    if (!is_real || source.digits() <= held) return std::nullopt;
  } else if (!IsNumber(source.type) || source.digits() <= held) {
    return std::nullopt;
  }
  return fmt::format("rounded to about {} digits", held);
}

Loss ToText(const Kind& source, const Kind& target) {
  const int length = target.declared.first.value_or(kAll);
  if (target.name() == "name") {
    if (source.name() == "name" || !source.is_text()) return std::nullopt;
    return "cut to 63 bytes";
  }
  if (target.name() == "character") {
    if (source.is_text() && source.name() == "character") return std::nullopt;
    const bool is_full = source.type == Type::kUuid && length == 36;
    if (is_full) return std::nullopt;
    return fmt::format("filled up with blanks to {} characters, so that blanks at its end are lost",
                       target.declared.first.value_or(1));
  }
  if (length == kAll || !source.is_text()) return std::nullopt;
  const bool is_bounded = source.name() == "character varying" || source.name() == "character";
  if (is_bounded && source.declared.first.value_or(kAll) <= length) return std::nullopt;
  return fmt::format(
      "cut, where only blanks stand behind {} characters, and refused where anything else does",
      length);
}

// The lowest field of an interval type: 0 for seconds, 5 for years.
int LowestField(std::string_view name) {
  constexpr std::array<std::string_view, 6> kFields = {"second", "minute", "hour",
                                                       "day",    "month",  "year"};
  for (size_t i = 0; i < kFields.size(); ++i) {
    if (name.ends_with(kFields[i])) return static_cast<int>(i);
  }
  return 0;
}

// Of PostgreSQL's types that have no counterpart.
Loss ToOther(const Kind& source, const Kind& target) {
  if (target.name().starts_with("interval") && source.name().starts_with("interval")) {
    const int lowest = LowestField(target.name());
    if (lowest > LowestField(source.name())) {
      return fmt::format("cut below the {}",
                         std::string_view(target.name()).substr(target.name().rfind(' ') + 1));
    }
    return lowest > 0 ? Loss() : OfFraction(source.fraction(), target.fraction());
  }
  if (target.name() == "time with time zone" &&
      (source.name() == target.name() || source.type == Type::kTime)) {
    return OfFraction(source.fraction(), target.fraction());
  }
  if (target.name() == "money" && source.type != Type::kInt && source.name() != "money") {
    return "rounded to the currency's digits";
  }
  if (target.name() == "\"char\"" && source.name() != target.name()) return "cut to one byte";
  return std::nullopt;
}

Loss ToTime(const Kind& source, const Kind& target) {
  if (target.type == Type::kDate) {
    return IsStamp(source.type) ? Loss("cut to the day") : std::nullopt;
  }
  if (target.type == Type::kTime && source.name() == "time with time zone") {
    return "taken without its offset";
  }
  const bool comes = target.type == Type::kTime ? source.type == Type::kTime : IsStamp(source.type);
  return comes ? OfFraction(source.fraction(), target.fraction()) : std::nullopt;
}

Loss ToPostgres(const Kind& source, const Kind& target) {
  switch (target.type) {
    case Type::kDecimal:
      return ToDecimal(source, target);
    case Type::kDouble:
      return ToDouble(source, target);
    case Type::kText:
      return ToText(source, target);
    case Type::kDate:
    case Type::kTime:
    case Type::kTimestamp:
    case Type::kTimestampTz:
      return ToTime(source, target);
    case Type::kJson:
      if (target.name() != "jsonb" || source.name() == "jsonb" || source.name().empty()) {
        return std::nullopt;
      }
      return source.type == Type::kJson
                 ? Loss("taken without repeated keys, the keys' order and blanks")
                 : std::nullopt;
    case Type::kOther:
      return ToOther(source, target);
    default:
      return std::nullopt;
  }
}

// By the column's affinity, which turns what looks like a number into one.
Loss ToSqlite(const Kind& source, const Column& target) {
  if (target.native_type.empty()) return std::nullopt;
  const Type affinity = sql::AffinityOf(sql::Upper(target.native_type));
  if (affinity == Type::kText || affinity == Type::kBytes) return std::nullopt;
  if (!source.is_typed() && !source.is_text() &&
      sql::AffinityOf(sql::Upper(source.name())) != Type::kText) {
    return std::nullopt;  // such a column has done so already
  }
  const bool comes_as_text = source.is_text() || (source.is_typed() && source.type == Type::kOther);
  if (comes_as_text) return "made a number where it looks like one, so that '01' is 1";
  if (source.type == Type::kDecimal && source.digits() > kDoubleDigits) {
    return fmt::format("rounded to about {} digits", kDoubleDigits);
  }
  if (source.type == Type::kInt && affinity == Type::kDouble && source.digits() > kDoubleDigits) {
    return fmt::format("rounded to about {} digits", kDoubleDigits);
  }
  return std::nullopt;
}

// The last of a domain's bases with the first of its modifiers; nothing: it is no domain.
std::optional<std::string> BaseOfDomain(sql::Session& session, const Column& column) {
  const bool has_domains =
      sql::ForDialect(session.dialect(), sql::IfPostgres{true}, sql::IfSqlite{false});
  if (!has_domains || sql::SchemaOfType(column.native_type).empty()) return std::nullopt;
  static constexpr char kBase[] = R"(
    WITH RECURSIVE bases(depth, oid, modifier) AS (
      SELECT 1, t.typbasetype, t.typtypmod FROM pg_catalog.pg_type t
      WHERE t.oid = pg_catalog.to_regtype($1) AND t.typtype = 'd'
      UNION ALL
      SELECT b.depth + 1, t.typbasetype, t.typtypmod
      FROM bases b JOIN pg_catalog.pg_type t ON t.oid = b.oid WHERE t.typtype = 'd')
    SELECT pg_catalog.format_type(oid, (SELECT pg_catalog.max(modifier) FROM bases))
    FROM bases ORDER BY depth DESC LIMIT 1)";
  const auto found =
      session.Query(kBase, {sql::DeclaredType(column.native_type, session.dialect()).ToString()});
  if (found.rows.empty()) return std::nullopt;
  return found.rows.front().at(0);
}

// Whether a source's declaration tells what values there may be.
bool IsCertain(const Column& source, Dialect from, const Column& target) {
  if (sql::DialectOf(from).can().has_typed_values) {
    return sql::SchemaOfType(source.native_type).empty() || source.type == Type::kOther;
  }
  if (target.type == Type::kDate) return true;
  return source.type == Type::kDecimal && TakeApart(source.native_type).first.has_value();
}

void AddNarrowing(const Column& source, Dialect from, const Column& target, Dialect to,
                  bool reversed, std::vector<Narrowing>& narrowings) {
  if (from == to && source.native_type == target.native_type) return;
  if (auto becomes = LossOf(source, from, target, to)) {
    narrowings.push_back({.column = reversed ? source.name : target.name,
                          .from = source.native_type,
                          .to = target.native_type,
                          .becomes = *std::move(becomes),
                          .certain = IsCertain(source, from, target),
                          .reversed = reversed});
  }
}

}  // namespace

std::string Narrowing::ToString() const {
  return fmt::format(
      "column {} does not hold every value as it is{}: of type {} comes, {} takes "
      "it {}",
      column, reversed ? " on the way back" : "", from, to, becomes);
}

namespace {

// Of a target whose columns have types.
Loss LossInTypes(const Column& source, Dialect from, const Column& target, Dialect to) {
  if (!sql::DialectOf(from).can().has_typed_values && !IsNumber(source.type) &&
      !IsStamp(source.type) && source.type != Type::kTime) {
    return std::nullopt;
  }
  const bool of_lists = source.native_type.ends_with("[]") && target.native_type.ends_with("[]");
  if (!of_lists) return ToPostgres(Kind(source, from), Kind(target, to));
  const auto element = [](Column list, Dialect dialect) {
    list.native_type.resize(list.native_type.size() - 2);
    list.type = sql::TypeOf(list.native_type, dialect);
    return list;
  };
  return LossOf(element(source, from), from, element(target, to), to);
}

}  // namespace

Loss LossOf(const Column& source, Dialect from, const Column& target, Dialect to) {
  return sql::ForDialect(to, sql::IfPostgres{[&] { return LossInTypes(source, from, target, to); }},
                         sql::IfSqlite{[&] { return ToSqlite(Kind(source, from), target); }});
}

std::vector<Narrowing> NarrowingsOf(sql::Session& session, const ApplyPlan& plan,
                                    const sql::TableInfo& target) {
  const Dialect from = plan.schema->dialect;
  const Dialect to = session.dialect();
  std::vector<Narrowing> narrowings;
  for (size_t i = 0; i < plan.columns.size(); ++i) {
    const sql::ColumnInfo* const found = target.Find(plan.columns[i].name, to);
    if (found == nullptr || found->generated) continue;
    const Column& source = plan.columns[i];
    Column there = found->column;
    if (from == to && source.native_type == there.native_type) continue;
    if (const auto base = BaseOfDomain(session, there)) there.native_type = *base;
    AddNarrowing(source, from, there, to, /*reversed=*/false, narrowings);
    if (plan.comes_back) AddNarrowing(there, to, source, from, /*reversed=*/true, narrowings);
  }
  return narrowings;
}

void RefuseNarrowing(sql::Session& session, const ApplyPlan& plan, const sql::TableInfo& target) {
  if (!plan.comes_back) return;
  for (const Narrowing& one : NarrowingsOf(session, plan, target)) {
    if (!one.certain) continue;
    throw UsageError(
        fmt::format("table {}: {}; in two directions that would become the row's state on both "
                    "sides",
                    plan.target.ToString(), one.ToString()),
        fmt::format("Give column {} types that hold the same on both sides (on {} side: ALTER "
                    "TABLE .. ALTER COLUMN .. TYPE {}), or `omit` it.",
                    one.column, one.reversed ? "the other" : "this", one.from));
  }
}

}  // namespace syncline::apply
