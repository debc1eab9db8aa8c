#include "capture/horizon/transaction_ticks.h"

#include <string_view>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/text_array.h"
#include "engine/sql/time_zone.h"

namespace syncline::capture {
namespace {

// A standby does not list in a snapshot what runs on its primary, so there it tells nothing.
constexpr char kSnapshotSql[] = R"(
  SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 946684800000000,
         CASE WHEN NOT pg_is_in_recovery() THEN pg_current_snapshot()::text END)";

// Both in microseconds since 2000-01-01 UTC, and TimelineSql between them and the last.
constexpr char kServerClockSql[] = R"(
  SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 946684800000000,
         (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint - 946684800000000, {},
         coalesce((extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time()) * 1000000)::bigint, 0))";

// The second one is behind after a failover, until the next checkpoint.
constexpr sql::Sql kTimelineSqls[] = {"left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)",
                                      "(SELECT to_hex(timeline_id) FROM pg_control_checkpoint())"};

// The virtual ids of the other sessions' transactions. A transaction in another database cannot
// touch ours; a session without a database (a background process) is taken along.
constexpr char kVirtualSql[] = R"(
  SELECT l.virtualxid FROM pg_locks l
  WHERE l.locktype = 'virtualxid' AND l.granted AND l.mode = 'ExclusiveLock'
    AND l.pid <> pg_backend_pid()
    AND NOT EXISTS (
      SELECT FROM pg_stat_get_activity(NULL) a
      WHERE a.pid = l.pid
        AND a.datid <> (SELECT oid FROM pg_database WHERE datname = current_database())))";

constexpr char kPreparedSql[] =
    "SELECT 'p' || transaction FROM pg_prepared_xacts WHERE database = current_database()";

// Subtransactions hold a lock each, too.
constexpr char kXidSql[] = R"(
  SELECT virtualtransaction, transactionid FROM pg_locks
  WHERE locktype = 'transactionid' AND granted AND mode = 'ExclusiveLock' AND pid IS NOT NULL)";

// Per table: whether LOCK TABLE is allowed (for a view it locks the tables beneath); whether it is
// an ordinary heap of its own whose xmin may be read (partitioned and inherited tables are not:
// attaching a partition shows rows that nobody wrote); whether all of its rows are this server's,
// which those of views and foreign tables, or partitions, need not be; and whether all of its rows,
// save those of heirs, are in heaps of this server and their xmin may be read.
constexpr char kFactsSql[] = R"(
  SELECT c.relkind IN ('r', 'p', 'v') AND has_table_privilege(c.oid, 'SELECT'),
         c.relkind = 'r' AND NOT c.relhassubclass AND coalesce(a.amname = 'heap', false)
           AND has_table_privilege(c.oid, 'SELECT'),
         c.relkind IN ('r', 'm') AND NOT c.relhassubclass OR c.relkind = 'p' AND leaves.all_heaps,
         (c.relkind = 'r' AND coalesce(a.amname = 'heap', false)
           OR c.relkind = 'p' AND leaves.all_heaps) AND has_table_privilege(c.oid, 'SELECT')
  FROM unnest($1::text[]) WITH ORDINALITY AS wanted(name, place)
  JOIN pg_class c ON c.oid = wanted.name::regclass LEFT JOIN pg_am a ON a.oid = c.relam
  CROSS JOIN LATERAL (
    SELECT coalesce(bool_and(l.relkind = 'r' AND coalesce(m.amname = 'heap', false)), true)
    FROM pg_partition_tree(c.oid) t JOIN pg_class l ON l.oid = t.relid
    LEFT JOIN pg_am m ON m.oid = l.relam WHERE c.relkind = 'p' AND t.isleaf
      AND l.relkind <> 'p') AS leaves(all_heaps)
  ORDER BY wanted.place)";

int64_t ToNumber(const std::optional<std::string>& text) { return std::stoll(text.value()); }

}  // namespace

TransactionTicks::TransactionTicks(sql::Session& session, const std::vector<CapturePlan>& tables,
                                   Microseconds margin)
    : session_(session), margin_(margin) {
  zone_ = sql::ConfiguredZone(session_);
  const auto settings = session_.Query("SELECT current_setting('max_prepared_transactions')");
  prepares_ = settings.rows.at(0).at(0) != "0";
  const sql::Sql timeline = TimelineSql(session);
  clock_sql_ = sql::Format(kServerClockSql, timeline.empty() ? sql::Sql("NULL") : timeline);
  LookUpFacts(tables);
}

