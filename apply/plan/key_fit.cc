#include "apply/plan/key_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "apply/plan/apply_plan.h"
#include "apply/plan/narrowing.h"
#include "engine/model/value_text.h"
#include "engine/sql/declared_type.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::apply {
namespace {

using FitKind = KeyFit::Kind;
using Form = KeyFit::Form;

constexpr size_t kNameBytes = 63;
constexpr std::string_view kDigits = "0123456789";

// Columns, by their names, that a unique key or they themselves compare by more than bytes, and by
// which collation.
using Collations = std::map<std::string, std::string>;

Collations CollationsOf(sql::Session& session, const sql::TableInfo& table) {
  // An index may have a collation of its own.
  static constexpr char kPostgres[] = R"(
    SELECT a.attname, l.collname FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_collation l ON NOT l.collisdeterministic
      AND (l.oid = a.attcollation OR EXISTS (
        SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique
          AND l.oid = ANY (i.indcollation::pg_catalog.oid[])
          AND a.attnum = ANY (i.indkey::pg_catalog.int2[])))
    WHERE a.attrelid = $1::pg_catalog.regclass AND a.attnum > 0)";
  static constexpr char kSqlite[] = R"(
    SELECT x.name, x.coll FROM pragma_index_list($1) AS l JOIN pragma_index_xinfo(l.name) AS x
    WHERE l."unique" AND x.key AND x.name IS NOT NULL AND upper(x.coll) <> 'BINARY')";
  const auto found =
      sql::ForDialect(session.dialect(), sql::IfPostgres{[&] {
                        return session.Query(kPostgres, {sql::Quote(table.name).ToString()});
                      }},
                      sql::IfSqlite{[&] { return session.Query(kSqlite, {table.name.name}); }});
  Collations collations;
  for (const auto& row : found.rows) collations[row.at(0).value_or("")] = row.at(1).value_or("");
  return collations;
}

bool IsText(Type type) {
  return type == Type::kText || type == Type::kOther || type == Type::kJson;
}

// The number in "character varying(5)".
std::optional<size_t> LengthOf(std::string_view type) {
  const size_t open = type.find('(');
  if (open == type.npos) return std::nullopt;
  size_t length = 0;
  const char* const end = type.data() + type.size();
  if (std::from_chars(type.data() + open + 1, end, length).ec != std::errc()) return std::nullopt;
  return length;
}

KeyFit Fit(FitKind kind, std::string why) { return {.kind = kind, .why = std::move(why)}; }

KeyFit Forms(Form form, std::string why, size_t length = 0, Type type = Type::kText) {
  return {
      .kind = FitKind::kForms, .form = form, .length = length, .type = type, .why = std::move(why)};
}

KeyFit OfTextInText(const Column& source, const Column& target) {
  const bool is_padded =
      target.native_type.starts_with("character(") || target.native_type == "character";
  const std::optional<size_t> length = LengthOf(target.native_type);
  if (is_padded && !source.native_type.starts_with("character(")) {
    return Forms(Form::kPadded, "does not keep blanks at a text's end");
  }
  if (target.native_type == "name" && source.native_type != "name") {
    return Forms(Form::kName, "keeps the first 63 bytes");
  }
  if (is_padded || !length) return {};
  const std::optional<size_t> comes = LengthOf(source.native_type);
  const bool is_bounded = source.native_type.starts_with("character") && comes;
  if (is_bounded && *comes <= *length) return {};
  return Forms(Form::kNoBlanks, "cuts blanks at the end of a text that is too long", *length);
}

// Text that comes for a type of the system's own.
KeyFit OfTextInValue(const Column& source, Dialect from, const Column& target) {
  switch (target.type) {
    case Type::kInt:
      return Forms(Form::kCanonical, "makes one number of '1' and '01'", 0, Type::kInt);
    case Type::kDecimal:
      if (LengthOf(target.native_type)) return Fit(FitKind::kMerged, "makes numbers of texts");
      return Forms(Form::kCanonical, "makes one number of '1' and '01', and finds '1.0' equal", 0,
                   Type::kDecimal);
    default:
      break;
  }
  // Where text is what most things are, they are meant as such values.
  if (!sql::DialectOf(from).can().has_typed_values) return {};
  const bool has_one_form = target.type == Type::kUuid || target.native_type == "date";
  if (has_one_form && source.type == Type::kText) {
    return Forms(Form::kCanonical, "makes one value of texts that only look different", 0,
                 target.type);
  }
  return Fit(FitKind::kMerged, "makes one value of texts that only look different");
}

