#include "apply/statements/target_shape.h"

#include <algorithm>

#include "engine/sql/dialect.h"

namespace syncline::apply::terms {

using sql::Format;
using sql::Join;
using sql::Quote;
using sql::Sql;

Sql Column(const Sql& table, const std::string& column) {
  return Format("{}.{}", table, Quote(column));
}

Sql CursorOf(const TargetShape& shape, const Sql& table) {
  const Sql cursor = Column(table, shape.cursor);
  if (shape.cursor_fallback.empty()) return cursor;
  return Format("coalesce({}, {})", cursor, Column(table, shape.cursor_fallback));
}

Sql TargetCursor(const TargetShape& shape) { return CursorOf(shape, "t"); }

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

Sql VersionParameter(const TargetShape& shape, size_t number) {
  if (!shape.has_versions()) return {};  // in no statement then
  return shape.words().Parameter(number, shape.cursor_native);
}

Sql OwnVersion(const TargetShape& shape) {
  const Sql own = VersionParameter(shape, PlaceOf(shape, shape.cursor) + 1);
  if (shape.cursor_fallback.empty()) return own;
  return Format("coalesce({}, {})", own,
                VersionParameter(shape, PlaceOf(shape, shape.cursor_fallback) + 1));
}

namespace {

Sql KeyEquals(const TargetShape& shape, size_t place) {
  return shape.key_equals.empty() ? Sql("=") : shape.key_equals[place];
}

template <typename OtherOf>
Sql AndSameTexts(const TargetShape& shape, OtherOf other) {
  Sql terms;
  for (size_t i = 0; i < shape.key_texts.size(); ++i) {
    if (!shape.key_texts[i]) continue;
    terms += Format(" AND {}", shape.words().IsSameText(Column("t", shape.key[i]), other(i)));
  }
  return terms;
}

}  // namespace

Sql AndSameKeyTexts(const TargetShape& shape, const Sql& other) {
  return AndSameTexts(shape, [&](size_t i) { return Column(other, shape.key[i]); });
}

Sql SameKey(const TargetShape& shape, const Sql& other) {
  std::vector<Sql> terms;
  for (size_t i = 0; i < shape.key.size(); ++i) {
    const std::string& column = shape.key[i];
    terms.push_back(
        Format("{} {} {}", Column("t", column), KeyEquals(shape, i), Column(other, column)));
  }
  return Join(terms, " AND ") + AndSameKeyTexts(shape, other);
}

Sql KeyIs(const TargetShape& shape, bool deletion) {
  const auto place = [&](size_t i) { return (deletion ? i : PlaceOf(shape, shape.key[i])) + 1; };
  std::vector<Sql> terms;
  for (size_t i = 0; i < shape.key.size(); ++i) {
    terms.push_back(Format("{} {} ${}", Column("t", shape.key[i]), KeyEquals(shape, i), place(i)));
  }
  return Join(terms, " AND ") +
         AndSameTexts(shape, [&](size_t i) { return Format("${}", place(i)); });
}

Sql IsNewer(const TargetShape& shape, const Sql& version) {
  if (!shape.has_versions()) return "FALSE";
  if (shape.compares_stamps) return "NULL";
  return Format("coalesce({} > {}, FALSE)", TargetCursor(shape), version);
}

namespace {

// A truth value or a number; otherwise a time.
bool IsNumber(const syncline::Column& flag) {
  return flag.type == Type::kBool || flag.type == Type::kInt;
}

bool IsTruth(const TargetShape& shape) {
  return shape.flag->type == Type::kBool && shape.words().can().has_booleans;
}

}  // namespace

Sql IsFlagged(const TargetShape& shape) {
  const Sql flag = Column("t", shape.flag->name);
  if (!IsNumber(*shape.flag)) return flag + " IS NOT NULL";
  return IsTruth(shape) ? Format("coalesce({}, FALSE)", flag)
                        : Format("coalesce({}, 0) <> 0", flag);
}

Sql AndNotFlagged(const TargetShape& shape) {
  return shape.flag ? Format(" AND NOT ({})", IsFlagged(shape)) : Sql();
}

Sql FlagSet(const TargetShape& shape, const Sql& version) {
  if (IsNumber(*shape.flag)) return IsTruth(shape) ? Sql("TRUE") : Sql("1");
  return shape.words().Moment(*shape.flag, version, shape.cursor_type);
}

Sql FlagCleared(const TargetShape& shape) {
  if (!IsNumber(*shape.flag)) return "NULL";
  return IsTruth(shape) ? Sql("FALSE") : Sql("0");
}

Sql ExactTexts(const TargetShape& shape) {
  std::vector<Sql> terms;
  for (const auto& column : shape.columns) {
    terms.push_back(shape.words().ExactText(Column("t", column.name)));
  }
  return Join(terms, ", ");
}

}  // namespace syncline::apply::terms
