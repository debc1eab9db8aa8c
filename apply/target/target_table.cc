#include "apply/target/target_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <ranges>
#include <set>

#include "apply/plan/column_types.h"
#include "apply/plan/key_fit.h"
#include "apply/state/own_tables.h"
#include "apply/target/for_table.h"
#include "apply/target/foreign_code.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/base/nearest.h"
#include "engine/sql/describe_all.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"

namespace syncline::apply {
namespace {

using sql::Format;
using sql::Quote;
using sql::QuoteList;
using sql::Sql;

// The type that a column gets: TypeOnTarget, or TypeToShow.
using TypeOf = Sql(sql::Session&, Dialect, const Column&, const TableName&);

Sql ColumnSql(sql::Session& session, const ApplyPlan& plan, const Column& column, TypeOf type_of) {
  return Format("{} {}", Quote(column.name),
                type_of(session, plan.schema->dialect, column, plan.target));
}

// The flag of a table that gets one: when the row was deleted tells more than that it was.
Sql FlagSql(const ApplyPlan& plan, Dialect target) {
  return Format("{} {}", Quote(plan.flag),
                sql::ForDialect(target, sql::IfPostgres{Sql("timestamp with time zone")},
                                sql::IfSqlite{Sql("TIMESTAMPTZ")}));
}

// The table has the plan's columns, the key as its primary key, and NOT NULL for the key only: a
// source may drop a NOT NULL at any time, and a copy that insists on it would stop.
Sql CreateTableSql(sql::Session& session, const ApplyPlan& plan, TypeOf type_of) {
  Sql sql = Format("CREATE TABLE {} (", Quote(plan.target));
  for (uint32_t i = 0; i < plan.columns.size(); ++i) {
    const bool key = std::ranges::find(plan.key, i) != plan.key.end();
    sql += ColumnSql(session, plan, plan.columns[i], type_of);
    sql += key ? Sql(" NOT NULL, ") : Sql(", ");
  }
  if (!plan.flag.empty()) sql += FlagSql(plan, session.dialect()) + ", ";
  return sql + Format("PRIMARY KEY ({}))", QuoteList(plan.KeyNames()));
}

Sql Add(const ApplyPlan& plan, const Sql& column) {
  return Format("ALTER TABLE {} ADD COLUMN {}", Quote(plan.target), column);
}

void CreateSchema(sql::Session& session, const std::string& schema) {
  const bool has_schemas =
      sql::ForDialect(session.dialect(), sql::IfPostgres{true}, sql::IfSqlite{false});
  if (!has_schemas || schema.empty()) return;
  // CREATE SCHEMA IF NOT EXISTS asks for a privilege even when there is nothing to do.
  const auto found = session.Query("SELECT 1 FROM pg_namespace WHERE nspname = $1", {schema});
  if (found.rows.empty()) {
    ExecuteDdl(session, Format("CREATE SCHEMA IF NOT EXISTS {}", Quote(schema)));
  }
}

// A column that the table lacks, and that is no new one of the source: renamed, or part of the key.
// More likely a mistake in the configuration.
bool IsMistake(const ApplyPlan& plan, uint32_t index) {
  return plan.columns[index].name != plan.schema->columns[plan.take[index]].name ||
         std::ranges::find(plan.key, index) != plan.key.end();
}

[[noreturn]] void ThrowMistake(sql::Session& session, const ApplyPlan& plan, const Column& column,
                               const sql::TableInfo& info) {
  std::vector<std::string> names;
  for (const auto& other : info.columns) names.push_back(other.column.name);
  throw UsageError(fmt::format("table {} on the target has no column {}{}", plan.target.ToString(),
                               column.name, DidYouMean(column.name, names)),
                   fmt::format("Correct `columns` or `omit` in the configuration, or run: {};",
                               AddColumnSql(session, plan, column).text()));
}

[[noreturn]] void ThrowPaused(sql::Session& session, const ApplyPlan& plan,
                              const std::vector<uint32_t>& missing) {
  std::vector<std::string> names, statements;
  for (const uint32_t i : missing) {
    names.push_back(plan.columns[i].name);
    statements.push_back(AddColumnSql(session, plan, plan.columns[i]).ToString() + ";");
  }
  throw UsageError(fmt::format("table {} on the target has no column {}, which the source has",
                               plan.target.ToString(), fmt::join(names, ", ")),
                   fmt::format("Start again with `new_columns: evolve` or `ignore`, or with the "
                               "column omitted, or after this: {}",
                               fmt::join(statements, " ")));
}

void AddColumns(sql::Session& session, const ApplyPlan& plan, const std::vector<uint32_t>& missing,
                Logger& logger) {
  LockForDdl(session);
  for (const uint32_t i : missing) {
    ExecuteDdl(session, Add(plan, ColumnSql(session, plan, plan.columns[i], TypeOnTarget)));
    logger.Info(
        "target column added, rows that are there get its value with their next change "
        "table={} column={}",
        plan.target.ToString(), plan.columns[i].name);
  }
}

// From the last one on, so that the indexes stay right.
void LeaveOutColumns(sql::Session& session, ApplyPlan& plan, const std::vector<uint32_t>& missing,
                     Logger& logger) {
  for (const uint32_t i : std::views::reverse(missing)) {
    if (plan.IsCursor(i) && ComparesVersions(plan.conflict)) {
      throw UsageError(
          fmt::format("table {} on the target has no column {}, the cursor column, "
                      "which decides conflicts (other than by source_wins)",
                      plan.target.ToString(), plan.columns[i].name),
          fmt::format("Run: {};", AddColumnSql(session, plan, plan.columns[i]).text()));
    }
    logger.Warn("column ignored, its values do not reach the target table={} column={}",
                plan.target.ToString(), plan.columns[i].name);
    LeaveOut(plan, i);
  }
}

// The plan calls columns as the table does, which may differ where case does not count.
void TakeNames(const sql::TableInfo& info, Dialect dialect, ApplyPlan& plan) {
  const auto take = [&](std::string& name) {
    if (const sql::ColumnInfo* column = info.Find(name, dialect)) name = column->column.name;
  };
  for (Column& column : plan.columns) take(column.name);
  if (!plan.flag.empty()) take(plan.flag);
}

// Columns that the target computes by itself. Those that it cannot do without stay, and are refused
// by CheckColumns.
void LeaveOutGenerated(const sql::TableInfo& info, ApplyPlan& plan, Logger& logger) {
  for (auto i = static_cast<uint32_t>(plan.columns.size()); i-- > 0;) {
    const sql::ColumnInfo* const column = info.Find(plan.columns[i].name);
    const bool is_key = std::ranges::find(plan.key, i) != plan.key.end();
    const bool is_needed = is_key || (plan.IsCursor(i) && ComparesVersions(plan.conflict));
    if (column == nullptr || !column->generated || is_needed) continue;
    logger.Info("column left out, the target computes it table={} column={}",
                plan.target.ToString(), plan.columns[i].name);
    LeaveOut(plan, i);
  }
}

// True when columns were added, so that the catalogue must be read again.
bool TreatMissingColumns(sql::Session& session, ApplyPlan& plan, const sql::TableInfo& info,
                         Logger& logger) {
  std::vector<uint32_t> missing;
  for (uint32_t i = 0; i < plan.columns.size(); ++i) {
    if (info.Find(plan.columns[i].name) != nullptr) continue;
    if (IsMistake(plan, i)) ThrowMistake(session, plan, plan.columns[i], info);
    missing.push_back(i);
  }
  if (missing.empty()) return false;
  switch (plan.new_columns) {
    case NewColumns::kPause:
      ThrowPaused(session, plan, missing);
    case NewColumns::kIgnore:
      LeaveOutColumns(session, plan, missing, logger);
      return false;
    case NewColumns::kEvolve:
      AddColumns(session, plan, missing, logger);
      return true;
  }
  return false;
}

// SQLite fills an INTEGER PRIMARY KEY by itself.
bool IsRowId(const sql::TableInfo& info, const sql::ColumnInfo& column, Dialect dialect) {
  return sql::ForDialect(dialect, sql::IfPostgres{false}, sql::IfSqlite{true}) &&
         info.primary_key == std::vector<std::string>{column.column.name} &&
         std::ranges::equal(column.column.native_type, std::string_view("INTEGER"),
                            [](char a, char b) { return std::toupper(a) == b; });
}

// Whether statements that update a row set that column: all do but the key's. Of a table that has
// no others they touch the first one (OverwriteRowSql).
bool IsUpdated(const ApplyPlan& plan, const std::string& name) {
  const std::vector<std::string> key = plan.KeyNames();
  return std::ranges::find(key, name) == key.end() ||
         (plan.columns.size() == key.size() && name == key.front());
}

void CheckColumns(const ApplyPlan& plan, const sql::TableInfo& info, Dialect dialect) {
  for (const auto& column : info.columns) {
    const std::string& name = column.column.name;
    const bool written = std::ranges::find(plan.columns, name, &Column::name) != plan.columns.end();
    if (written && column.generated) {
      throw UsageError(
          fmt::format("column {} of {} on the target is generated and cannot be written", name,
                      plan.target.ToString()),
          "It is part of the key, or the cursor column: make it an ordinary column, or name others "
          "with `key` or `cursor`.");
    }
    if (written && column.identity_always && IsUpdated(plan, name)) {
      throw UsageError(fmt::format("column {} of {} on the target is GENERATED ALWAYS AS IDENTITY: "
                                   "a row that is there cannot be given another value",
                                   name, plan.target.ToString()),
                       fmt::format("Run: ALTER TABLE {} ALTER COLUMN {} SET GENERATED BY DEFAULT; "
                                   "or add the source's column to `omit`.",
                                   Quote(plan.target).text(), Quote(name).text()));
    }
    if (!written && !column.column.nullable && !column.generated &&
        column.default_expression.empty() && !IsRowId(info, column, dialect)) {
      throw UsageError(fmt::format("column {} of {} on the target must have a value, but gets none",
                                   name, plan.target.ToString()),
                       "Give it a default, allow NULL, or map a source column to it in `columns`.");
    }
  }
}

// True when it was added, so that the catalogue must be read again.
bool AddMissingFlag(sql::Session& session, const ApplyPlan& plan, const sql::TableInfo& info,
                    Logger& logger) {
  if (plan.flag.empty() || info.Find(plan.flag) != nullptr) return false;
  const Sql sql =
      Format("ALTER TABLE {} ADD COLUMN {}", Quote(plan.target), FlagSql(plan, session.dialect()));
  if (!plan.create) {
    throw UsageError(fmt::format("table {} on the target has no column {}, which `on_delete` sets",
                                 plan.target.ToString(), plan.flag),
                     fmt::format("Set `create: true`, or run: {};", sql.text()));
  }
  LockForDdl(session);
  ExecuteDdl(session, sql);
  logger.Info("target column added for deleted rows table={} column={}", plan.target.ToString(),
              plan.flag);
  return true;
}

void CheckFlag(const ApplyPlan& plan, const sql::TableInfo& info) {
  if (plan.flag.empty()) return;
  const sql::ColumnInfo& flag = *info.Find(plan.flag);
  const Type type = flag.column.type;
  const bool number = type == Type::kBool || type == Type::kInt;
  const bool time = type == Type::kDate || type == Type::kTimestamp || type == Type::kTimestampTz;
  if ((number || (time && flag.column.nullable)) && !flag.generated) return;
  throw UsageError(fmt::format("column {} of {} on the target cannot tell deleted rows", plan.flag,
                               plan.target.ToString()),
                   "It has to be a boolean, an integer, or a date or timestamp that may be NULL.");
}

bool CatalogueHasKey(const sql::TableInfo& info, std::vector<std::string> key) {
  std::ranges::sort(key);
  const auto same = [&key](std::vector<std::string> other) {
    std::ranges::sort(other);
    return other == key;
  };
  return same(info.primary_key) || std::ranges::any_of(info.unique_keys, same);
}

void CheckKey(sql::Session& session, const ApplyPlan& plan, const sql::TableInfo& info) {
  const std::vector<std::string> key = plan.KeyNames();
  if (CatalogueHasKey(info, key)) return;
  // The catalogue lists unique keys over NOT NULL columns only, but others serve as well here: ask
  // the one who must know.
  const std::vector<Sql> nulls(key.size(), "NULL");
  try {
    session.Query(Format("EXPLAIN INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO NOTHING",
                         Quote(plan.target), QuoteList(key), sql::Join(nulls, ", "),
                         QuoteList(key)));
  } catch (const Error& error) {
    if (error.condition() != Condition::kNoMatchingKey) throw;
    throw UsageError(
        fmt::format("table {} on the target has no unique key on ({})", plan.target.ToString(),
                    fmt::join(key, ", ")),
        fmt::format("Run: CREATE UNIQUE INDEX {} ON {} ({});",
                    Quote(fmt::format("{}_{}_key", plan.target.name, fmt::join(key, "_"))).text(),
                    Quote(plan.target).text(), QuoteList(key).text()));
  }
}

}  // namespace

Sql AddColumnSql(sql::Session& session, const ApplyPlan& plan, const Column& column) {
  return Add(plan, ColumnSql(session, plan, column, TypeToShow));
}

void MakeTargetTables(sql::Session& session, std::span<const ApplyPlan> plans, Logger& logger) {
  std::set<std::string> schemas;
  std::vector<TableName> names;
  for (const ApplyPlan& plan : plans) {
    ForTable(plan.schema->table, [&] {
      RefuseOneName(plan, session.dialect());
      if (plan.create) return;
      const Sql sql = CreateTableSql(session, plan, TypeToShow);
      throw UsageError(fmt::format("table {} does not exist on the target", plan.target.ToString()),
                       fmt::format("Set `create: true`, or run: {};", sql.text()));
    });
    schemas.insert(plan.target.schema);
    names.push_back(plan.target);
  }
  if (plans.empty()) return;
  LockForDdl(session);
  for (const auto& info : sql::DescribeAll(session, names)) {
    if (!info) continue;
    throw RestartError(
        fmt::format("somebody has just made table {} on the target", info->name.ToString()));
  }
  for (const std::string& schema : schemas) CreateSchema(session, schema);
  for (const ApplyPlan& plan : plans) {
    ForTable(plan.schema->table,
             [&] { ExecuteDdl(session, CreateTableSql(session, plan, TypeOnTarget)); });
    logger.Info("target table created table={}", plan.target.ToString());
  }
}

namespace {

// Makes a table that is there what the plan needs; true when the catalogue must be read again.
bool AlterTable(sql::Session& session, ApplyPlan& plan, const sql::TableInfo& info,
                Logger& logger) {
  RefuseOneName(plan, session.dialect());
  TakeNames(info, session.dialect(), plan);
  LeaveOutGenerated(info, plan, logger);
  if (info.kind == sql::TableInfo::Kind::kView || info.kind == sql::TableInfo::Kind::kForeign) {
    throw UsageError(
        fmt::format("{} on the target is a view or a foreign table", plan.target.ToString()),
        "Apply writes to ordinary tables only; set `to` to one.");
  }
  const bool has_new = TreatMissingColumns(session, plan, info, logger);
  return AddMissingFlag(session, plan, info, logger) || has_new;
}

void CheckTable(sql::Session& session, ApplyPlan& plan, const sql::TableInfo& info) {
  CheckColumns(plan, info, session.dialect());
  CheckFlag(plan, info);
  CheckKey(session, plan, info);
  plan.key_fits = KeyFitsOf(session, plan, info);
  RefuseMergedKeys(plan, info, session.dialect());
}

}  // namespace

std::vector<sql::TableInfo> PrepareTargetTables(sql::Session& session, std::span<ApplyPlan> plans,
                                                Logger& logger) {
  std::vector<TableName> names;
  for (const ApplyPlan& plan : plans) names.push_back(plan.target);
  std::vector<std::optional<sql::TableInfo>> infos = sql::DescribeAll(session, names);
  std::vector<ApplyPlan> missing;
  bool is_old = false;  // what the catalogue has said
  for (size_t i = 0; i < plans.size(); ++i) {
    if (!infos[i]) {
      missing.push_back(plans[i]);
      continue;
    }
    is_old |= ForTable(plans[i].schema->table,
                       [&] { return AlterTable(session, plans[i], *infos[i], logger); });
  }
  MakeTargetTables(session, missing, logger);
  if (is_old || !missing.empty()) infos = sql::DescribeAll(session, names);
  std::vector<sql::TableInfo> prepared;
  std::vector<TableName> found;
  for (size_t i = 0; i < plans.size(); ++i) {
    if (!infos[i]) {
      throw RestartError(fmt::format("table {} is gone again", plans[i].target.ToString()));
    }
    found.push_back(infos[i]->name);
    prepared.push_back(*std::move(infos[i]));
  }
  LookAtForeignCode(session, found, logger);
  for (size_t i = 0; i < plans.size(); ++i) {
    ForTable(plans[i].schema->table, [&] { CheckTable(session, plans[i], prepared[i]); });
  }
  return prepared;
}

sql::TableInfo PrepareTargetTable(sql::Session& session, ApplyPlan& plan, Logger& logger) {
  return std::move(PrepareTargetTables(session, {&plan, 1}, logger).front());
}

}  // namespace syncline::apply
