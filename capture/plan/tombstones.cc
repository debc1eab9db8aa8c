#include "capture/plan/tombstones.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "capture/plan/short_hash.h"
#include "engine/base/error.h"
#include "engine/sql/declared_type.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/own_table.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::capture {
namespace {

using sql::Format;
using sql::Quote;
using sql::Sql;

constexpr char kHint[] =
    "run: syncline prepare --apply; where the key has changed, prepare --remove before that";

// A trigger that fires for each statement does not see what a subscription deletes.
constexpr char kSubscribedSql[] = "SELECT 1 FROM pg_subscription_rel WHERE srrelid = $1::regclass";

// Whether it is somebody's child: a statement on the parent fires no statement trigger here. And
// whether it has children by INHERITS, whose rows its triggers do not see.
constexpr char kFamilySql[] = R"(
  SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = $1::regclass),
         EXISTS (SELECT FROM pg_inherits WHERE inhparent = $1::regclass))";

// A policy that is forced on the owner would hide rows from a TRUNCATE's turn.
constexpr char kOwnerSql[] = R"(
  SELECT pg_catalog.pg_get_userbyid(c.relowner)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles r ON r.rolname = CURRENT_USER
    AND ($3::pg_catalog.bool OR (r.rolsuper AND r.oid <> c.relowner))
  WHERE n.nspname = $1 AND c.relname = $2 AND NOT c.relforcerowsecurity
    AND pg_catalog.has_schema_privilege(c.relowner, n.oid, 'USAGE'))";

constexpr char kPartitionsSql[] = R"(
  SELECT n.nspname, c.relname FROM pg_partition_tree($1::regclass) p
  JOIN pg_class c ON c.oid = p.relid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE p.isleaf AND c.oid <> $1::regclass ORDER BY 1, 2)";

// tgtype's first bit: for each row.
constexpr char kTriggersSql[] = R"(
  SELECT t.tgname, t.tgenabled, t.tgtype & 1, p.prosrc
  FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid = $1::regclass
    AND t.tgname IN ('syncline_tombstones_delete', 'syncline_tombstones_update',
                     'syncline_tombstones_truncate'))";

// xmin: whoever changes a trigger or its function leaves another one.
constexpr char kPostgresStampSql[] = R"(
  (SELECT coalesce(string_agg(t.oid || '.' || t.xmin || '.' || p.xmin, ',' ORDER BY t.oid), '')
          || '/' || coalesce(to_regclass({1})::oid::text, '')
   FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
   WHERE t.tgrelid = to_regclass({0}) AND t.tgname LIKE 'syncline\_tombstones\_%'))";

// To be added to that for a partitioned table: what was done to its partitions' own triggers since
// they were made, by xmin of what is made with a trigger and stays. A new partition adds nothing.
constexpr char kPartitionsStampSql[] = R"(
  || (SELECT coalesce('/' || string_agg(t.oid || '.' || t.xmin, ',' ORDER BY t.oid), '')
      FROM pg_partition_tree(to_regclass({0})) f JOIN pg_trigger t ON t.tgrelid = f.relid
      WHERE f.relid <> to_regclass({0}) AND f.isleaf AND t.tgname LIKE 'syncline\_tombstones\_%'
        AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_trigger'::regclass
                    AND d.objid = t.oid AND d.xmin <> t.xmin)))";

constexpr char kPartitionsTriggersSql[] = R"(
  SELECT t.tgname, n.nspname, c.relname
  FROM pg_partition_tree($1::regclass) f JOIN pg_trigger t ON t.tgrelid = f.relid
  JOIN pg_class c ON c.oid = f.relid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE f.relid <> $1::regclass AND f.isleaf AND t.tgenabled <> 'A'
    AND t.tgname IN ('syncline_tombstones_delete', 'syncline_tombstones_update',
                     'syncline_tombstones_truncate') LIMIT 1)";

constexpr char kSqliteStampSql[] = R"(
  (SELECT coalesce(group_concat(sql, ';'), '') FROM (SELECT sql FROM sqlite_schema
   WHERE (type = 'trigger' AND tbl_name = {0} COLLATE NOCASE AND name LIKE 'syncline\_%' ESCAPE '\')
     OR (type = 'table' AND name = {1} COLLATE NOCASE) ORDER BY name)))";

