#include "capture/polling/polling_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "capture/guarantees/classify.h"
#include "capture/horizon/make_horizon.h"
#include "capture/plan/cursor_choice.h"
#include "capture/polling/source_change.h"
#include "engine/base/check.h"
#include "engine/base/crash_point.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/model/stamp.h"
#include "engine/sql/dialect.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::capture {
namespace {

std::vector<CapturePlan> WithTombstones(std::vector<CapturePlan> tables) {
  for (size_t i = 0, count = tables.size(); i < count; ++i) {
    if (const auto tombstones = tables[i].tombstones) tables.push_back(*tombstones);
  }
  return tables;
}

}  // namespace

PollingSource::PollingSource(std::unique_ptr<sql::Session> session,
                             std::function<std::unique_ptr<sql::Session>()> open,
                             std::unique_ptr<CatalogWatch> catalog, std::vector<CapturePlan> tables,
                             const CaptureOptions& options, CaptureLog& log, Clock& clock,
                             CaptureStats& stats, Logger& logger)
    : own_session_(std::move(session)),
      session_(*own_session_),
      node_(options.node),
      once_(options.once),
      log_(log),
      stats_(stats),
      logger_(logger),
      catalog_(std::move(catalog)),
      tables_(std::move(tables)),
      polled_(WithTombstones(tables_)),
      watch_(session_, tables_),
      horizon_(MakeHorizon(session_, polled_, options.margin)),
      cursor_(CaptureCursor::Parse(log.cursor())),
      users_{.node = node_ ? node_->id : 0,
             .accept = [this](const TableSchema& table,
                              int64_t stamp) { return AcceptStamp(table, stamp); },
             .own = [this](const TableSchema& table,
                           const Value& version) { NoteOwn(table, version); }},
      large_(cursor_, logger),
      feed_(session_, log, stats, large_, cursor_, node_ ? &users_ : nullptr),
      load_({session_, std::move(open), feed_, *horizon_, *catalog_, cursor_, tables_, stats, clock,
             logger},
            options.load),
      reconciliation_({session_, log, cursor_, logger}, options) {
  for (const CapturePlan& table : tables_) {
    if (node_) RefuseInTwoDirections(table);
    if (!table.reconcile || horizon_->Holds(table)) continue;
    throw UsageError(
        fmt::format(
            "{}: {} needs a table or view that this role may lock", table.name(),
            table.method() == CaptureMethod::kCompare ? "capture: compare" : "deletes: reconcile"),
        "grant SELECT on the whole of it, capture the tables beneath a materialized view or on the "
        "foreign server, or choose another way");
  }
  OwingIsNews();
  AdoptTables();
}

void PollingSource::AdoptTables() {
  std::map<TableName, CaptureCursor::Table> adopted;
  Classifier classifier(session_);
  for (const CapturePlan& table : polled_) {
    CaptureCursor::Table state;
    auto known = cursor_.tables.find(table.schema->table);
    if (known != cursor_.tables.end()) {
      state = known->second;
      if (state.definition != table.definition) {
        if (!IsTombstoneTable(table.schema->table)) {
          logger_.Info(
              "table is loaded again, its key, capture, cursor, where, omit or soft deletion has "
              "changed table={}",
              table.name());
        }
        // Where rows have a version from now on, or none any more, what the log holds has to say
        // so.
        const bool is_new = !state.loaded && !state.after;
        const bool renamed = !is_new && (state.renamed || state.method != table.method());
        state = {};
        state.renamed = renamed;
      }
    }
    state.definition = table.definition;
    state.method = table.method();
    state.kind = table.table_kind;
    if (!IsTombstoneTable(table.schema->table)) {
      const auto before = std::exchange(state.guarantee, classifier.Classify(table));
      guarantees_are_news_ |= before && before != state.guarantee;
      AdoptMark(table, !state.loaded && !state.after, state);
    }
    adopted[table.schema->table] = std::move(state);
  }
  for (const CapturePlan& table : tables_) {
    if (table.tombstones) AdoptTombstones(table, adopted);
  }
  cursor_.tables = std::move(adopted);
  cursor_.database = catalog_->database();
  load_.Count();
  for (const CapturePlan& table : tables_) large_.Recheck(session_, table);
  stats_.loads_running = load_.pending();
}

