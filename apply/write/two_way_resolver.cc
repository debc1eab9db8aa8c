#include "apply/write/two_way_resolver.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "apply/plan/key_fit.h"
#include "engine/base/error.h"
#include "engine/sql/dialect.h"

namespace syncline::apply {
namespace {

// A row that nobody can lock, because it is not there, may be inserted between two looks.
constexpr int kTwoWayRounds = 5;

// A change that is parked like those that the database refuses.
Error Refused(uint32_t number, const std::string& reason) {
  Error error = StopError("a change cannot be decided about: " + reason,
                          "mend the row, or allow a quarantine: {limit: ..} to go on without it");
  error.SetRefusal({.kind = Refusal::Kind::kRule, .reason = reason, .row = number});
  return error;
}

}  // namespace

TwoWayResolver::TwoWayResolver(sql::Session& session, const ApplyPlan& plan,
                               const TargetShape& shape, size_t number)
    : session_(session),
      plan_(plan),
      shape_(shape),
      keys_{std::string(shape.words().TemporarySchema()), fmt::format("syncline_keys_{}", number)},
      looks_(session, plan, shape),
      images_(session, plan, shape) {}

void TwoWayResolver::Settle(WriteTask& task) {
  LocalLogChanges& local = *task.options.local_log;
  Known known{.table = OwnSchema(local)};
  known.keys = OwnKeys(task, *known.table);
  const std::vector<Look> looks = LookUntilLogged(task, known);

  std::vector<uint32_t> there, missing, met;  // to be forced, to be inserted, in conflict
  std::vector<Conflict> conflicts;            // parallel to `met`
  for (uint32_t number = 0; number < task.changes.size(); ++number) {
    const TwoWayDecision decision = DecideOn(task, number, known, looks[number]);
    const bool writes = decision.action == TwoWayAction::kWrite;
    if (writes && (looks[number].exists || !task.deletion)) {
      (looks[number].exists ? there : missing).push_back(number);
    }
    if (decision.action != TwoWayAction::kNothing) {
      Note(task, number, known, decision.action, looks[number].exists);
    }
    if (!decision.conflict) continue;
    if (!writes) ++task.counts.newer;
    Conflict conflict = images_.Of(task, number, *decision.conflict, writes);
    if (looks[number].exists) {
      met.push_back(number);
      conflicts.push_back(std::move(conflict));
    } else {
      task.conflicts.push_back(std::move(conflict));
    }
  }
  images_.Add(task, met, conflicts);  // before they are overwritten
  std::ranges::move(conflicts, std::back_inserter(task.conflicts));
  Write(task, known, there, missing);
}

std::shared_ptr<const TableSchema> TwoWayResolver::OwnSchema(LocalLogChanges& local) const {
  std::shared_ptr<const TableSchema> own = local.log.Schema(shape_.table);
  if (own == nullptr) {
    throw StopError(fmt::format("table {} is written to, but not captured at its own database",
                                shape_.table.ToString()),
                    "start Syncline again: its tables have changed");
  }
  for (const uint32_t column : own->key) {
    if (own->key.size() == shape_.key.size() &&
        std::ranges::find(shape_.key, own->columns[column].name) != shape_.key.end()) {
      continue;
    }
    throw UsageError(
        fmt::format("table {}: its key is another one than that of {}", shape_.table.ToString(),
                    plan_.schema->table.ToString()),
        "in two directions rows are told apart by the same columns on both sides: set key:");
  }
  return own;
}

// The database itself makes its own form of the keys, which the log is asked for.
std::vector<Row> TwoWayResolver::OwnKeys(const WriteTask& task, const TableSchema& own) {
  session_.Execute(CreateKeysSql(shape_, keys_));
  session_.Execute("DELETE FROM " + sql::Quote(keys_));
  std::vector<Row> numbered(task.changes.size());
  std::vector<const Row*> pointers;
  for (uint32_t number = 0; number < task.changes.size(); ++number) {
    numbered[number].Append(ValueView::Int(number));
    for (const ValueView value : task.changes[number].key) numbered[number].Append(value);
    pointers.push_back(&numbered[number]);
  }
  std::vector<std::string> columns{kRowColumn};
  columns.insert(columns.end(), shape_.key.begin(), shape_.key.end());
  session_.LoadRows(keys_, columns, pointers);

  TableSchema staged{.table = keys_, .dialect = own.dialect, .key = {0}};
  for (const uint32_t column : own.key) staged.columns.push_back(own.columns[column]);
  std::vector<Row> keys;
  session_.ReadRows({.schema = staged, .order_by = kRowColumn},
                    [&](Row& row) { keys.push_back(std::move(row)); });
  return keys;
}

std::vector<Look> TwoWayResolver::LookAt(const WriteTask& task) {
  return looks_.At(task, task.All(), Follows::kPrevious, /*passed=*/false);
}

// Keys that are equal and stored in another way (1.0 and 1.00, citext): the row's own form counts.
void TwoWayResolver::TakeStoredKeys(Known& known, std::span<const Look> looks) {
  const KeyedRows rows = ReadByKeys(session_, *known.table, known.keys, shape_.rows());
  for (uint32_t number = 0; number < known.keys.size(); ++number) {
    Row& key = known.keys[number];
    if (!looks[number].exists || rows.contains(key.bytes())) continue;
    for (const auto& [bytes, row] : ReadByKeys(session_, *known.table, {&key, 1}, shape_.rows())) {
      key = Project(row, known.table->key);
    }
  }
  std::set<std::string_view> seen;
  for (const Row& key : known.keys) {
    if (seen.insert(key.bytes()).second) continue;
    throw Refused(static_cast<uint32_t>(&key - known.keys.data()),
                  "another row of that database has the same key here: give the key's columns the "
                  "same types and collations on both sides");
  }
}

std::vector<uint32_t> TwoWayResolver::Unlogged(const Known& known, std::span<const Look> looks,
                                               bool captured) {
  const KeyedRows rows = ReadByKeys(session_, *known.table, known.keys, shape_.rows());
  std::vector<uint32_t> unlogged;
  for (uint32_t number = 0; number < known.keys.size(); ++number) {
    const std::optional<IndexEntry>& entry = known.entries[number];
    const auto row = rows.find(known.keys[number].bytes());
    const bool exists = row != rows.end();
    const bool logged = entry && !entry->deleted;
    if (exists && captured && known.table->VersionOf(row->second).is_null()) {
      throw Refused(number,
                    "the row here has NULL in its cursor column, so its state cannot be logged");
    }
    const bool same = exists == logged && exists == looks[number].exists &&
                      (!exists || row->second.fingerprint() == entry->fingerprint);
    if (!same) unlogged.push_back(number);
  }
  return unlogged;
}

// Rows that are there are locked with the first look: once the log holds their states, it goes on
// doing so until the transaction ends.
std::vector<Look> TwoWayResolver::LookUntilLogged(const WriteTask& task, Known& known) {
  ReplicaLog& log = task.options.local_log->log;
  for (int round = 0; round < kTwoWayRounds; ++round) {
    std::vector<Look> looks = LookAt(task);
    if (round == 0) TakeStoredKeys(known, looks);
    known.entries = log.Known(known.table->table, known.keys);
    for (bool captured = false;; captured = true) {
      const std::vector<uint32_t> unlogged = Unlogged(known, looks, captured);
      if (unlogged.empty()) return looks;
      if (captured) break;
      std::vector<Row> keys;
      for (const uint32_t number : unlogged) keys.push_back(known.keys[number]);
      log.Capture(known.table->table, std::move(keys));
      known.entries = log.Known(known.table->table, known.keys);
    }
  }
  throw RestartError(
      fmt::format("rows of {} change under our hands, or cannot be logged, as those whose cursor "
                  "column is NULL",
                  shape_.table.ToString()));
}

TwoWayDecision TwoWayResolver::DecideOn(const WriteTask& task, uint32_t number, const Known& known,
                                        const Look& look) const {
  const LocalLogChanges& local = *task.options.local_log;
  const RowChange& change = task.changes[number];
  const std::optional<IndexEntry>& entry = known.entries[number];
  TwoWayLook seen{.exists = look.exists, .same_content = look.same_content};
  if (entry) {
    if (!entry->clock) throw NoLineage(shape_.table, "its own database");
    seen.known = entry->clock;
    seen.own = entry->clock->origin == local.log.node();
    seen.defends =
        seen.own && IsPreferred(local.prefer, local.log.node(), change.origin->clock.origin);
  }
  return Decide({.step = *change.origin, .deletion = task.deletion, .again = task.IsAgain(number)},
                seen);
}

void TwoWayResolver::Note(const WriteTask& task, uint32_t number, const Known& known,
                          TwoWayAction action, bool exists) const {
  LocalLogChanges& local = *task.options.local_log;
  const std::optional<IndexEntry>& entry = known.entries[number];
  const OriginInfo& step = *task.changes[number].origin;
  OwnChange own{.table = known.table, .key = known.keys[number]};
  own.missing = !exists && (action != TwoWayAction::kWrite || task.deletion);
  if (entry) {
    own.known_version = entry->version;
    if (!entry->deleted) own.previous = entry->version;
    own.lineage.before = entry->clock;
  }
  own.lineage.clock = step.clock;
  own.lineage.via = local.via;
  if (action == TwoWayAction::kDefend) {
    own.lineage = {.clock = NextClock(entry->clock->time, step.clock, local.log.node()),
                   .before = step.clock};
  }
  local.changes.push_back(std::move(own));
}

void TwoWayResolver::Write(WriteTask& task, const Known& known, std::span<const uint32_t> there,
                           std::span<const uint32_t> missing) {
  // Rows that refer to these may go with them: what users have made of them is logged first. The
  // locks keep new ones out.
  LocalLogChanges& local = *task.options.local_log;
  if (task.deletion && !there.empty()) local.log.Capture(known.table->table, {});
  const sql::Sql force = task.deletion ? EraseRowSql(shape_) : OverwriteRowSql(shape_);
  const std::vector<uint32_t> kept = session_.ExecuteEach(force, task.Pointers(there));
  for (const uint32_t place : kept) Suppress(task, known, there[place]);
  task.counts.written += there.size() - kept.size();

  const auto refused = session_.ExecuteEach(InsertRowSql(shape_), task.Pointers(missing));
  task.counts.written += missing.size() - refused.size();
  if (refused.empty()) return;
  const std::vector<Look> looks = LookAt(task);
  for (const uint32_t place : refused) {
    const uint32_t number = missing[place];
    if (!shape_.may_be_taken() || looks[number].exists) continue;
    if (session_.QueryEach(TakenKeySql(shape_), task.Pointers({&number, 1})).front()) {
      throw KeyIsTaken(number);
    }
  }
  for (const uint32_t place : refused) {
    if (looks[missing[place]].exists) {
      throw RestartError(fmt::format("somebody has inserted a row of {} at the same moment",
                                     shape_.table.ToString()));
    }
    Suppress(task, known, missing[place]);
  }
}

// A trigger would not have it: the row stays what the log knows.
void TwoWayResolver::Suppress(WriteTask& task, const Known& known, uint32_t number) const {
  ++task.counts.suppressed;
  std::erase_if(task.options.local_log->changes, [&](const OwnChange& change) {
    return change.table == known.table && change.key == known.keys[number];
  });
}

}  // namespace syncline::apply