// An expression for TombstoneState::stamp.
Sql StampSql(const TableName& table, bool partitioned, Dialect dialect) {
  const TableName tombstones = TombstoneTable(table);
  return sql::ForDialect(dialect, sql::IfPostgres{[&] {
                           const Sql name = sql::TextLiteral(Quote(table).text(), dialect);
                           Sql stamp = Format(kPostgresStampSql, name,
                                              sql::TextLiteral(Quote(tombstones).text(), dialect));
                           if (partitioned) stamp += Format(kPartitionsStampSql, name);
                           return stamp;
                         }},
                         sql::IfSqlite{[&] {
                           return Format(kSqliteStampSql, sql::TextLiteral(table.name, dialect),
                                         sql::TextLiteral(tombstones.name, dialect));
                         }});
}

std::vector<std::string> InstalledOnSqlite(sql::Session& session, const TableName& table) {
  std::vector<std::string> names;
  const auto found = session.Query(
      "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = $1 COLLATE NOCASE "
      "AND name LIKE 'syncline\\_tombstones\\_%' ESCAPE '\\' ORDER BY name",
      {table.name});
  for (const auto& row : found.rows) names.push_back(row.at(0).value());
  return names;
}

// Unique keys besides the table's key, each once.
std::vector<std::vector<std::string>> OtherKeys(const CapturePlan& table,
                                                const sql::TableInfo& info) {
  const std::vector<std::string> key = table.key_columns();
  std::set<std::set<std::string>> seen = {{key.begin(), key.end()}, {}};
  std::vector<std::vector<std::string>> others;
  const auto add = [&](const std::vector<std::string>& columns) {
    if (seen.emplace(columns.begin(), columns.end()).second) others.push_back(columns);
  };
  add(info.primary_key);
  for (const auto& columns : info.unique_indexes) add(columns);
  return others;
}

std::string ColumnProblem(const TombstoneShape& shape, const sql::TableInfo& tombstones) {
  for (const Column& column : shape.key) {
    const sql::ColumnInfo* found = tombstones.Find(column.name);
    if (found == nullptr) {
      const bool breaks =
          sql::ForDialect(shape.dialect, sql::IfPostgres{true}, sql::IfSqlite{false});
      return fmt::format("it has no column {}, which is part of the key{}", column.name,
                         breaks ? "; if that is a new name, the triggers fail, and deletions with "
                                  "them"
                                : "");
    }
    if (sql::DeclaredType(found->column.native_type, shape.dialect) ==
        sql::DeclaredType(column.native_type, shape.dialect)) {
      continue;
    }
    return fmt::format("its column {} is not {} as the key's", column.name, column.native_type);
  }
  return tombstones.Find(kDeletedAtColumn) ? ""
                                           : fmt::format("it has no column {}", kDeletedAtColumn);
}

std::string PostgresTriggerProblem(sql::Session& session, const TombstoneShape& shape) {
  std::set<std::string> missing = {kDeleteTrigger, kUpdateTrigger, kTruncateTrigger};
  for (const auto& row : session.Query(kTriggersSql, {Quote(shape.table).ToString()}).rows) {
    const std::string& name = row.at(0).value();
    if (row.at(1) != "A") return fmt::format("trigger {} does not always fire", name);
    if (row.at(3) != TombstoneFunctionBody(shape).text()) {
      return fmt::format("trigger {} was made for another key", name);
    }
    if (name == kDeleteTrigger && shape.by_row && row.at(2) == "0") {
      return fmt::format("trigger {} has to fire for each row here", name);
    }
    missing.erase(name);
  }
  if (!missing.empty()) return fmt::format("trigger {} is not there", *missing.begin());
  if (!shape.partitioned) return "";
  const auto idle = session.Query(kPartitionsTriggersSql, {Quote(shape.table).ToString()});
  if (idle.rows.empty()) return "";
  const auto& row = idle.rows.front();
  return fmt::format("trigger {} does not always fire on partition {}", *row.at(0),
                     TableName{*row.at(1), *row.at(2)}.ToString());
}

std::string SqliteTriggerProblem(sql::Session& session, const TombstoneShape& shape) {
  std::set<std::string> there;
  for (const std::string& name : shape.installed) {
    there.insert(
        session.Query("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = $1", {name})
            .rows.at(0)
            .at(0)
            .value());
  }
  for (const TombstoneTrigger& trigger : TombstoneTriggers(shape)) {
    if (!there.contains(trigger.sql.ToString())) {
      return fmt::format("trigger {} is not there, or was made for other keys", trigger.name);
    }
  }
  return "";
}