void PollingSource::AdoptMark(const CapturePlan& table, bool is_new, CaptureCursor::Table& state) {
  const TableName& name = table.schema->table;
  const TableMark before = std::exchange(state.mark, catalog_->mark(name));
  if (sql::DialectOf(session_).can().is_file) {
    state.mark.columns = ColumnsMark(table.schema->columns);
  }
  if (!state.loaded) feed_.LogAnyway(name, state.renamed);
  if (is_new) return;
  using Kind = TableChange::Kind;
  TableChange change = ChangeOf(cursor_, *catalog_, table, before);
  if (change.kind == Kind::kNone && MayBeOlder(session_, table, cursor_, catalog_->database())) {
    // Perhaps a row was only deleted: what else is gone counts as deleted where deletions count.
    const bool compares = !node_ && (table.reconcile || table.tombstones);
    change.kind = compares ? Kind::kReplaced : Kind::kRewritten;
    if (table.tombstones) cursor_.tables[table.tombstones->schema->table].seen = Value();
  }
  if (change.kind == Kind::kNone) return;
  if (change.kind == Kind::kParts) {
    // Noted when they have been read.
    state.mark.files = before.files;
    new_parts_[name] = change.parts;
  } else {
    state.loaded = false;
    state.after.reset();
    state.seen = Value();
    state.forms = {};
    // In two directions, a row that is logged again would count as one that users have made.
    state.renamed = (state.renamed || change.renamed) && !node_;
    feed_.LogAnyway(name, state.renamed);
    state.too_large.clear();  // those that are there are met again
    state.unreadable.clear();
    for (auto& [number, tick] : cursor_.ticks.ticks) tick.marks.erase(table.name());
  }
  // The keys that the log holds are looked for at once, where that is how deletions are found.
  state.reconciled.reset();
  if (change.kind == Kind::kReplaced) {
    if (node_) replaced_node_ = ReplacedNode(table);
    state.owes_deletions = horizon_->Holds(table);
  }
  LogChange(logger_, table, change, state.owes_deletions);
}

// Tombstones that are met for the first time, or by other triggers than before: of what was deleted
// until now they need not tell. What the log does not hold yet it will not hold when it is gone.
void PollingSource::AdoptTombstones(const CapturePlan& table,
                                    std::map<TableName, CaptureCursor::Table>& adopted) {
  const TableName& name = table.tombstones->schema->table;
  const auto known = cursor_.tables.find(name);
  if (known != cursor_.tables.end() && known->second.definition == table.tombstones->definition) {
    return;
  }
  CaptureCursor::Table& state = adopted.at(name);
  state.seen = watch_.Extents().at(table.schema->table).reached;
  if (!state.seen.is_null()) state.forms.Add(state.seen);
  if (log_.NextKeys(table.schema->table, std::nullopt, 1).empty()) return;
  OweDeletions(table, adopted.at(table.schema->table),
               known == cursor_.tables.end() ? "the log is older than they are"
                                             : "the triggers were changed or made anew");
}

void PollingSource::OweDeletions(const CapturePlan& table, CaptureCursor::Table& state,
                                 std::string_view why) {
  state.reconciled.reset();
  state.owes_deletions = horizon_->Holds(table);
  logger_.Warn(
      "tombstones do not tell of all deletions, {}: every row that the log holds is looked for "
      "once table={}",
      why, table.name());
}

// Others learn it from the log's frames.
bool PollingSource::OwingIsNews() {
  std::set<TableName> owing;
  for (const auto& [name, table] : cursor_.tables) {
    if (table.owes_deletions) owing.insert(name);
  }
  return std::exchange(owing_told_, owing) != owing;
}

void PollingSource::LoadNext(const std::stop_token& stop) {
  if (replaced_node_) throw *replaced_node_;
  if (node_) {
    horizon_->Look();  // for its clock
    users_.now = horizon_->clock_us();
  }
  load_.TakeRange(stop);
  stats_.loads_running = load_.pending();
}

bool PollingSource::Reconciles(int64_t clock_us) const {
  return std::ranges::any_of(
      tables_, [&](const CapturePlan& table) { return reconciliation_.IsDue(table, clock_us); });
}

