#include "apply/upsert_sql.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/base/check.h"
#include "engine/sql/dialect.h"

namespace syncline::apply {
namespace {

using sql::Quote;
using sql::QuoteList;

std::string Column(const char* table, const std::string& column) {
  return fmt::format("{}.{}", table, Quote(column));
}

// `expression` so that the database orders it as CompareValues does.
std::string Ordered(const TargetShape& shape, const std::string& expression) {
  if (shape.dialect == Dialect::kSqlite && shape.cursor_type == Type::kDecimal) {
    return fmt::format("CAST({} AS NUMERIC)", expression);  // decimals are text there
  }
  if (shape.dialect == Dialect::kPostgres && shape.cursor_type == Type::kText) {
    return expression + " COLLATE \"C\"";
  }
  return expression;
}

// A version that comes as a parameter, rounded as the target's column has rounded the ones it
// holds: PostgreSQL gives a parameter the column's type, but not its precision.
std::string VersionParameter(const TargetShape& shape, size_t number) {
  if (shape.dialect != Dialect::kPostgres) return fmt::format("${}", number);
  return fmt::format("CAST(${} AS {})", number, shape.cursor_native);
}

std::string TargetCursor(const TargetShape& shape) { return Column("t", shape.cursor); }

// The target's row is of a lower version than `version`, or (for deletions) not of a higher one.
std::string IsOlder(const TargetShape& shape, const char* comparison, const std::string& version) {
  return fmt::format("{} {} {} OR {} IS NULL", Ordered(shape, TargetCursor(shape)), comparison,
                     Ordered(shape, version), TargetCursor(shape));
}

std::string SameKey(const TargetShape& shape, const char* other) {
  std::vector<std::string> terms;
  for (const std::string& column : shape.key) {
    terms.push_back(fmt::format("{} = {}", Column("t", column), Column(other, column)));
  }
  return fmt::format("{}", fmt::join(terms, " AND "));
}

std::vector<std::string> ColumnsBesidesKey(const TargetShape& shape) {
  std::vector<std::string> others;
  std::ranges::copy_if(shape.columns, std::back_inserter(others), [&](const std::string& column) {
    return std::ranges::find(shape.key, column) == shape.key.end();
  });
  return others;
}

// A copy keeps the source's values also where its column is GENERATED ALWAYS AS IDENTITY.
std::string InsertInto(const TargetShape& shape) {
  return fmt::format("INSERT INTO {} AS t ({}){}", Quote(shape.table), QuoteList(shape.columns),
                     shape.dialect == Dialect::kPostgres ? " OVERRIDING SYSTEM VALUE" : "");
}

// ON CONFLICT (key) DO ..; `follows` is true when the target holds the state that the change
// follows.
std::string OnConflict(const TargetShape& shape, const std::string& follows) {
  std::vector<std::string> assignments;
  for (const std::string& column : ColumnsBesidesKey(shape)) {
    assignments.push_back(fmt::format("{} = {}", Quote(column), Column("excluded", column)));
  }
  if (assignments.empty()) return fmt::format(" ON CONFLICT ({}) DO NOTHING", QuoteList(shape.key));
  std::string sql = fmt::format(" ON CONFLICT ({}) DO UPDATE SET {}", QuoteList(shape.key),
                                fmt::join(assignments, ", "));
  switch (shape.conflict) {
    case ConflictRule::kSourceWins:
      break;
    case ConflictRule::kTargetWins:
      sql += fmt::format(" WHERE {}", follows);
      break;
    case ConflictRule::kLatestWins:
      sql += fmt::format(" WHERE {} OR {}", IsOlder(shape, "<", Column("excluded", shape.cursor)),
                         follows);
      break;
  }
  return sql;
}

// Whether the target's row is the state, or one of those, that a change follows.
std::string IsFollowed(const TargetShape& shape, Follows follows, const std::string& previous) {
  return follows == Follows::kPrevious
             ? fmt::format("{} = {}", TargetCursor(shape), previous)
             : fmt::format("{} <= {}", Ordered(shape, TargetCursor(shape)),
                           Ordered(shape, previous));
}

// The condition beside the key under which a row may be deleted; begins with AND, or is empty.
std::string DeleteCondition(const TargetShape& shape, Follows which, const std::string& previous,
                            const std::string& version) {
  const auto follows = [&] { return IsFollowed(shape, which, previous); };
  switch (shape.conflict) {
    case ConflictRule::kSourceWins:
      return "";
    case ConflictRule::kTargetWins:
      return fmt::format(" AND {}", follows());
    case ConflictRule::kLatestWins:
      return fmt::format(" AND ({} OR {})", IsOlder(shape, "<=", version), follows());
  }
  return "";
}

std::string CreateStage(const TargetShape& shape, const TableName& stage,
                        const std::vector<std::string>& columns) {
  std::vector<std::string> terms;
  for (const std::string& column : columns) {
    const bool version = column == kPreviousColumn || column == kVersionColumn;
    terms.push_back(version ? fmt::format("{} AS {}", TargetCursor(shape), column)
                            : Column("t", column));
  }
  return fmt::format(
      "CREATE TEMP TABLE {} ON COMMIT DELETE ROWS AS SELECT {} FROM {} AS t WITH NO DATA",
      Quote(stage.name), fmt::join(terms, ", "), Quote(shape.table));
}

bool UpsertTakesPrevious(const TargetShape& shape) {
  return ComparesVersions(shape.conflict) && shape.columns.size() > shape.key.size();
}

}  // namespace

std::vector<std::string> UpsertColumns(const TargetShape& shape) {
  std::vector<std::string> columns = shape.columns;
  if (UpsertTakesPrevious(shape)) columns.emplace_back(kPreviousColumn);
  return columns;
}

std::vector<std::string> DeleteColumns(const TargetShape& shape) {
  std::vector<std::string> columns = shape.key;
  if (ComparesVersions(shape.conflict)) columns.emplace_back(kPreviousColumn);
  if (shape.conflict == ConflictRule::kLatestWins) columns.emplace_back(kVersionColumn);
  return columns;
}

std::string UpsertRowSql(const TargetShape& shape, Follows which) {
  std::vector<std::string> parameters;
  for (size_t i = 1; i <= shape.columns.size(); ++i) parameters.push_back(fmt::format("${}", i));
  const std::string follows =
      UpsertTakesPrevious(shape)
          ? IsFollowed(shape, which, VersionParameter(shape, shape.columns.size() + 1))
          : "";
  return fmt::format("{} VALUES ({}){}", InsertInto(shape), fmt::join(parameters, ", "),
                     OnConflict(shape, follows));
}

std::string DeleteRowSql(const TargetShape& shape, Follows which) {
  std::vector<std::string> terms;
  for (size_t i = 0; i < shape.key.size(); ++i) {
    terms.push_back(fmt::format("{} = ${}", Column("t", shape.key[i]), i + 1));
  }
  return fmt::format("DELETE FROM {} AS t WHERE {}{}", Quote(shape.table),
                     fmt::join(terms, " AND "),
                     DeleteCondition(shape, which, VersionParameter(shape, shape.key.size() + 1),
                                     VersionParameter(shape, shape.key.size() + 2)));
}

std::string CreateUpsertStageSql(const TargetShape& shape, const TableName& stage) {
  return CreateStage(shape, stage, UpsertColumns(shape));
}

std::string CreateDeleteStageSql(const TargetShape& shape, const TableName& stage) {
  return CreateStage(shape, stage, DeleteColumns(shape));
}

std::string UpsertStagedSql(const TargetShape& shape, const TableName& stage) {
  std::string follows;
  if (UpsertTakesPrevious(shape)) {
    // ON CONFLICT sees the proposed row, not the stage's; so the previous versions are looked up,
    // in a hash table that the server builds when it first needs it. With latest_wins only stamps
    // that went backwards (or stood still) get here.
    const std::string needed =
        shape.conflict == ConflictRule::kLatestWins
            ? fmt::format("{} >= {}", Ordered(shape, Column("s", kPreviousColumn)),
                          Ordered(shape, Column("s", shape.cursor)))
            : fmt::format("{} IS NOT NULL", Column("s", kPreviousColumn));
    follows =
        fmt::format("({}, {}) IN (SELECT {}, {} FROM {} AS s WHERE {})",
                    QuoteList(shape.key, "excluded."), TargetCursor(shape),
                    QuoteList(shape.key, "s."), Column("s", kPreviousColumn), Quote(stage), needed);
  }
  return fmt::format("{} SELECT {} FROM {} AS s{}", InsertInto(shape),
                     QuoteList(shape.columns, "s."), Quote(stage), OnConflict(shape, follows));
}

std::string DeleteStagedSql(const TargetShape& shape, const TableName& stage) {
  return fmt::format("DELETE FROM {} AS t USING {} AS s WHERE {}{}", Quote(shape.table),
                     Quote(stage), SameKey(shape, "s"),
                     DeleteCondition(shape, Follows::kPrevious, Column("s", kPreviousColumn),
                                     Column("s", kVersionColumn)));
}

std::string CountNewerStagedSql(const TargetShape& shape, const TableName& stage,
                                const std::string& stage_version) {
  return fmt::format("SELECT count(*) FROM {} AS s JOIN {} AS t ON {} WHERE {} > {}", Quote(stage),
                     Quote(shape.table), SameKey(shape, "s"), Ordered(shape, TargetCursor(shape)),
                     Ordered(shape, Column("s", stage_version)));
}

std::string CountNewerSql(const TargetShape& shape, const std::vector<Row>& keys_and_versions) {
  SYNCLINE_CHECK(!keys_and_versions.empty());
  std::vector<std::string> rows;
  for (const Row& row : keys_and_versions) {
    std::vector<std::string> literals;
    for (const ValueView value : row) literals.push_back(sql::Literal(value, shape.dialect));
    rows.push_back(fmt::format("({})", fmt::join(literals, ", ")));
  }
  std::vector<std::string> terms;
  for (size_t i = 0; i < shape.key.size(); ++i) {
    terms.push_back(fmt::format("{} = v.column{}", Column("t", shape.key[i]), i + 1));
  }
  return fmt::format("SELECT count(*) FROM (VALUES {}) AS v JOIN {} AS t ON {} WHERE {} > {}",
                     fmt::join(rows, ", "), Quote(shape.table), fmt::join(terms, " AND "),
                     Ordered(shape, TargetCursor(shape)),
                     Ordered(shape, fmt::format("v.column{}", shape.key.size() + 1)));
}

}  // namespace syncline::apply