std::string PostgresCaution(sql::Session& session, const TombstoneShape& shape,
                            const sql::TableInfo& tombstones) {
  for (const TableName& partition : shape.partitions) {
    const auto found =
        session.Query("SELECT 1 FROM pg_trigger WHERE tgrelid = $1::regclass AND tgname = $2",
                      {Quote(partition).ToString(), kTruncateTrigger});
    if (found.rows.empty()) {
      return fmt::format("a TRUNCATE of partition {} itself would not be seen",
                         partition.ToString());
    }
  }
  if (std::ranges::find(tombstones.indexed, kDeletedAtColumn) == tombstones.indexed.end()) {
    return fmt::format("no index begins with {}: every poll reads all tombstones",
                       kDeletedAtColumn);
  }
  return "";
}

// What keeps the tombstones from being all, or costs; empty: nothing does.
std::string Caution(sql::Session& session, const TombstoneShape& shape,
                    const sql::TableInfo& tombstones) {
  return sql::ForDialect(
      shape.dialect, sql::IfPostgres{[&] { return PostgresCaution(session, shape, tombstones); }},
      sql::IfSqlite{[] { return std::string(); }});
}

void DescribeOnSqlite(sql::Session& session, const CapturePlan& table, TombstoneShape& shape) {
  shape.other_keys = OtherKeys(table, session.Describe(shape.table).value());
  shape.installed = InstalledOnSqlite(session, shape.table);
}

void DescribeOnPostgres(sql::Session& session, const CapturePlan& table, TombstoneShape& shape) {
  const sql::Parameters name = {Quote(shape.table).ToString()};
  const bool partitioned = shape.partitioned =
      table.table_kind == sql::TableInfo::Kind::kPartitioned;
  const auto family = session.Query(kFamilySql, name).rows.at(0);
  if (!partitioned && family.at(1) == "t") {
    throw UsageError(
        table.name() + ": tombstones do not see the rows of tables that inherit from it",
        "choose another way under deletes:, or capture each of the tables as its own");
  }
  shape.by_row =
      partitioned || family.at(0) == "t" || !session.Query(kSubscribedSql, name).rows.empty();
  if (!partitioned) return;
  for (const auto& row : session.Query(kPartitionsSql, name).rows) {
    shape.partitions.push_back({row.at(0).value(), row.at(1).value()});
  }
}

// The column by which tombstones are polled, and how.
struct TombstoneCursor {
  Column column;
  CursorKind kind;
  bool counts_up;
};

TombstoneCursor CursorOfTombstones(Dialect dialect) {
  return sql::ForDialect(
      dialect, sql::IfPostgres{[] {
        return TombstoneCursor{
            {kDeletedAtColumn, Type::kTimestampTz, "timestamp with time zone", false},
            CursorKind::kTimestampTz,
            /*counts_up=*/false};
      }},
      sql::IfSqlite{[] {
        return TombstoneCursor{{kTombstoneIdColumn, Type::kInt, "INTEGER", false},
                               CursorKind::kStored,
                               /*counts_up=*/true};
      }});
}

// Keys that are not in the captured table. Its columns are meant by any name without a table's: the
// configured condition reads them so.
Sql IsGone(const CapturePlan& table, const TableName& tombstones) {
  Sql same;
  size_t place = 0;
  for (const std::string& column : table.key_columns()) {
    same = And(same, Format("{0}.{2} {3} {1}.{2}", Quote(table.schema->table.name),
                            Quote(tombstones.name), Quote(column), table.key_equal(place++)));
  }
  return Format("NOT EXISTS (SELECT 1 FROM {} WHERE {})", table.from(), And(same, table.where));
}

}  // namespace

TombstoneShape DescribeTombstones(sql::Session& session, const CapturePlan& table) {
  TombstoneShape shape{
      .dialect = session.dialect(), .table = table.schema->table, .key_equals = table.key_equals};
  for (const uint32_t column : table.schema->key) {
    shape.key.push_back(table.schema->columns[column]);
  }
  using Kind = sql::TableInfo::Kind;
  if (table.table_kind == Kind::kView || table.table_kind == Kind::kForeign) {
    throw UsageError(fmt::format("{}: tombstones need a table, and this is {}", table.name(),
                                 table.table_kind == Kind::kView ? "a view" : "a foreign table"),
                     "choose another way under deletes:, or capture the table itself");
  }
  sql::ForDialect(shape.dialect,
                  sql::IfPostgres{[&] { DescribeOnPostgres(session, table, shape); }},
                  sql::IfSqlite{[&] { DescribeOnSqlite(session, table, shape); }});
  return shape;
}

