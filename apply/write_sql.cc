#include "apply/write_sql.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "engine/sql/declared_type.h"
#include "engine/sql/dialect.h"

namespace syncline::apply {
namespace {

using sql::Quote;
using sql::QuoteList;
using terms::AndNotFlagged;
using terms::AsText;
using terms::Column;
using terms::CursorOf;
using terms::ExactTexts;
using terms::FlagCleared;
using terms::FlagSet;
using terms::IsFlagged;
using terms::IsKey;
using terms::IsNewer;
using terms::KeyIs;
using terms::Lock;
using terms::Names;
using terms::Ordered;
using terms::OwnVersion;
using terms::Parameter;
using terms::PlaceOf;
using terms::SameKey;
using terms::TargetCursor;
using terms::VersionParameter;

// Whether the target's row is the state, or one of those, that a change follows.
std::string IsFollowed(const TargetShape& shape, Follows follows, const std::string& previous) {
  return follows == Follows::kPrevious
             ? fmt::format("{} = {}", TargetCursor(shape), previous)
             : fmt::format("{} <= {}", Ordered(shape, TargetCursor(shape)),
                           Ordered(shape, previous));
}

// " AND ..", or nothing where there are no versions.
std::string AndFollowed(const TargetShape& shape, Follows follows, const std::string& previous) {
  if (!shape.has_versions()) return "";
  return " AND " + IsFollowed(shape, follows, previous);
}

// The columns that an update sets; `value` gives the new one. A row that counted as deleted does so
// no longer. A table of key columns only is touched, so that it tells whether the row is there.
template <typename ValueOf>
std::string Assignments(const TargetShape& shape, ValueOf value) {
  std::vector<std::string> terms;
  for (const auto& column : shape.columns) {
    if (IsKey(shape, column.name)) continue;
    terms.push_back(fmt::format("{} = {}", Quote(column.name), value(column.name)));
  }
  if (shape.flag) {
    terms.push_back(fmt::format("{} = {}", Quote(shape.flag->name), FlagCleared(shape)));
  }
  if (terms.empty()) {
    const std::string& first = shape.key.front();
    terms.push_back(fmt::format("{} = {}", Quote(first), Column("t", first)));
  }
  return fmt::format("{}", fmt::join(terms, ", "));
}

std::string AssignParameters(const TargetShape& shape) {
  return Assignments(
      shape, [&](const std::string& name) { return fmt::format("${}", PlaceOf(shape, name) + 1); });
}

// A copy keeps the source's values also where its column is GENERATED ALWAYS AS IDENTITY.
std::string InsertInto(const TargetShape& shape) {
  return fmt::format("INSERT INTO {} AS t ({}){}", Quote(shape.table), QuoteList(Names(shape)),
                     shape.dialect == Dialect::kPostgres ? " OVERRIDING SYSTEM VALUE" : "");
}

std::string UnlessThere(const TargetShape& shape) {
  const std::string key = QuoteList(shape.key);
  if (!shape.flag) return fmt::format("ON CONFLICT ({}) DO NOTHING", key);
  return fmt::format(
      "ON CONFLICT ({}) DO UPDATE SET {} WHERE {}", key,
      Assignments(shape, [](const std::string& name) { return Column("excluded", name); }),
      IsFlagged(shape));
}

// Takes rows of the target away, or flags them, for deletions of `version` (empty: they have none),
// which stand in `stage` where there is one. What follows says which rows.
std::string TakeAway(const TargetShape& shape, const std::string& version,
                     const std::string& stage = {}) {
  if (!shape.flag) {
    return fmt::format("DELETE FROM {} AS t{}", Quote(shape.table),
                       stage.empty() ? "" : fmt::format(" USING {} AS s", stage));
  }
  return fmt::format("UPDATE {} AS t SET {} = {}{}", Quote(shape.table), Quote(shape.flag->name),
                     FlagSet(shape, version),
                     stage.empty() ? "" : fmt::format(" FROM {} AS s", stage));
}

// Types that may have no equality are compared as text.
bool ComparesAsText(Type type) { return type == Type::kJson || type == Type::kOther; }

// Whether column `column` of the target holds `other`, NULL included.
std::string Holds(const TargetShape& shape, const syncline::Column& column,
                  const std::string& other) {
  const std::string own = Column("t", column.name);
  if (shape.dialect == Dialect::kSqlite) return fmt::format("{} IS {}", own, other);
  const char* as_text = ComparesAsText(column.type) ? "::text" : "";
  return fmt::format("{}{} IS NOT DISTINCT FROM {}{}", own, as_text, other, as_text);
}

template <typename OtherOf>
std::string SameContent(const TargetShape& shape, OtherOf other) {
  std::vector<std::string> terms;
  for (size_t i = 0; i < shape.columns.size(); ++i) {
    if (IsKey(shape, shape.columns[i].name)) continue;
    terms.push_back(Holds(shape, shape.columns[i], other(i)));
  }
  if (terms.empty()) return "TRUE";
  return fmt::format("{}", fmt::join(terms, " AND "));
}

// The target's row is not what this transaction made of it; true where there is none.
constexpr char kNotOurs[] = "t.xmin IS DISTINCT FROM pg_current_xact_id()::xid";

// A value that no row is likely to have; empty: there is none of that type.
std::string RandomValue(const TargetShape& shape, const syncline::Column& column) {
  const bool postgres = shape.dialect == Dialect::kPostgres;
  switch (column.type) {
    case Type::kText:
      if (!postgres) return "lower(hex(randomblob(16)))";
      return fmt::format("CAST(md5(random()::text) AS {})",
                         sql::DeclaredType(column.native_type, shape.dialect));
    case Type::kInt:
    case Type::kDecimal:
      if (!postgres) return "-1 - abs(random() % 2000000000)";
      return fmt::format("CAST(-1 - floor(random() * {}) AS {})",
                         column.native_type == "smallint" ? 30'000 : 2'000'000'000,
                         sql::DeclaredType(column.native_type, shape.dialect));
    case Type::kUuid:
      return postgres ? "gen_random_uuid()" : "lower(hex(randomblob(16)))";
    case Type::kBytes:
      return postgres ? "decode(md5(random()::text), 'hex')" : "randomblob(16)";
    default:
      return "";
  }
}

// Of what Look*Sql returns: the first three columns.
std::string VersionFlags(const TargetShape& shape, Follows follows, size_t previous,
                         const std::string& version) {
  if (!shape.has_versions()) return "FALSE, TRUE, FALSE";
  return fmt::format("coalesce({}, FALSE), coalesce({} = {}, FALSE), {}",
                     IsFollowed(shape, follows, VersionParameter(shape, previous)),
                     TargetCursor(shape), version, IsNewer(shape, version));
}

std::string Image(const TargetShape& shape, bool deletion) {
  return fmt::format("SELECT {} FROM {} AS t WHERE {}", ExactTexts(shape), Quote(shape.table),
                     KeyIs(shape, deletion));
}

std::string CreateStage(const TargetShape& shape, const TableName& stage,
                        const std::vector<std::string>& columns) {
  std::vector<std::string> terms;
  for (const std::string& column : columns) {
    if (column == kRowColumn) {
      terms.push_back(fmt::format("0 AS {}", column));
    } else if (column == kPreviousColumn || column == kVersionColumn) {
      terms.push_back(fmt::format("{} AS {}", TargetCursor(shape), column));
    } else {
      terms.push_back(Column("t", column));
    }
  }
  return fmt::format(
      "CREATE TEMP TABLE {} ON COMMIT DELETE ROWS AS SELECT {} FROM {} AS t WITH NO DATA",
      Quote(stage.name), fmt::join(terms, ", "), Quote(shape.table));
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

std::string UpdateRowSql(const TargetShape& shape, Follows follows) {
  return fmt::format(
      "UPDATE {} AS t SET {} WHERE {}{}", Quote(shape.table), AssignParameters(shape),
      KeyIs(shape, false),
      AndFollowed(shape, follows, VersionParameter(shape, shape.columns.size() + 1)));
}

std::string InsertRowSql(const TargetShape& shape) {
  std::vector<std::string> parameters;
  for (size_t i = 1; i <= shape.columns.size(); ++i) parameters.push_back(fmt::format("${}", i));
  return fmt::format("{} VALUES ({}) {}", InsertInto(shape), fmt::join(parameters, ", "),
                     UnlessThere(shape));
}

std::string DeleteRowSql(const TargetShape& shape, Follows follows) {
  return EraseRowSql(shape) +
         AndFollowed(shape, follows, VersionParameter(shape, shape.key.size() + 1));
}

std::string OverwriteRowSql(const TargetShape& shape) {
  return fmt::format("UPDATE {} AS t SET {} WHERE {}", Quote(shape.table), AssignParameters(shape),
                     KeyIs(shape, false));
}

std::string EraseRowSql(const TargetShape& shape) {
  const std::string version =
      shape.has_versions() ? VersionParameter(shape, shape.key.size() + 2) : "";
  return fmt::format("{} WHERE {}{}", TakeAway(shape, version), KeyIs(shape, true),
                     AndNotFlagged(shape));
}

std::string LookUpsertSql(const TargetShape& shape, Follows follows) {
  const std::string content = SameContent(
      shape, [&](size_t i) { return Parameter(shape, i + 1, shape.columns[i].native_type); });
  return fmt::format("SELECT {}, {} FROM {} AS t WHERE {}{}{}",
                     VersionFlags(shape, follows, shape.columns.size() + 1, OwnVersion(shape)),
                     content, Quote(shape.table), KeyIs(shape, false), AndNotFlagged(shape),
                     Lock(shape));
}

std::string LookDeleteSql(const TargetShape& shape, Follows follows) {
  const size_t previous = shape.key.size() + 1;
  return fmt::format("SELECT {}, TRUE FROM {} AS t WHERE {}{}{}",
                     VersionFlags(shape, follows, previous, VersionParameter(shape, previous + 1)),
                     Quote(shape.table), KeyIs(shape, true), AndNotFlagged(shape), Lock(shape));
}

std::string LockRowSql(const TargetShape& shape, bool deletion) {
  return fmt::format("SELECT FROM {} AS t WHERE {}{}", Quote(shape.table), KeyIs(shape, deletion),
                     Lock(shape));
}

std::string LockStagedSql(const TargetShape& shape, const TableName& stage) {
  return fmt::format("SELECT FROM {} AS s JOIN {} AS t ON {} ORDER BY s.{} FOR UPDATE OF t",
                     Quote(stage), Quote(shape.table), SameKey(shape, "s"), kRowColumn);
}

std::string ImageUpsertSql(const TargetShape& shape) { return Image(shape, false); }

std::string ImageDeleteSql(const TargetShape& shape) { return Image(shape, true); }

std::string WantedSql(const TargetShape& shape, const std::vector<std::string>& columns) {
  std::vector<std::string> terms;
  for (const std::string& column : columns) {
    const size_t place = PlaceOf(shape, column);
    terms.push_back(AsText(shape, Parameter(shape, place + 1, shape.columns[place].native_type)));
  }
  return fmt::format("SELECT {}", fmt::join(terms, ", "));
}

std::string HeldSql(const TargetShape& shape, const std::vector<std::string>& columns,
                    bool deletion) {
  std::vector<std::string> terms;
  for (const std::string& column : columns) terms.push_back(AsText(shape, Column("t", column)));
  return fmt::format("SELECT {} FROM {} AS t WHERE {}{}", fmt::join(terms, ", "),
                     Quote(shape.table), KeyIs(shape, deletion), Lock(shape));
}

std::optional<std::string> VacatedColumn(const TargetShape& shape,
                                         const std::vector<std::string>& columns) {
  std::optional<std::string> random, null;
  for (const std::string& name : columns) {
    const size_t place = PlaceOf(shape, name);
    if (place == shape.columns.size()) return std::nullopt;  // the target's own: nothing moves it
    if (IsKey(shape, name) || name == shape.cursor || name == shape.cursor_fallback) continue;
    if (!RandomValue(shape, shape.columns[place]).empty()) random = name;
    if (shape.columns[place].nullable) null = name;
  }
  return random ? random : null;
}

std::string VacateSql(const TargetShape& shape, const std::string& column, bool deletion) {
  const std::string random = RandomValue(shape, shape.columns[PlaceOf(shape, column)]);
  const size_t previous = (deletion ? shape.key.size() : shape.columns.size()) + 1;
  return fmt::format("UPDATE {} AS t SET {} = {} WHERE {}{}", Quote(shape.table), Quote(column),
                     random.empty() ? "NULL" : random, KeyIs(shape, deletion),
                     AndFollowed(shape, Follows::kPrevious, VersionParameter(shape, previous)));
}

std::string CreateUpsertStageSql(const TargetShape& shape, const TableName& stage) {
  return CreateStage(shape, stage, UpsertColumns(shape));
}

std::string CreateDeleteStageSql(const TargetShape& shape, const TableName& stage) {
  return CreateStage(shape, stage, DeleteColumns(shape));
}

std::string CreateKeysSql(const TargetShape& shape, const TableName& keys) {
  const bool postgres = shape.dialect == Dialect::kPostgres;
  return fmt::format("CREATE TEMP TABLE IF NOT EXISTS {}{} AS SELECT 0 AS {}, {} FROM {} AS t {}",
                     Quote(keys.name), postgres ? " ON COMMIT DELETE ROWS" : "", kRowColumn,
                     QuoteList(shape.key, "t."), Quote(shape.table),
                     postgres ? "WITH NO DATA" : "LIMIT 0");
}

std::string UpdateStagedSql(const TargetShape& shape, const TableName& stage, Follows follows) {
  return fmt::format("UPDATE {} AS t SET {} FROM {} AS s WHERE {}{}{}", Quote(shape.table),
                     Assignments(shape, [](const std::string& name) { return Column("s", name); }),
                     Quote(stage), SameKey(shape, "s"),
                     AndFollowed(shape, follows, Column("s", kPreviousColumn)),
                     follows == Follows::kAnyUpToThat ? fmt::format(" AND {}", kNotOurs) : "");
}

std::string InsertStagedSql(const TargetShape& shape, const TableName& stage, Staged which) {
  const std::string is_new =
      which == Staged::kNew ? fmt::format("{} IS NULL", Column("s", kPreviousColumn)) : "TRUE";
  return fmt::format("{} SELECT {} FROM {} AS s WHERE {} {}", InsertInto(shape),
                     QuoteList(Names(shape), "s."), Quote(stage), is_new, UnlessThere(shape));
}

std::string DeleteStagedSql(const TargetShape& shape, const TableName& stage, Follows follows) {
  const std::string version = shape.has_versions() ? Column("s", kVersionColumn) : "";
  return fmt::format("{} WHERE {}{}{}", TakeAway(shape, version, Quote(stage)), SameKey(shape, "s"),
                     AndNotFlagged(shape),
                     AndFollowed(shape, follows, Column("s", kPreviousColumn)));
}

std::string LookStagedUpsertsSql(const TargetShape& shape, const TableName& stage) {
  const std::string missing = fmt::format("{} IS NULL", Column("t", shape.key.front()));
  std::string same =
      SameContent(shape, [&](size_t i) { return Column("s", shape.columns[i].name); });
  if (shape.has_versions()) {
    same += fmt::format(" AND {} = {}", TargetCursor(shape), CursorOf(shape, "s"));
  }
  return fmt::format(
      "SELECT s.{0}, CASE WHEN NOT {1} THEN {2} END FROM {3} AS s LEFT JOIN {4} AS t ON {5} "
      "WHERE {6} AND ({1} OR ({7}) IS NOT TRUE)",
      kRowColumn, missing, IsNewer(shape, CursorOf(shape, "s")), Quote(stage), Quote(shape.table),
      SameKey(shape, "s") + AndNotFlagged(shape), kNotOurs, same);
}

std::string LookStagedDeletesSql(const TargetShape& shape, const TableName& stage) {
  return fmt::format("SELECT s.{}, {} FROM {} AS s JOIN {} AS t ON {}", kRowColumn,
                     IsNewer(shape, Column("s", kVersionColumn)), Quote(stage), Quote(shape.table),
                     SameKey(shape, "s") + AndNotFlagged(shape));
}

}  // namespace syncline::apply