void TransactionTicks::Anchor(const std::vector<CapturePlan>& tables, CaptureCursor& cursor) {
  RememberHighest(session_, tables, *this, cursor);
  if (cursor.ticks.last != 0) return;
  Look();
  sql::Transaction snapshot(session_, sql::Session::Isolation::kSnapshot);
  Enter(tables, cursor);
  snapshot.Commit();
}

void TransactionTicks::Hold(sql::Session& session, const CapturePlan& table) const {
  Lock(session, {table.schema->table});
}

bool TransactionTicks::Changed() {
  if (!same_session_ || !facts_.all_local) return true;
  const auto now = session_.Query(kSnapshotSql).rows.at(0);
  clock_us_ = ToNumber(now.at(0));
  return now.at(1) != seen_snapshot_;
}

void TransactionTicks::Look() {
  const auto clock = session_.Query(clock_sql_).rows.at(0);
  view_ = ServerView();
  view_.clock_us = clock_us_ = ToNumber(clock.at(0));
  view_.started_us = ToNumber(clock.at(1));
  if (clock.at(2)) view_.timeline = static_cast<uint32_t>(std::stoul(*clock.at(2), nullptr, 16));
  view_.recovered_us = ToNumber(clock.at(3));
  view_.before = ReadRunning();
}

void TransactionTicks::Enter(const std::vector<CapturePlan>& tables, CaptureCursor& cursor) {
  std::vector<TableName> names;
  for (const CapturePlan& table : tables) names.push_back(table.schema->table);
  Lock(session_, names);
  const auto snapshot = session_.Query("SELECT pg_current_snapshot()");
  seen_snapshot_ = snapshot.rows.at(0).at(0).value();
  view_.snapshot = Snapshot::Parse(seen_snapshot_);
  view_.same_session = same_session_;
  if (!cursor.ticks.running.empty()) {
    // A transaction gives up its virtual id before its xid, so one that still shows among the
    // running has shown its xid.
    view_.xids = ReadXids();
    view_.after = ReadRunning();
  }
  Advance(tables, cursor);
}

void TransactionTicks::Advance(const std::vector<CapturePlan>& tables, CaptureCursor& cursor) {
  std::map<std::string, int64_t> marks;
  for (const CapturePlan& table : tables) {
    const Value& seen = cursor.tables[table.schema->table].seen;
    if (table.counts_up && !seen.is_null()) marks[table.name()] = seen.view().as_int();
  }
  // Advance drops the ticks that nothing refers to any more, perhaps the very one to reach back to.
  const std::map<uint64_t, Tick> ticks = cursor.ticks.ticks;
  // After a crash ids can be used twice: what was committed but not yet on the disk is gone.
  xid_reach_.reset();
  if (cursor.ticks.snapshot_xmin != 0 && cursor.ticks.server_started_us == view_.started_us &&
      cursor.ticks.recovered_us == view_.recovered_us) {
    xid_reach_ = cursor.ticks.snapshot_xmin;
  }
  const uint64_t reach = cursor.ticks.Advance(view_, std::move(marks));
  reach_.reset();
  if (reach != 0) reach_ = ticks.at(reach);
  trim_xmin_ = seen_xmin_;
  seen_xmin_ = view_.snapshot.xmin;
  same_session_ = true;
}

sql::Sql TransactionTicks::Condition(const CapturePlan& table, const CaptureCursor&) const {
  const TableName& name = table.schema->table;
  if (table.cursor_kind == CursorKind::kXmin) {
    return facts_.has_xmin.contains(name) ? WrittenSince(xid_reach_) : sql::Sql();
  }
  if (table.cursor_kind == CursorKind::kNone) return {};
  sql::Sql condition;
  if (table.cursor_kind == CursorKind::kXid) {
    // Whatever the snapshot before did not show was written by a transaction that had not ended.
    if (xid_reach_) condition = sql::Format("{} >= '{}'::xid8", table.cursor_sql(), *xid_reach_);
  } else if (reach_ && table.cursor_kind == CursorKind::kInteger) {
    // Drawn after the tick, so greater than what was visible before; a table that is newer than the
    // tick has no mark there.
    auto mark = reach_->marks.find(table.name());
    if (mark != reach_->marks.end()) {
      condition = table.cursor_sql() +
                  " >= " + sql::Literal(ValueView::Int(mark->second), table.schema->dialect);
    }
  } else if (reach_) {
    const ValueView reach = ValueView::TimestampTz(reach_->clock_us - margin_.count());
    const sql::Sql moment = sql::Literal(reach, table.schema->dialect) + "::timestamptz";
    const sql::Sql zone =
        sql::TextLiteral(table.zone.empty() ? zone_ : table.zone, table.schema->dialect);
    const sql::Sql local = LocalTimeSql(moment, zone);
    condition = sql::Format("{} >= {}", table.cursor_sql(),
                            table.cursor_kind == CursorKind::kTimestampTz ? moment
                            : table.cursor_kind == CursorKind::kDate      ? local + "::date"
                                                                          : local);
  }
  if (facts_.trimmed.contains(name)) condition = And(condition, WrittenSince(trim_xmin_));
  return condition;
}