// A type of users: an enum keeps apart what its texts do, others compare as they like.
KeyFit OfTextInOther(sql::Session& session, const Column& source, Dialect from,
                     const Column& target) {
  if (sql::SchemaOfType(target.native_type).empty()) return OfTextInValue(source, from, target);
  const auto found = session.Query(
      "SELECT 1 FROM pg_catalog.pg_type WHERE oid = pg_catalog.to_regtype($1) AND typtype = 'e'",
      {sql::DeclaredType(target.native_type, session.dialect()).ToString()});
  if (!found.rows.empty()) return {};
  return Fit(FitKind::kCompared, fmt::format("compares as {} does", target.native_type));
}

KeyFit OfPostgres(sql::Session& session, const Column& source, Dialect from, const Column& target) {
  if (from == session.dialect() && source.native_type == target.native_type) return {};
  if (source.type == Type::kText && target.type == Type::kText) return OfTextInText(source, target);
  if (source.type == Type::kText && target.type == Type::kOther) {
    return OfTextInOther(session, source, from, target);
  }
  if (source.type == Type::kText) return OfTextInValue(source, from, target);
  // What is declared as another type is meant as such a value.
  if (!sql::DialectOf(from).can().has_typed_values) return {};
  if (auto becomes = LossOf(source, from, target, session.dialect())) {
    const bool keeps_apart = target.type == Type::kText && source.type != Type::kOther;
    return keeps_apart ? KeyFit() : Fit(FitKind::kMerged, "is " + *std::move(becomes));
  }
  return {};
}

KeyFit OfSqlite(const Column& source, Dialect from, const Column& target, Dialect to) {
  auto becomes = LossOf(source, from, target, to);
  if (!becomes) return {};
  if (IsText(source.type)) return Forms(Form::kNumber, "makes one number of '1' and '01'");
  return Fit(FitKind::kMerged, "is " + *std::move(becomes));
}

bool EndsWithBlank(std::string_view text) { return text.ends_with(' '); }

size_t CharactersOf(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// As SQLite's affinities see it: digits with a point, an exponent, a sign and blanks around, or
// none of them.
bool LooksLikeNumber(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\n\v\f\r";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == text.npos) return false;
  text = text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
  const auto take = [&text](std::string_view any) {
    const size_t end = std::min(text.find_first_not_of(any), text.size());
    text.remove_prefix(end);
    return end;
  };
  const auto take_one = [&text](std::string_view any) {
    if (text.empty() || any.find(text.front()) == any.npos) return false;
    text.remove_prefix(1);
    return true;
  };
  take_one("+-");
  size_t digits = take(kDigits);
  if (take_one(".")) digits += take(kDigits);
  if (digits == 0) return false;
  if (!take_one("eE")) return text.empty();
  take_one("+-");
  return take(kDigits) > 0 && text.empty();
}

// The text that a number of its digits has, and no other one: no sign, zero or point too many.
bool IsPlainNumber(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  const std::string_view fraction = point < text.size() ? text.substr(point + 1) : "0";
  const auto is_digits = [](std::string_view digits) {
    return !digits.empty() && digits.find_first_not_of(kDigits) == digits.npos;
  };
  return is_digits(whole) && is_digits(fraction) && (whole == "0" || !whole.starts_with('0'));
}

bool IsCanonical(Type type, std::string_view text) {
  if (type == Type::kDecimal) {
    const bool is_zero = text.find_first_of("123456789") == text.npos;
    return !LooksLikeNumber(text) || (IsPlainNumber(text) && !(is_zero && text.starts_with('-')));
  }
  const std::optional<Value> value = FromText(type, text);
  return value && ToText(value->view()) == text;
}

}  // namespace

bool KeyFit::is_compared() const {
  return kind == FitKind::kCompared || (form == Form::kCanonical && type == Type::kDecimal);
}

std::string KeyFit::ToString() const {
  return fmt::format("key column {} {}: a row whose key is another one's there is refused", column,
                     why);
}

