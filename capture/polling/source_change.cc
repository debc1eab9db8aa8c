#include "capture/polling/source_change.h"

#include <fmt/format.h>

#include <optional>

#include "capture/plan/tombstone_horizon.h"
#include "engine/base/logger.h"
#include "engine/model/stamp.h"
#include "engine/sql/dialect.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::capture {
namespace {

// A partition's rows are told by `tableoid`; a view has none.
bool HasParts(const CapturePlan& table) {
  return table.table_kind == sql::TableInfo::Kind::kTable ||
         table.table_kind == sql::TableInfo::Kind::kPartitioned;
}

// No row is as high as what was seen.
bool LacksItsHighest(sql::Session& session, const CapturePlan& table, const CaptureCursor& cursor) {
  const auto known = cursor.tables.find(table.schema->table);
  if (!table.counts_up || known == cursor.tables.end() || known->second.seen.is_null())
    return false;
  const CaptureCursor::Table& state = known->second;
  sql::Sql from;
  if (state.forms.scan() == StampForms::Scan::kRange) {
    from = sql::Format("{} >= {}", table.cursor_sql(),
                       sql::Literal(state.seen, table.schema->dialect));
  } else if (const std::optional<int64_t> us = StampOf(state.seen)) {
    from = sql::Format("syncline_moment({}) >= {}", table.cursor_sql(),
                       sql::Literal(Value(ValueView::Int(*us)), table.schema->dialect));
  } else {
    return false;
  }
  const auto found =
      session.Query(sql::Format("SELECT 1 FROM {} WHERE {} LIMIT 1",
                                sql::Quote(table.schema->table), And(table.where, from)));
  return found.rows.empty();
}

// The numbers of tombstones go back. They never do by themselves, however many are dropped.
bool LacksItsTombstones(sql::Session& session, const CapturePlan& table,
                        const CaptureCursor& cursor) {
  const auto known = cursor.tables.find(table.tombstones->schema->table);
  if (known == cursor.tables.end() || known->second.seen.type() != Type::kInt) return false;
  const auto found =
      session.Query(sql::Format("SELECT {}", ReachedSql(table.schema->table, session.dialect())));
  const Value reached = ParseExtent({}, found.rows.at(0).at(0), session.dialect()).reached;
  return reached.type() == Type::kInt &&
         reached.view().as_int() < known->second.seen.view().as_int();
}

}  // namespace

bool IsReplaced(const CaptureCursor& cursor, const sql::DatabaseMark& now) {
  const sql::DatabaseMark& before = cursor.database;
  if (before.body.empty()) return false;
  const bool is_file = before.schema != 0 || now.schema != 0;
  // A copy of a file under its name holds at least what the file held, unless it is older.
  if (is_file) return now.age < before.age || now.schema < before.schema;
  if (before.body != now.body) return true;
  // Transaction ids go back where an earlier state of the server was put back.
  return now.age != 0 && (now.age < before.age || now.age < cursor.ticks.snapshot_xmin);
}

TableChange ChangeOf(const CaptureCursor& cursor, const CatalogWatch& now, const CapturePlan& table,
                     const TableMark& before) {
  using Kind = TableChange::Kind;
  const bool is_file = sql::DialectOf(table.schema->dialect).can().is_file;
  TableMark mark = now.mark(table.schema->table);
  if (is_file) mark.columns = ColumnsMark(table.schema->columns);
  const bool renamed = is_file ? AreRenamed(before, mark) : before.columns != mark.columns;
  if (IsReplaced(cursor, now.database())) return {.kind = Kind::kReplaced, .renamed = renamed};
  const sql::DatabaseMark& database = cursor.database;
  // SQLite does not tell which table was changed, or made anew.
  const bool is_other =
      !database.body.empty() && is_file &&
      (database.body != now.database().body || database.schema != now.database().schema);
  if (is_other) return {.kind = Kind::kRewritten, .renamed = renamed};
  return Compare(before, mark, HasParts(table));
}

bool MayBeOlder(sql::Session& session, const CapturePlan& table, const CaptureCursor& cursor,
                const sql::DatabaseMark& now) {
  const sql::DatabaseMark& before = cursor.database;
  if (!sql::DialectOf(session).can().is_file || before.body.empty()) return false;
  if (now.written == before.written) return false;
  return LacksItsHighest(session, table, cursor) ||
         (table.tombstones && LacksItsTombstones(session, table, cursor));
}

void LogChange(Logger& logger, const CapturePlan& table, const TableChange& change, bool compares) {
  switch (change.kind) {
    case TableChange::Kind::kNone:
      return;
    case TableChange::Kind::kParts:
      return logger.Info(
          "partitions or children of a table have changed, rows of new ones are read table={} "
          "new={}",
          table.name(), change.parts.size());
    case TableChange::Kind::kRewritten:
      return logger.Warn(
          "a table was changed as a whole (TRUNCATE, VACUUM, CLUSTER, ALTER TABLE or TYPE, another "
          "file): it is read again and compared with the log table={}",
          table.name());
    case TableChange::Kind::kReplaced:
      return logger.Warn(
          "a table is not the one that was captured (restored, made anew or renamed): it is read "
          "again and compared with the log, {} table={}",
          compares ? "and rows that it lacks are logged as deleted"
                   : "but not for deletions, since this role may not lock it",
          table.name());
  }
}

Error ReplacedNode(const CapturePlan& table) {
  return StopError(
      table.name() +
          ": the table is not the one that was captured: the database was restored, or the table "
          "was made anew or renamed",
      "its rows must not count as new ones: move the log's folder away; it is made anew, and both "
      "sides are compared from their beginning");
}

}  // namespace syncline::capture