Source::Outcome PollingSource::Next(const std::vector<RowKeys>& again) {
  SYNCLINE_CHECK(!loading());
  if (replaced_node_) throw *replaced_node_;
  if (!horizon_->Changed() && !catalog_->Moved() && !log_.cut_open() && again.empty() &&
      !Reconciles(horizon_->clock_us())) {
    ++stats_.polls;
    return Outcome::kNothing;
  }
  horizon_->Look();
  const int64_t clock_us = users_.now = horizon_->clock_us();
  told_ahead_.clear();
  CrashPoint("poll.begun");
  RowFeed::Batch batch(feed_);
  sql::Transaction snapshot(session_, sql::Session::Isolation::kSnapshot);
  horizon_->Enter(polled_, cursor_);
  if (catalog_->Changed()) return Outcome::kTablesChanged;
  const bool is_older = std::ranges::any_of(tables_, [&](const CapturePlan& table) {
    return MayBeOlder(session_, table, cursor_, catalog_->database());
  });
  if (is_older) return Outcome::kTablesChanged;
  watch_.Check();
  const std::map<TableName, TombstoneExtent> extents = watch_.Extents();
  cursor_.database = catalog_->database();
  for (const CapturePlan& table : tables_) {
    if (IsRead(table, clock_us, again)) ReadTable(batch, table);
  }
  ReadNewParts(batch);
  ReadSetAside(batch);
  for (const CapturePlan& table : tables_) {
    if (table.tombstones) ReadTombstones(batch, table, extents.at(table.schema->table));
  }
  for (const RowKeys& rows : again) ReadAgain(rows, batch);
  for (const CapturePlan& table : tables_) {
    const bool is_due = table.method() == CaptureMethod::kCompare
                            ? IsRead(table, clock_us, again)
                            : reconciliation_.IsDue(table, clock_us);
    if (is_due) reconciliation_.Go(table, clock_us, batch);
  }
  snapshot.Commit();
  CrashPoint("poll.read");
  const bool has_news = large_.TakeNews() | std::exchange(guarantees_are_news_, false);
  batch.Close(cursor_text_.Write(cursor_), OwingIsNews() || has_news);
  CrashPoint("poll.logged");
  ++stats_.polls;
  logger_.Debug("poll done logged={}", batch.logged());
  return batch.logged() > 0 ? Outcome::kLogged : Outcome::kNothing;
}

// Others by every poll; one that is compared when it is time, when it is named by an order, and
// with `once`, for whose caller nothing comes later.
bool PollingSource::IsRead(const CapturePlan& table, int64_t clock_us,
                           const std::vector<RowKeys>& again) const {
  return table.method() != CaptureMethod::kCompare || once_ ||
         reconciliation_.IsDue(table, clock_us) ||
         std::ranges::find(again, table.schema->table, &RowKeys::table) != again.end();
}

std::shared_ptr<const TableSchema> PollingSource::Describe(const TableName& table) const {
  for (const CapturePlan& plan : tables_) {
    if (plan.schema->table == table) return plan.schema;
  }
  return nullptr;
}

int64_t PollingSource::AcceptStamp(const TableSchema& table, int64_t stamp) {
  if (stamp <= users_.now || stamp - users_.now <= node_->max_skew.count()) return stamp;
  const std::string what =
      fmt::format("{}: a row's {} is ahead of the database's clock, more than max_skew allows",
                  table.table.ToString(), table.columns[table.cursor].name);
  if (node_->ahead == AheadStamps::kStop) {
    throw StopError(what, "correct the row, or the clock that set it, or raise max_skew");
  }
  if (told_ahead_.insert(table.table).second) {
    logger_.Warn("{} ahead_ms={} counts_as={}", what, (stamp - users_.now) / 1000,
                 node_->ahead == AheadStamps::kCap ? "now" : "written");
  }
  return node_->ahead == AheadStamps::kCap ? users_.now : stamp;
}

// The stamps of rows that were applied here say nothing about what this database has yet to commit.
void PollingSource::NoteOwn(const TableSchema& table, const Value& version) {
  if (loading()) return;
  const auto plan = std::ranges::find(tables_, table.table,
                                      [](const CapturePlan& one) { return one.schema->table; });
  if (plan == tables_.end() || !plan->counts_up) return;
  CaptureCursor::Table& state = cursor_.tables[table.table];
  if (!horizon_->Trusts(state, version)) return;
  if (state.seen.is_null() || !(CompareStamps(state.seen, version) >= 0)) state.seen = version;
}