std::vector<KeyFit> KeyFitsOf(sql::Session& session, const ApplyPlan& plan,
                              const sql::TableInfo& target) {
  const Dialect from = plan.schema->dialect;
  const Dialect to = session.dialect();
  std::optional<Collations> collations;
  std::vector<KeyFit> fits;
  for (const uint32_t index : plan.key) {
    const Column& source = plan.columns[index];
    const sql::ColumnInfo* const found = target.Find(source.name, to);
    if (found == nullptr) return {};
    const Column& there = found->column;
    KeyFit fit = sql::ForDialect(
        to, sql::IfPostgres{[&] { return OfPostgres(session, source, from, there); }},
        sql::IfSqlite{[&] { return OfSqlite(source, from, there, to); }});
    const bool may_have = !sql::DialectOf(to).can().has_typed_values || there.type == Type::kText;
    if (fit.kind == FitKind::kExact && IsText(source.type) && may_have) {
      if (!collations) collations = CollationsOf(session, target);
      if (const auto own = collations->find(there.name); own != collations->end()) {
        fit = Fit(FitKind::kCompared, fmt::format("compares by collation {}", own->second));
      }
    }
    fit.column = there.native_type.empty() ? there.name
                                           : fmt::format("{} ({})", there.name, there.native_type);
    fits.push_back(std::move(fit));
  }
  const bool all =
      std::ranges::all_of(fits, [](const KeyFit& fit) { return fit.kind == FitKind::kExact; });
  return all ? std::vector<KeyFit>() : fits;
}

std::string KeyFitHint(const ApplyPlan& plan, size_t place, Dialect target) {
  const Column& source = plan.columns[plan.key[place]];
  if (!sql::DialectOf(target).can().retypes_columns) {
    return fmt::format(
        "Make the table anew with column {} as TEXT, without COLLATE, as `create: "
        "true` would make it; or send it to another table with `to`.",
        source.name);
  }
  const std::string type =
      plan.schema->dialect == target ? source.native_type : std::string("text");
  return fmt::format(
      "Give it the source's type and a collation that tells all texts apart: ALTER "
      "TABLE {} ALTER COLUMN {} TYPE {}{};",
      sql::Quote(plan.target).text(), sql::Quote(source.name).text(), type,
      source.type == Type::kText ? " COLLATE \"C\"" : "");
}

void RefuseMergedKeys(const ApplyPlan& plan, const sql::TableInfo& target, Dialect dialect) {
  for (size_t i = 0; i < plan.key_fits.size(); ++i) {
    const KeyFit& fit = plan.key_fits[i];
    if (fit.kind != FitKind::kMerged) continue;
    throw UsageError(
        fmt::format("key column {} of {} on the target {}: rows that the source tells apart would "
                    "be one there",
                    fit.column, target.name.ToString(), fit.why),
        KeyFitHint(plan, i, dialect));
  }
}

Error KeyIsTaken(uint32_t number) {
  const std::string reason = "its key is that of another row to the target";
  Error error = StopError("a change cannot be written: " + reason,
                          "Give the key's columns the source's types and collations there, or "
                          "allow a quarantine: {limit: ..} to go on without it.");
  error.SetRefusal({.kind = Refusal::Kind::kUnique, .reason = reason, .row = number});
  return error;
}

Error KeyIsNotHeld(const KeyFit& fit, uint32_t number) {
  const std::string reason =
      fmt::format("key column {} {}: it would be the key of another row", fit.column, fit.why);
  Error error = StopError("a change cannot be written: " + reason,
                          "Give the column the source's type there, or allow a quarantine: "
                          "{limit: ..} to go on without it.");
  error.SetRefusal({.kind = Refusal::Kind::kRule, .reason = reason, .row = number});
  return error;
}

bool HoldsKey(const KeyFit& fit, ValueView value) {
  if (fit.kind != FitKind::kForms || value.is_null()) return true;
  const std::string text = ToText(value);
  switch (fit.form) {
    case Form::kAny:
      return true;
    case Form::kNoBlanks:
      return !EndsWithBlank(text) || CharactersOf(text) <= fit.length;
    case Form::kPadded:
      return !EndsWithBlank(text);
    case Form::kName:
      return text.size() <= kNameBytes;
    case Form::kNumber:
      return !LooksLikeNumber(text) || IsCanonical(Type::kInt, text);
    case Form::kCanonical:
      return IsCanonical(fit.type, text);
  }
  return true;
}

const KeyFit* NotHeldBy(const std::vector<KeyFit>& fits, const Row& key) {
  if (fits.empty()) return nullptr;
  auto fit = fits.begin();
  for (const ValueView value : key) {
    if (fit == fits.end()) break;
    if (!HoldsKey(*fit, value)) return &*fit;
    ++fit;
  }
  return nullptr;
}

}  // namespace syncline::apply