TombstoneState LookAtTombstones(sql::Session& session, const TombstoneShape& shape) {
  TombstoneState state;
  const TableName name = TombstoneTable(shape.table);
  state.stamp = session.Query("SELECT " + StampSql(shape.table, shape.partitioned, shape.dialect))
                    .rows.at(0)
                    .at(0)
                    .value_or("");
  const auto tombstones = session.Describe(name);
  if (!tombstones) {
    state.problem = fmt::format("the table {} is not there", name.ToString());
    return state;
  }
  if (tombstones->kind != sql::TableInfo::Kind::kTable) {
    state.problem = fmt::format("{} is no table", name.ToString());
    return state;
  }
  state.problem = ColumnProblem(shape, *tombstones);
  if (!state.problem.empty()) {
    state.problem = fmt::format("{}: {}", name.ToString(), state.problem);
    return state;
  }
  state.problem = sql::ForDialect(
      shape.dialect, sql::IfPostgres{[&] { return PostgresTriggerProblem(session, shape); }},
      sql::IfSqlite{[&] { return SqliteTriggerProblem(session, shape); }});
  state.caution = Caution(session, shape, *tombstones);
  return state;
}

void RefuseForeignTombstones(sql::Session& session, const TombstoneShape& shape) {
  if (!sql::DialectOf(shape.dialect).can().has_roles) return;
  const TableName name = TombstoneTable(shape.table);
  const sql::OwnTable found = sql::LookAtOwnTable(session, name, shape.table);
  if (found.objection.empty()) return;
  throw UsageError(fmt::format("{} {}", name.ToString(), found.objection), found.hint);
}

std::string OwnerForTombstones(sql::Session& session, const TableName& table, bool whoever) {
  const bool has_owners =
      sql::ForDialect(session.dialect(), sql::IfPostgres{true}, sql::IfSqlite{false});
  if (!has_owners) return "";
  const auto rows = session.Query(kOwnerSql, {table.schema, table.name, whoever ? "t" : "f"}).rows;
  return rows.empty() ? "" : rows.front().at(0).value();
}

CapturePlan PlanTombstones(sql::Session& session, const CapturePlan& table) {
  const TombstoneShape shape = DescribeTombstones(session, table);
  const TombstoneState state = LookAtTombstones(session, shape);
  if (!state.problem.empty()) {
    throw StopError(
        fmt::format("{}: its deletions are not written down: {}", table.name(), state.problem),
        kHint);
  }
  TombstoneCursor cursor = CursorOfTombstones(shape.dialect);
  auto schema = std::make_shared<TableSchema>();
  schema->table = TombstoneTable(shape.table);
  schema->dialect = shape.dialect;
  schema->columns = shape.key;
  for (uint32_t i = 0; i < shape.key.size(); ++i) schema->key.push_back(i);
  schema->cursor = static_cast<uint32_t>(shape.key.size());
  schema->columns.push_back(std::move(cursor.column));
  CapturePlan plan;
  plan.cursor_kind = cursor.kind;
  plan.counts_up = cursor.counts_up;
  plan.where = IsGone(table, schema->table);
  plan.poll_order = Quote(schema->columns.back().name);
  plan.definition = ShortHash(state.stamp);
  plan.schema = std::move(schema);
  return plan;
}

TombstoneWatch::TombstoneWatch(sql::Session& session, const std::vector<CapturePlan>& tables)
    : session_(session) {
  for (const CapturePlan& table : tables) {
    if (!table.tombstones) continue;
    sql_ += (sql_.empty() ? Sql("SELECT ") : Sql(" UNION ALL SELECT ")) +
            StampSql(table.schema->table, table.table_kind == sql::TableInfo::Kind::kPartitioned,
                     session.dialect());
    stamps_.push_back(table.tombstones->definition);
    tables_.push_back(table.schema->table);
    extents_sql_ += Format("{}SELECT {}, {}", extents_sql_.empty() ? Sql() : Sql(" UNION ALL "),
                           PrunedSql(tables_.back(), session.dialect()),
                           ReachedSql(tables_.back(), session.dialect()));
  }
}

std::map<TableName, TombstoneExtent> TombstoneWatch::Extents() const {
  std::map<TableName, TombstoneExtent> extents;
  if (tables_.empty()) return extents;
  const auto rows = session_.Query(extents_sql_).rows;
  for (size_t i = 0; i < tables_.size(); ++i) {
    extents[tables_[i]] = ParseExtent(rows.at(i).at(0), rows.at(i).at(1), session_.dialect());
  }
  return extents;
}

void TombstoneWatch::Check() const {
  if (sql_.empty()) return;
  std::vector<std::string> stamps;
  for (const auto& row : session_.Query(sql_).rows) {
    stamps.push_back(ShortHash(row.at(0).value_or("")));
  }
  if (stamps == stamps_) return;
  throw RestartError("the triggers that write deletions down have been changed",
                     "Syncline looks at them again.");
}

}  // namespace syncline::capture
