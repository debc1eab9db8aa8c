#include "apply/statements/write_sql.h"

#include <algorithm>
#include <iterator>

#include "engine/sql/dialect.h"

namespace syncline::apply {
namespace {

using sql::Format;
using sql::Join;
using sql::Quote;
using sql::QuoteList;
using sql::Sql;
using terms::AndNotFlagged;
using terms::AndSameKeyTexts;
using terms::Column;
using terms::CursorOf;
using terms::ExactTexts;
using terms::FlagCleared;
using terms::FlagSet;
using terms::IsFlagged;
using terms::IsKey;
using terms::IsNewer;
using terms::KeyIs;
using terms::Names;
using terms::OwnVersion;
using terms::PlaceOf;
using terms::SameKey;
using terms::TargetCursor;
using terms::VersionParameter;

constexpr Sql kRow = kRowColumn;

// Whether the target's row is the state, or one of those, that a change follows. Where it is for
// the program to say, the rest is left for it to look at: what is stored alike is the same.
Sql IsFollowed(const TargetShape& shape, Follows follows, const Sql& previous) {
  const bool equal = follows == Follows::kPrevious || shape.compares_stamps;
  return Format("{} {} {}", TargetCursor(shape), equal ? Sql("=") : Sql("<="), previous);
}

// " AND ..", or nothing where there are no versions.
Sql AndFollowed(const TargetShape& shape, Follows follows, const Sql& previous) {
  if (!shape.has_versions()) return "";
  return " AND " + IsFollowed(shape, follows, previous);
}

// The columns that an update sets; `value` gives the new one. A row that counted as deleted does so
// no longer. A table of key columns only is touched, so that it tells whether the row is there.
template <typename ValueOf>
Sql Assignments(const TargetShape& shape, ValueOf value) {
  std::vector<Sql> terms;
  for (const auto& column : shape.columns) {
    if (IsKey(shape, column.name)) continue;
    terms.push_back(Format("{} = {}", Quote(column.name), value(column.name)));
  }
  if (shape.flag) {
    terms.push_back(Format("{} = {}", Quote(shape.flag->name), FlagCleared(shape)));
  }
  if (terms.empty()) {
    const std::string& first = shape.key.front();
    terms.push_back(Format("{} = {}", Quote(first), Column("t", first)));
  }
  return Join(terms, ", ");
}

Sql AssignParameters(const TargetShape& shape) {
  return Assignments(
      shape, [&](const std::string& name) { return Format("${}", PlaceOf(shape, name) + 1); });
}

// A copy keeps the source's values also where its column is GENERATED ALWAYS AS IDENTITY.
Sql InsertInto(const TargetShape& shape) {
  return Format("INSERT INTO {} AS t ({}){}", Quote(shape.table), QuoteList(Names(shape)),
                shape.words().KeepIdentity());
}

Sql UnlessThere(const TargetShape& shape) {
  const Sql key = QuoteList(shape.key);
  if (!shape.flag) return Format("ON CONFLICT ({}) DO NOTHING", key);
  return Format(
      "ON CONFLICT ({}) DO UPDATE SET {} WHERE {}{}", key,
      Assignments(shape, [](const std::string& name) { return Column("excluded", name); }),
      IsFlagged(shape), AndSameKeyTexts(shape, "excluded"));
}

// Takes rows of the target away, or flags them, for deletions of `version` (empty: they have none),
// which stand in `stage` where there is one. What follows says which rows.
Sql TakeAway(const TargetShape& shape, const Sql& version, const Sql& stage = {}) {
  if (!shape.flag) {
    return Format("DELETE FROM {} AS t{}", shape.rows(),
                  stage.empty() ? Sql() : Format(" USING {} AS s", stage));
  }
  return Format("UPDATE {} AS t SET {} = {}{}", shape.rows(), Quote(shape.flag->name),
                FlagSet(shape, version), stage.empty() ? Sql() : Format(" FROM {} AS s", stage));
}

template <typename OtherOf>
Sql SameContent(const TargetShape& shape, OtherOf other) {
  std::vector<Sql> terms;
  for (size_t i = 0; i < shape.columns.size(); ++i) {
    const std::string& name = shape.columns[i].name;
    // Where values have types everything else has one form.
    const bool is_stamp = shape.compares_stamps && shape.words().can().has_typed_values &&
                          (name == shape.cursor || name == shape.cursor_fallback);
    if (IsKey(shape, name) || is_stamp) continue;
    terms.push_back(shape.words().Holds(shape.columns[i].type, Column("t", name), other(i)));
  }
  if (terms.empty()) return "TRUE";
  return Join(terms, " AND ");
}

// The target's row is not what this transaction made of it; true where there is none.
constexpr Sql kNotOurs = "t.xmin IS DISTINCT FROM pg_current_xact_id()::xid";

// Of what Look*Sql returns: the first three columns.
Sql VersionFlags(const TargetShape& shape, Follows follows, size_t previous, const Sql& version) {
  if (!shape.has_versions()) return "FALSE, TRUE, FALSE";
  return Format("coalesce({}, FALSE), coalesce({} = {}, FALSE), {}",
                IsFollowed(shape, follows, VersionParameter(shape, previous)), TargetCursor(shape),
                version, IsNewer(shape, version));
}

// Behind VersionFlags and the content: the version itself, where it is for the program to compare.
Sql AndVersion(const TargetShape& shape) {
  return shape.compares_stamps ? ", " + shape.words().ExactText(TargetCursor(shape)) : Sql();
}

Sql Image(const TargetShape& shape, bool deletion) {
  return Format("SELECT {} FROM {} AS t WHERE {}", ExactTexts(shape), shape.rows(),
                KeyIs(shape, deletion));
}

Sql CreateStage(const TargetShape& shape, const TableName& stage,
                const std::vector<std::string>& columns) {
  std::vector<Sql> terms;
  for (const std::string& column : columns) {
    if (column == kRowColumn) {
      terms.push_back(Format("0 AS {}", kRow));
    } else if (column == kPreviousColumn || column == kVersionColumn) {
      terms.push_back(Format("{} AS {}", TargetCursor(shape), Quote(column)));
    } else {
      terms.push_back(Column("t", column));
    }
  }
  return Format("CREATE TEMP TABLE {}{} AS SELECT {} FROM {} AS t{}", Quote(stage.name),
                shape.words().EmptyAtCommit(), Join(terms, ", "), shape.rows(),
                shape.words().WithoutRows());
}

}  // namespace

std::vector<std::string> UpsertColumns(const TargetShape& shape) {
  std::vector<std::string> columns = Names(shape);
  if (shape.has_versions()) columns.emplace_back(kPreviousColumn);
  columns.emplace_back(kRowColumn);
  return columns;
}

std::vector<std::string> DeleteColumns(const TargetShape& shape) {
  std::vector<std::string> columns = shape.key;
  if (shape.has_versions()) columns.insert(columns.end(), {kPreviousColumn, kVersionColumn});
  columns.emplace_back(kRowColumn);
  return columns;
}

Sql UpdateRowSql(const TargetShape& shape, Follows follows) {
  return Format("UPDATE {} AS t SET {} WHERE {}{}", shape.rows(), AssignParameters(shape),
                KeyIs(shape, false),
                AndFollowed(shape, follows, VersionParameter(shape, shape.columns.size() + 1)));
}

Sql InsertRowSql(const TargetShape& shape) {
  std::vector<Sql> parameters;
  for (size_t i = 1; i <= shape.columns.size(); ++i) parameters.push_back(Format("${}", i));
  return Format("{} VALUES ({}) {}", InsertInto(shape), Join(parameters, ", "), UnlessThere(shape));
}

Sql DeleteRowSql(const TargetShape& shape, Follows follows) {
  return EraseRowSql(shape) +
         AndFollowed(shape, follows, VersionParameter(shape, shape.key.size() + 1));
}

Sql OverwriteRowSql(const TargetShape& shape) {
  return Format("UPDATE {} AS t SET {} WHERE {}", shape.rows(), AssignParameters(shape),
                KeyIs(shape, false));
}

Sql EraseRowSql(const TargetShape& shape) {
  const Sql version = shape.has_versions() ? VersionParameter(shape, shape.key.size() + 2) : Sql();
  return Format("{} WHERE {}{}", TakeAway(shape, version), KeyIs(shape, true),
                AndNotFlagged(shape));
}

Sql LookUpsertSql(const TargetShape& shape, Follows follows) {
  const Sql content = SameContent(shape, [&](size_t i) {
    return shape.words().Parameter(i + 1, shape.columns[i].native_type);
  });
  return Format("SELECT {}, {}{} FROM {} AS t WHERE {}{}{}",
                VersionFlags(shape, follows, shape.columns.size() + 1, OwnVersion(shape)), content,
                AndVersion(shape), shape.rows(), KeyIs(shape, false), AndNotFlagged(shape),
                shape.words().ForUpdate());
}

Sql LookDeleteSql(const TargetShape& shape, Follows follows) {
  const size_t previous = shape.key.size() + 1;
  return Format("SELECT {}, TRUE{} FROM {} AS t WHERE {}{}{}",
                VersionFlags(shape, follows, previous, VersionParameter(shape, previous + 1)),
                AndVersion(shape), shape.rows(), KeyIs(shape, true), AndNotFlagged(shape),
                shape.words().ForUpdate());
}

Sql LockRowSql(const TargetShape& shape, bool deletion) {
  return Format("SELECT FROM {} AS t WHERE {}{}", shape.rows(), KeyIs(shape, deletion),
                shape.words().ForUpdate());
}

Sql LockStagedSql(const TargetShape& shape, const TableName& stage) {
  return Format("SELECT FROM {} AS s JOIN {} AS t ON {} ORDER BY s.{} FOR UPDATE OF t",
                Quote(stage), shape.rows(), SameKey(shape, "s"), kRow);
}

Sql TakenKeySql(const TargetShape& shape) {
  TargetShape plain = shape;
  plain.key_texts.clear();
  std::vector<Sql> terms;
  for (const std::string& column : shape.key) {
    terms.push_back(shape.words().ExactText(Column("t", column)));
  }
  return Format("SELECT {} FROM {} AS t WHERE {} AND NOT ({})", Join(terms, ", "), shape.rows(),
                KeyIs(plain, false), KeyIs(shape, false));
}

Sql ImageUpsertSql(const TargetShape& shape) { return Image(shape, false); }

Sql ImageDeleteSql(const TargetShape& shape) { return Image(shape, true); }

Sql WantedSql(const TargetShape& shape, const std::vector<std::string>& columns) {
  std::vector<Sql> terms;
  for (const std::string& column : columns) {
    const size_t place = PlaceOf(shape, column);
    terms.push_back(
        shape.words().AsText(shape.words().Parameter(place + 1, shape.columns[place].native_type)));
  }
  return Format("SELECT {}", Join(terms, ", "));
}

Sql HeldSql(const TargetShape& shape, const std::vector<std::string>& columns, bool deletion) {
  std::vector<Sql> terms;
  for (const std::string& column : columns)
    terms.push_back(shape.words().AsText(Column("t", column)));
  return Format("SELECT {} FROM {} AS t WHERE {}{}", Join(terms, ", "), shape.rows(),
                KeyIs(shape, deletion), shape.words().ForUpdate());
}

std::optional<std::string> VacatedColumn(const TargetShape& shape,
                                         const std::vector<std::string>& columns) {
  std::optional<std::string> random, null;
  for (const std::string& name : columns) {
    const size_t place = PlaceOf(shape, name);
    if (place == shape.columns.size()) return std::nullopt;  // the target's own: nothing moves it
    if (IsKey(shape, name) || name == shape.cursor || name == shape.cursor_fallback) continue;
    if (!shape.words().RandomValue(shape.columns[place]).empty()) random = name;
    if (shape.columns[place].nullable) null = name;
  }
  return random ? random : null;
}

Sql VacateSql(const TargetShape& shape, const std::string& column, bool deletion) {
  const Sql random = shape.words().RandomValue(shape.columns[PlaceOf(shape, column)]);
  const size_t previous = (deletion ? shape.key.size() : shape.columns.size()) + 1;
  return Format("UPDATE {} AS t SET {} = {} WHERE {}{}", shape.rows(), Quote(column),
                random.empty() ? Sql("NULL") : random, KeyIs(shape, deletion),
                AndFollowed(shape, Follows::kPrevious, VersionParameter(shape, previous)));
}

Sql CreateUpsertStageSql(const TargetShape& shape, const TableName& stage) {
  return CreateStage(shape, stage, UpsertColumns(shape));
}

Sql CreateDeleteStageSql(const TargetShape& shape, const TableName& stage) {
  return CreateStage(shape, stage, DeleteColumns(shape));
}

Sql CreateKeysSql(const TargetShape& shape, const TableName& keys) {
  return Format("CREATE TEMP TABLE IF NOT EXISTS {}{} AS SELECT 0 AS {}, {} FROM {} AS t{}",
                Quote(keys.name), shape.words().EmptyAtCommit(), kRow, QuoteList(shape.key, "t."),
                shape.rows(), shape.words().WithoutRows());
}

Sql UpdateStagedSql(const TargetShape& shape, const TableName& stage, Follows follows) {
  return Format("UPDATE {} AS t SET {} FROM {} AS s WHERE {}{}{}", shape.rows(),
                Assignments(shape, [](const std::string& name) { return Column("s", name); }),
                Quote(stage), SameKey(shape, "s"),
                AndFollowed(shape, follows, Column("s", kPreviousColumn)),
                follows == Follows::kAnyUpToThat ? Format(" AND {}", kNotOurs) : Sql());
}

Sql InsertStagedSql(const TargetShape& shape, const TableName& stage, Staged which) {
  const Sql is_new =
      which == Staged::kNew ? Format("{} IS NULL", Column("s", kPreviousColumn)) : Sql("TRUE");
  return Format("{} SELECT {} FROM {} AS s WHERE {} {}", InsertInto(shape),
                QuoteList(Names(shape), "s."), Quote(stage), is_new, UnlessThere(shape));
}

Sql DeleteStagedSql(const TargetShape& shape, const TableName& stage, Follows follows) {
  const Sql version = shape.has_versions() ? Column("s", kVersionColumn) : Sql();
  return Format("{} WHERE {}{}{}", TakeAway(shape, version, Quote(stage)), SameKey(shape, "s"),
                AndNotFlagged(shape), AndFollowed(shape, follows, Column("s", kPreviousColumn)));
}

Sql LookStagedUpsertsSql(const TargetShape& shape, const TableName& stage) {
  const Sql missing = Format("{} IS NULL", Column("t", shape.key.front()));
  Sql same = SameContent(shape, [&](size_t i) { return Column("s", shape.columns[i].name); });
  if (shape.has_versions()) {
    same += Format(" AND {} = {}", TargetCursor(shape), CursorOf(shape, "s"));
  }
  return Format(
      "SELECT s.{0}, CASE WHEN NOT {1} THEN {2} END FROM {3} AS s LEFT JOIN {4} AS t ON {5} "
      "WHERE {6} AND ({1} OR ({7}) IS NOT TRUE)",
      kRow, missing, IsNewer(shape, CursorOf(shape, "s")), Quote(stage), shape.rows(),
      SameKey(shape, "s") + AndNotFlagged(shape), kNotOurs, same);
}

Sql LookStagedDeletesSql(const TargetShape& shape, const TableName& stage) {
  return Format("SELECT s.{}, {} FROM {} AS s JOIN {} AS t ON {}", kRow,
                IsNewer(shape, Column("s", kVersionColumn)), Quote(stage), shape.rows(),
                SameKey(shape, "s") + AndNotFlagged(shape));
}

}  // namespace syncline::apply