// Whatever the snapshot before, whose xmin this is, did not show has an xmin at or above it. Ages
// are taken within one transaction, so from one and the same point, modulo 2^32: a row that was
// written longer ago than half of that may seem to be new and is read in vain, and where the
// snapshot before is itself so long ago, or of ids that have gone back since, all rows are read.
sql::Sql TransactionTicks::WrittenSince(std::optional<uint64_t> xmin) const {
  if (!xmin || view_.snapshot.xmax - *xmin >= uint64_t{1} << 31) return {};
  return sql::Format("age(xmin) <= (SELECT age('{}'::xid))", static_cast<uint32_t>(*xmin));
}

bool TransactionTicks::MayBeNew(const CapturePlan&, const CaptureCursor&,
                                const Value& cursor_value) const {
  return !reach_ || cursor_value.view().as_int() >= reach_->clock_us - margin_.count();
}

sql::Sql TimelineSql(sql::Session& session) {
  for (const sql::Sql& timeline : kTimelineSqls) {
    const sql::Sql text = sql::Format("CASE WHEN NOT pg_is_in_recovery() THEN {} END", timeline);
    try {
      session.Query("SELECT " + text);
      return text;
    } catch (const Error& error) {
      if (error.reaction() != Reaction::kStop) throw;
    }
  }
  return "";
}

sql::Sql LocalTimeSql(const sql::Sql& moment, const sql::Sql& zone) {
  return sql::Format(
      "least({0} AT TIME ZONE {1}, ({0} + interval '3 hours') AT TIME ZONE {1} - interval '3 "
      "hours')",
      moment, zone);
}

void TransactionTicks::LookUpFacts(const std::vector<CapturePlan>& tables) {
  std::vector<std::string> names;
  for (const CapturePlan& table : tables)
    names.push_back(sql::Quote(table.schema->table).ToString());
  const auto facts = session_.Query(kFactsSql, {sql::TextArray(names)});
  for (size_t i = 0; i < tables.size(); ++i) {
    const TableName& name = tables[i].schema->table;
    const auto& row = facts.rows.at(i);
    if (row.at(0) == "t") facts_.lockable.insert(name);
    if (row.at(1) == "t") facts_.trimmed.insert(name);
    if (row.at(2) != "t") facts_.all_local = false;
    if (row.at(3) == "t") facts_.has_xmin.insert(name);
  }
}

// Before the snapshot, that is as the transaction's first statement: a table that is rewritten in
// between looks empty in an older snapshot.
void TransactionTicks::Lock(sql::Session& session, const std::vector<TableName>& tables) const {
  std::vector<sql::Sql> list;
  for (const TableName& table : tables) {
    if (facts_.lockable.contains(table)) list.push_back(sql::Quote(table));
  }
  if (list.empty()) return;
  session.Execute(sql::Format("LOCK TABLE {} IN ACCESS SHARE MODE", sql::Join(list, ", ")));
}

std::set<TransactionName> TransactionTicks::ReadRunning() {
  std::set<TransactionName> running;
  for (const auto& row : session_.Query(kVirtualSql).rows) {
    running.insert(row.at(0).value());
  }
  if (!prepares_) return running;
  // In this order: a transaction shows as prepared before it stops showing as a virtual one.
  for (const auto& row : session_.Query(kPreparedSql).rows) {
    running.insert(row.at(0).value());
  }
  return running;
}

std::map<TransactionName, uint32_t> TransactionTicks::ReadXids() {
  std::map<TransactionName, uint32_t> xids;
  for (const auto& row : session_.Query(kXidSql).rows) {
    const auto xid = static_cast<uint32_t>(std::stoul(row.at(1).value()));
    const auto [entry, added] = xids.emplace(row.at(0).value(), xid);
    // The top-level transaction has the first of its xids, modulo 2^32.
    if (!added && static_cast<int32_t>(xid - entry->second) < 0) entry->second = xid;
  }
  return xids;
}

}  // namespace syncline::capture