std::function<void(const Row&)> PollingSource::Watching(const CapturePlan& table) {
  if (!table.counts_up || (node_ && !IsTombstoneTable(table.schema->table))) return {};
  // Rows come in cursor order: the last one holds the highest value, by the database's own
  // comparison, unless stamps have several forms.
  return [this, &table, &state = cursor_.tables[table.schema->table]](const Row& row) {
    Value value(table.schema->VersionOf(row));
    if (!horizon_->Trusts(state, value)) return;
    const bool ordered = state.forms.scan() == StampForms::Scan::kRange;
    if (ordered || state.seen.is_null() || !(CompareStamps(state.seen, value) >= 0)) {
      state.seen = std::move(value);
    }
  };
}

void PollingSource::ReadTable(RowFeed::Batch& batch, const CapturePlan& table) {
  CaptureCursor::Table& state = cursor_.tables[table.schema->table];
  const StampForms::Scan scan = state.forms.scan();
  const sql::Sql condition = horizon_->Condition(table, cursor_);
  // Several ranges of an index come in no order, and SQLite would rather go through the whole of
  // it.
  const bool ordered = scan == StampForms::Scan::kRange;
  batch.Read(table, condition, ordered ? table.poll_order : "", 0, Watching(table));
  if (state.forms.scan() == scan || condition.empty()) return;
  // A stamp has come in a form that the column did not have: others like it may stand, as they are
  // stored, before the place where this poll began.
  logger_.Info("stamps have another form, the table is read once table={} forms={}", table.name(),
               state.forms.Describe());
  batch.Read(table, "", table.poll_order, 0, Watching(table));
}

// Rows of partitions and children that have come, or were filled anew: nobody need have written
// them since, and their stamps may be of any age.
void PollingSource::ReadNewParts(RowFeed::Batch& batch) {
  for (const CapturePlan& table : tables_) {
    const auto parts = new_parts_.find(table.schema->table);
    if (parts == new_parts_.end()) continue;
    if (!parts->second.empty()) {
      batch.Read(table, sql::Format("tableoid IN ({})", sql::JoinNumbers(parts->second, ", ")),
                 table.poll_order, 0, {});
    }
    cursor_.tables[table.schema->table].mark.files = catalog_->mark(table.schema->table).files;
  }
  new_parts_.clear();
}

// Such rows may be mended, or gone, without a trace that a poll follows (README.md).
void PollingSource::ReadSetAside(RowFeed::Batch& batch) {
  const bool is_first = !std::exchange(has_read_unreadable_, true);
  for (const CapturePlan& plan : tables_) {
    std::vector<Row> keys;
    if (is_first || plan.cursor_kind == CursorKind::kStored) keys = large_.ToReadAgain(plan);
    for (size_t first = 0; first < keys.size(); first += kKeysRead) {
      const auto some = std::span(keys).subspan(first, std::min(kKeysRead, keys.size() - first));
      batch.Read(plan, sql::IsOneOf(plan.key_columns(), some, session_.dialect(), plan.key_equals),
                 plan.key_order, 0, {});
    }
    large_.Recheck(session_, plan);
  }
}

// All of them the first time: a key that the log never held is dropped there, and one that is there
// again is not read.
void PollingSource::ReadTombstones(RowFeed::Batch& batch, const CapturePlan& table,
                                   const TombstoneExtent& extent) {
  const CapturePlan& tombstones = *table.tombstones;
  CaptureCursor::Table& state = cursor_.tables[tombstones.schema->table];
  const auto is_past = [&state](const Value& value) {
    return !value.is_null() && (state.seen.is_null() || CompareValues(state.seen, value) < 0);
  };
  const bool owes =
      is_past(extent.pruned) && horizon_->MayBeNew(tombstones, cursor_, extent.pruned);
  if (owes) {
    OweDeletions(table, cursor_.tables[table.schema->table],
                 "some were dropped before they were read (an older log was put back, or the AGE "
                 "of prepare --prune is too short)");
  }
  batch.ReadTombstones(table, state.loaded ? horizon_->Condition(tombstones, cursor_) : "",
                       Watching(tombstones));
  state.loaded = true;
  // Keys that are there again are not read, and so not seen.
  if (is_past(extent.reached)) state.seen = extent.reached;
  if (owes && is_past(extent.pruned)) state.seen = extent.pruned;
}

void PollingSource::ReadAgain(const RowKeys& rows, RowFeed::Batch& batch) {
  const auto table = std::ranges::find(tables_, rows.table,
                                       [](const CapturePlan& plan) { return plan.schema->table; });
  if (table != tables_.end()) batch.ReadAgain(*table, rows.keys, horizon_->Holds(*table));
}

}  // namespace syncline::capture
