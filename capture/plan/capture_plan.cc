#include "capture/plan/capture_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>

#include "capture/plan/cursor_choice.h"
#include "capture/plan/cursor_columns.h"
#include "capture/plan/named_columns.h"
#include "capture/plan/row_security.h"
#include "capture/plan/short_hash.h"
#include "capture/plan/table_zone.h"
#include "capture/plan/tombstones.h"
#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/sql/describe_all.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"

namespace syncline::capture {
namespace {

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::vector<std::string> ColumnNames(const sql::TableInfo& info) {
  std::vector<std::string> names;
  for (const sql::ColumnInfo& column : info.columns) names.push_back(column.column.name);
  return names;
}

bool IsRowId(const TableSchema& schema) {
  return schema.key.size() == 1 &&
         EqualIgnoringCase(schema.columns[schema.key.front()].native_type, "INTEGER");
}

std::vector<std::string> ChooseKey(const TableSpec& spec, const sql::TableInfo& info) {
  const std::string name = spec.table.ToString();
  for (const std::string& column : spec.key) {
    if (info.Find(column)) continue;
    throw UsageError(fmt::format("{}: there is no key column {}{}", name, column,
                                 DidYouMean(column, ColumnNames(info))),
                     "correct key: of this table in the configuration");
  }
  if (!spec.key.empty()) return spec.key;
  if (!info.primary_key.empty()) return info.primary_key;
  if (!info.unique_keys.empty()) return info.unique_keys.front();
  throw UsageError(
      fmt::format("{}: there is no primary key and no unique key over NOT NULL columns", name),
      "name the columns that identify a row with key: [...] in the configuration, or add a primary "
      "key to the table");
}

void CheckOmitted(const TableSpec& spec, const CursorColumns& cursor, const sql::TableInfo& info,
                  const std::vector<std::string>& key) {
  const std::string name = spec.table.ToString();
  for (const std::string& column : spec.omit) {
    if (!info.Find(column)) {
      throw UsageError(fmt::format("{}: there is no column {} to omit{}", name, column,
                                   DidYouMean(column, ColumnNames(info))),
                       "correct omit: of this table in the configuration");
    }
    if (cursor.Has(column) || column == spec.deletes.flag || Contains(key, column)) {
      throw UsageError(fmt::format("{}: column {} is {} and cannot be omitted", name, column,
                                   cursor.Has(column)            ? "the cursor"
                                   : column == spec.deletes.flag ? "what tells deleted rows"
                                                                 : "part of the key"),
                       "take it out of omit: in the configuration");
    }
  }
}

// A misspelt column would otherwise reach its target under its own name, or although it was to be
// left out.
void CheckNamed(const TableSpec& spec, const sql::TableInfo& info) {
  for (const std::string& column : spec.named) {
    if (info.Find(column)) continue;
    throw UsageError(fmt::format("{}: there is no column {}{}", spec.table.ToString(), column,
                                 DidYouMean(column, ColumnNames(info))),
                     "correct columns: or omit: of this table in the configuration");
  }
}

std::string Definition(const TableSpec& spec, const CursorColumns& cursor,
                       const std::vector<std::string>& key) {
  std::vector<std::string> omit = spec.omit;
  std::ranges::sort(omit);
  const std::string method = spec.method == CaptureMethod::kCursor
                                 ? "cursor " + cursor.Sql().ToString()
                                 : fmt::format("capture {}", NameOf(spec.method));
  std::string text = fmt::format("key {}\n{}\nomit {}\nwhere {}", sql::QuoteList(key).text(),
                                 method, sql::QuoteList(omit).text(), spec.where);
  if (!spec.deletes.flag.empty()) text += "\nsoft " + sql::Quote(spec.deletes.flag).ToString();
  return ShortHash(text);
}

// Without a column it stays without a cursor.
void PlaceCursor(const CursorColumns& columns, TableSchema& schema) {
  schema.cursor = columns.column.empty() ? TableSchema::kNoCursor
                                         : static_cast<uint32_t>(schema.Find(columns.column));
  if (columns.fallback.empty()) return;
  schema.cursor_fallback = static_cast<uint32_t>(schema.Find(columns.fallback));
}

bool CursorMayBeNull(const TableSchema& schema) {
  if (!schema.has_cursor() || !schema.columns[schema.cursor].nullable) return false;
  return !schema.cursor_fallback || schema.columns[*schema.cursor_fallback].nullable;
}

void CheckCondition(sql::Session& session, const TableSpec& spec, CapturePlan& plan) {
  if (spec.where.empty()) return;
  RefuseRowSecurity(session, {spec.table});  // or it would seem to be the condition's fault
  const sql::Sql none = sql::Format("SELECT 1 FROM {} WHERE false AND {}", sql::Quote(spec.table),
                                    ConditionSql(spec.where));
  try {
    try {
      session.Query(none);
    } catch (const Error& error) {
      // The condition may look into views, of which Session::MayRead allows none yet. What the
      // table itself is, is seen under its lock.
      if (error.condition() != Condition::kWrongState) throw;
      plan.reach = {.views = true, .foreign_tables = true};
      session.MayRead(plan.reach);
      session.Query(none);
    }
  } catch (const Error& error) {
    if (error.reaction() != Reaction::kStop) throw;
    std::string hint = "correct where: of this table; it is a condition in the source's own SQL";
    if (error.condition() == Condition::kNoSuchRelation ||
        error.condition() == Condition::kNoSuchObject) {
      hint +=
          ", in which a name without a schema means one of the system's: write public.f(..), "
          "public.t, x::public.type, a OPERATOR(public.=) b";
    }
    throw UsageError(fmt::format("{}: the database does not understand its where: {}",
                                 spec.table.ToString(), error.message()),
                     hint);
  }
}

// Types of users have operators of their own, in a schema that has to be named.
void AskForOperators(sql::Session& session, CapturePlan& plan) {
  for (const uint32_t column : plan.schema->key) {
    const Column& key = plan.schema->columns[column];
    plan.key_equals.push_back(session.Operator(key, sql::Comparison::kEqual));
    plan.key_above.push_back(session.Operator(key, sql::Comparison::kGreater));
  }
  const bool plain =
      std::ranges::all_of(plan.key_equals, [](const sql::Sql& equal) { return equal == "="; });
  if (!plain) return;
  plan.key_equals.clear();
  plan.key_above.clear();
}

}  // namespace

// A line of its own, so that a comment at its end cannot swallow what follows.
sql::Sql ConditionSql(const std::string& where) {
  if (where.empty()) return {};
  return sql::Format("({}\n)", sql::Sql::OfOperator(where));
}

sql::Sql And(const sql::Sql& a, const sql::Sql& b) {
  return a.empty() ? b : b.empty() ? a : a + " AND " + b;
}

sql::Sql CapturePlan::cursor_sql() const {
  if (!schema->has_cursor()) return {};
  const auto fallback = schema->cursor_fallback;
  return CursorColumns{schema->columns[schema->cursor].name,
                       fallback ? schema->columns[*fallback].name : ""}
      .Sql();
}

CaptureMethod CapturePlan::method() const {
  if (cursor_kind == CursorKind::kXmin) return CaptureMethod::kXmin;
  return cursor_kind == CursorKind::kNone ? CaptureMethod::kCompare : CaptureMethod::kCursor;
}

std::vector<std::string> CapturePlan::key_columns() const {
  std::vector<std::string> names;
  for (const uint32_t column : schema->key) names.push_back(schema->columns[column].name);
  return names;
}

CapturePlan MakePlan(const TableSpec& given, const sql::TableInfo& info, Dialect dialect) {
  const TableSpec spec = AsTheTableNames(given, info, dialect);
  const std::vector<std::string> key = ChooseKey(spec, info);
  CapturePlan plan;
  const CursorColumns columns = CursorColumns::Parse(spec.cursor);
  plan.cursor_kind = ChooseCursor(spec, columns, info, dialect);
  CheckOmitted(spec, columns, info, key);
  CheckNamed(spec, info);

  auto schema = std::make_shared<TableSchema>();
  schema->table = spec.table;
  schema->dialect = dialect;
  for (const sql::ColumnInfo& column : info.columns) {
    if (!Contains(spec.omit, column.column.name)) schema->columns.push_back(column.column);
  }
  for (const std::string& column : key) {
    schema->key.push_back(static_cast<uint32_t>(schema->Find(column)));
    plan.key_may_be_null |= schema->columns[schema->key.back()].nullable;
  }
  // SQLite lets a primary key hold NULL unless it is the row id.
  plan.key_may_be_null |= sql::ForDialect(dialect, sql::IfPostgres{false},
                                          sql::IfSqlite{[&] { return !IsRowId(*schema); }});
  PlaceCursor(columns, *schema);
  if (!spec.deletes.flag.empty()) plan.flag = PlanSoftFlag(spec, info, *schema);

  plan.table_kind = info.kind;
  plan.counts_up =
      plan.cursor_kind == CursorKind::kInteger || plan.cursor_kind == CursorKind::kStored;
  plan.set = ConditionSql(spec.where);
  plan.where = plan.set;
  plan.schema = schema;
  const sql::Sql cursor = plan.cursor_sql();
  if (CursorMayBeNull(*schema)) {
    plan.null_cursor = And(plan.where, cursor + " IS NULL");
    plan.finds_null_cursors = columns.fallback.empty() && Contains(info.indexed, columns.column);
    plan.where = And(plan.where, cursor + " IS NOT NULL");
  }
  plan.zone = spec.zone;
  plan.key_order = sql::QuoteList(key);
  if (!cursor.empty()) plan.poll_order = sql::Format("{}, {}", cursor, plan.key_order);
  plan.definition = Definition(spec, columns, key);
  plan.reconcile = spec.deletes.reconcile;
  if (plan.cursor_kind == CursorKind::kNone && !plan.reconcile) plan.reconcile.emplace();
  plan.row_bytes_max = spec.row_bytes_max;
  plan.max_deletes = spec.deletes.max_deletes;
  return plan;
}

void RefuseNullKeys(sql::Session& session, const CapturePlan& plan) {
  if (!plan.key_may_be_null) return;
  std::vector<sql::Sql> null;
  for (const std::string& column : plan.key_columns()) {
    null.push_back(sql::Quote(column) + " IS NULL");
  }
  const auto found =
      session.Query(sql::Format("SELECT 1 FROM {} WHERE {} LIMIT 1", plan.from(),
                                And(plan.where, sql::Format("({})", sql::Join(null, " OR ")))));
  if (found.rows.empty()) return;
  throw UsageError(fmt::format("{}: there are rows whose key ({}) holds NULL", plan.name(),
                               fmt::join(plan.key_columns(), ", ")),
                   "choose key columns that are never NULL, or leave such rows out with where:");
}

namespace {

CapturePlan PlanOne(sql::Session& session, const TableSpec& spec,
                    const std::optional<sql::TableInfo>& info, const KnownKinds& known) {
  if (!info) {
    std::vector<std::string> names;
    for (const TableName& table : session.ListTables()) names.push_back(table.ToString());
    throw Error(Reaction::kStop, Cause::kUsage,
                fmt::format("{}: there is no such table in the source{}", spec.table.ToString(),
                            DidYouMean(spec.table.ToString(), names)),
                "correct the name in the configuration; a table must also be visible to the role "
                "that Syncline connects as",
                {}, Condition::kNoSuchTable);
  }
  RefuseOtherKind(spec.table, info->kind, known);
  CapturePlan plan = MakePlan(spec, *info, session.dialect());
  AskForOperators(session, plan);
  plan.reach = info->reach;
  session.MayRead(plan.reach);
  CheckCondition(session, spec, plan);
  CheckZone(session, plan);
  return plan;
}

}  // namespace

CapturePlan PlanTable(sql::Session& session, const TableSpec& spec, const KnownKinds& known) {
  CapturePlan plan = PlanOne(session, spec, session.Describe(spec.table), known);
  RefuseRowSecurity(session, {spec.table});
  return plan;
}

std::vector<CapturePlan> PlanTables(sql::Session& session, const std::vector<TableSpec>& specs,
                                    const KnownKinds& known) {
  std::vector<CapturePlan> plans;
  std::vector<TableName> tables;
  for (const TableSpec& spec : specs) tables.push_back(spec.table);
  const std::vector<std::optional<sql::TableInfo>> infos = sql::DescribeAll(session, tables);
  for (size_t i = 0; i < specs.size(); ++i) {
    const TableSpec& spec = specs[i];
    CapturePlan& plan = plans.emplace_back(PlanOne(session, spec, infos[i], known));
    if (!spec.deletes.tombstones) continue;
    plan.tombstones = std::make_shared<const CapturePlan>(PlanTombstones(session, plan));
  }
  RefuseRowSecurity(session, tables);
  return plans;
}

}  // namespace syncline::capture
