#include "apply/target/sql_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ranges>

#include "apply/rules/refusal_reason.h"
#include "apply/target/leftovers.h"
#include "apply/target/target_session.h"
#include "engine/base/crash_point.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::apply {
namespace {

// After a deadlock so many batches lock their rows before they write any.
constexpr int kBatchesLockedFirst = 100;

// A batch whose unique values do not only move between its own rows is left to the diagnosis; so
// are so many after it.
constexpr int kRefusalsUntilFreed = 20;

constexpr int kDiagnosesMax = 3;  // of a batch, until its refusal is passed on

// Until the end of the transaction, foreign keys are checked at commit (PostgreSQL: those declared
// deferrable).
void Defer(sql::Session& session, std::span<const Portion> portions) {
  const bool is_needed = std::ranges::any_of(portions, &Portion::in_cycle);
  if (is_needed) session.Execute(sql::DialectOf(session).DeferConstraints());
}

}  // namespace

SqlTarget::SqlTarget(sql::DatabaseUrl url, std::vector<TableMapping> tables, std::string source,
                     TargetOptions options, std::shared_ptr<Logger> logger, TwoWay two_way)
    : url_(std::move(url)),
      source_(std::move(source)),
      options_(options),
      two_way_(std::move(two_way)),
      logger_(std::move(logger)),
      tables_(mappings_, logger_),
      schemas_(logger_) {
  for (TableMapping& table : tables) {
    table.target = sql::WithDefaultSchema(std::move(table.target), url_.dialect);
    const TableName source = table.source;
    mappings_.insert_or_assign(source, std::move(table));
  }
}

SqlTarget::~SqlTarget() = default;

void SqlTarget::Open() {
  Close();
  const std::vector<TableName> targets = TargetNames();
  auto session =
      OpenTargetSession(url_, two_way_.log != nullptr,
                        options_.quiet_triggers ? targets : std::vector<TableName>(), own_);
  identity_ = session->Identity();
  // By which another lane sees whether this one waits for a lock.
  const bool has_backend =
      sql::ForDialect(url_.dialect, sql::IfPostgres{true}, sql::IfSqlite{false});
  if (has_backend) {
    backend_ = std::stoi(session->Query("SELECT pg_backend_pid()").rows.at(0).at(0).value());
  }
  RequireDurable(*session, targets);
  session_ = std::move(session);
}

void SqlTarget::Close() noexcept {
  quarantine_.Forget();
  schemas_.Forget();
  tables_.Forget();
  session_.reset();
}

// What was written has locked the tables against whoever would give them a trigger now.
void SqlTarget::CheckPlain(const std::vector<TableChanges>& tables) {
  for (const TableChanges& changes : tables) {
    if (!IsPlainTable(*session_, tables_.at(changes).info)) {
      throw RestartError("a table has got triggers or rules meanwhile");
    }
  }
}

SqlTarget::Written SqlTarget::Apply(TargetBatch batch, const std::optional<Progress>& from,
                                    const Progress& to, const Turn& turn) {
  const auto node_turn =
      two_way_.log != nullptr ? two_way_.log->Turn() : std::unique_lock<std::mutex>();
  if (two_way_.log != nullptr) TakeOutEchoes(batch.tables, *two_way_.log, mappings_, source_);
  Work work{.tables = std::move(batch.tables),
            .at = to,
            .park = options_.quarantine_limit > 0,
            .is_ahead = turn != nullptr};
  if (from) work.again_before = from->reached;
  const auto advance = [&](sql::Session& session) {
    AdvanceProgress(session, from, to);
    CrashPoint("apply.progress_moved");
    if (turn) quarantine_.Forget();  // the other session may have parked something since
    quarantine_.Refresh(session, to.pipeline);
  };
  std::vector<Quarantine::Waiting> waiting;
  std::optional<std::string> state;  // of the quarantine when `waiting` was taken out
  work.begin = [&](sql::Session& session) {
    if (turn) return;
    advance(session);
    if (state && *state != quarantine_.state()) {
      throw RestartError("somebody has changed the quarantine meanwhile");
    }
    if (!state) {
      waiting = quarantine_.TakeWaiting(
          work.tables, [this](const TableName& source) { return mappings_.at(source).target; });
    }
    state = quarantine_.state();
    schemas_.Compare(session, to.pipeline, mappings_, batch.schemas);
  };
  std::map<std::pair<TableName, std::string>, uint64_t> reasons;
  work.end = [&](sql::Session& session, std::span<const RefusedStep> refused) {
    if (turn) {
      CheckPlain(work.tables);
      turn();
      advance(session);
      if (quarantine_.size() > 0) throw RestartError("changes are parked");
      return;
    }
    quarantine_.Park(session, to, refused, Taken(waiting));
    schemas_.Note(session, to.pipeline, mappings_);
    reasons.clear();
    for (const RefusedStep& one : refused) ++reasons[{one.target, one.error.refusal()->reason}];
  };
  work.refused_max = [&] {
    return options_.quarantine_limit - std::min(options_.quarantine_limit, quarantine_.size());
  };
  return InContext(batch.name, [&] {
    Written written = Do(work);
    for (const Quarantine::Waiting& one : waiting) ++written[one.target].waiting;
    for (const auto& [why, rows] : reasons) {
      logger_->Warn("refused by the target, parked pipeline={} table={} rows={} reason=\"{}\"",
                    to.pipeline, why.first.ToString(), rows, why.second);
    }
    return written;
  });
}

SqlTarget::Written SqlTarget::Do(Work& work) {
  PrepareAlone(work);
  try {
    return Transact(work, nullptr);
  } catch (const Error& error) {
    const bool is_deadlock = error.condition() == Condition::kDeadlock;
    if (is_deadlock && !work.is_ahead) batches_locked_first_ = kBatchesLockedFirst;
    if (!error.refusal()) throw;
    if (work.is_ahead) throw RestartError(error.message());
    work.frees_unique_values = error.refusal()->kind == Refusal::Kind::kUnique && MayMoveValues();
    if (!work.park && !work.frees_unique_values) throw;
  }
  if (work.frees_unique_values) {
    Reopen();
    try {
      Written written = Transact(work, nullptr);
      refusals_until_freed_ = 0;
      return written;
    } catch (const Error& error) {
      if (!error.refusal() || !work.park) throw;
      work.frees_unique_values = false;
      refusals_until_freed_ = kRefusalsUntilFreed;
    }
  }
  // Somebody who writes to the target meanwhile may make another row one that is refused.
  for (int tries = 1;; ++tries) {
    const BatchDiagnosis found = FindOut(work);
    // In one statement for each table where that works; otherwise in the runs that have worked.
    const BatchDiagnosis merged = Merged(found);
    for (const BatchDiagnosis* const order : {&merged, &found}) {
      Reopen();
      try {
        return Transact(work, order);
      } catch (const Error& error) {
        if (!error.refusal() || (order == &found && tries == kDiagnosesMax)) throw;
      }
    }
  }
}

// The target's log reads the tables on another session while a batch is under way: none is altered.
void SqlTarget::PrepareAlone(const Work& work) {
  if (two_way_.log == nullptr) return tables_.MakeMissing(*session_, work.tables);
  sql::Transaction transaction(*session_, sql::Session::Isolation::kWrite);
  tables_.TasksFor(*session_, work.tables);
  transaction.Commit();
}

SqlTarget::Written SqlTarget::Transact(Work& work, const BatchDiagnosis* found) {
  sql::Transaction transaction(*session_, sql::Session::Isolation::kWrite);
  own_.Hold(*session_);
  work.begin(*session_);
  Writing writing{
      .options = OptionsFor(work), .diagnosed = found != nullptr, .is_ahead = work.is_ahead};
  if (batches_locked_first_ > 0) {
    --batches_locked_first_;
    writing.options.locks_first = true;
  }
  StartLocalChanges(writing);
  const std::vector<Portion> portions = PortionsOf(work.tables, writing);
  Defer(*session_, portions);
  FreeUniqueValues(work, writing.options);
  writing.options.freed = work.frees_unique_values;
  std::vector<RefusedStep> refused;
  if (found == nullptr) {
    for (const Portion& portion : portions) portion.write(portion.changes);
  } else {
    for (const BatchDiagnosis::Piece& piece : found->accepted) {
      const Portion& portion = portions[piece.portion];
      portion.write(ChangesOf(portion, piece));
    }
    refused = Refused(*found, portions);
  }
  for (const auto& [table, counts] : writing.written) {
    if (!writing.options.freed || counts.suppressed == 0) continue;
    throw ValuesWouldBeLost(table);  // a trigger keeps out what was to come in their place
  }
  for (const RefusedStep& one : refused) ++writing.written[one.target].refused;
  if (work.end) work.end(*session_, refused);
  RecordConflicts(*session_, {work.at.pipeline, work.at.log_id, source_, identity_},
                  writing.conflicts);
  if (writing.local_log) PrepareReplicaLog(*session_, *writing.local_log, work.at);
  durability_.Look(*session_, mappings_);
  CrashPoint("apply.rows_written");
  transaction.Commit();
  CrashPoint("apply.committed");
  if (writing.local_log) ConfirmReplicaLog(*writing.local_log, work.at);
  return std::move(writing.written);
}

// A session that has seen an error may hold what its rolled-back transaction has made; a new one
// costs little, as often as this happens.
void SqlTarget::Reopen() {
  Close();
  Open();
}

BatchDiagnosis SqlTarget::FindOut(Work& work) {
  Reopen();
  sql::Transaction transaction(*session_, sql::Session::Isolation::kWrite);
  own_.Hold(*session_);
  work.begin(*session_);
  Writing scratch{.options = OptionsFor(work), .diagnosed = true};
  StartLocalChanges(scratch);
  const std::vector<Portion> portions = PortionsOf(work.tables, scratch);
  for (const TableChanges& changes : work.tables) {
    tables_.at(changes).writer->ExpectSavepoints(changes.upserts);
  }
  return Diagnose(*session_, portions, work.refused_max());
}

// Whether it is worth a try to take it that unique values move between the rows of a batch. Where
// that was not so the last time, some refusals are left to the diagnosis at once.
bool SqlTarget::MayMoveValues() {
  if (refusals_until_freed_ > 0) {
    --refusals_until_freed_;
    return false;
  }
  if (two_way_.log != nullptr) return false;  // a row must be what the log knows of it
  return tables_.AnyUniqueIndexes();
}

void SqlTarget::FreeUniqueValues(const Work& work, const WriteOptions& options) {
  if (!work.frees_unique_values) return;
  for (const TableChanges& changes : work.tables) {
    TargetTable& table = tables_.at(changes);
    ForTable(table.info.name,
             [&] { table.writer->FreeUniqueValues(changes.upserts, changes.deletes, options); });
  }
}

std::vector<RefusedStep> SqlTarget::Refused(const BatchDiagnosis& found,
                                            std::span<const Portion> portions) {
  std::vector<RefusedStep> steps;
  for (const BatchDiagnosis::Refused& refused : found.refused) {
    const Portion& portion = portions[refused.portion];
    const sql::TableInfo& info = tables_.at(*portion.schema).info;
    RefusedStep& step = steps.emplace_back(RefusedStep{
        tables_.at(*portion.schema)
            .taken.Of({portion.schema, portion.deletion, portion.changes[refused.change]}),
        portion.target, refused.error});
    step.error.SetRefusal(Explained(*refused.error.refusal(), info, portion.deletion));
    if (portion.deletion) continue;
    TableWriter& writer = *tables_.at(*portion.schema).writer;
    step.taken_by = writer.TakenBy(portion.changes[refused.change]).value_or("");
  }
  return steps;
}

std::vector<Quarantine::Waiting> SqlTarget::Taken(std::vector<Quarantine::Waiting> waiting) {
  for (Quarantine::Waiting& one : waiting) {
    const TakenColumns& taken = tables_.at(*one.step.schema).taken;
    one.step = taken.Of(std::move(one.step));
  }
  return waiting;
}

void SqlTarget::StartLocalChanges(Writing& writing) const {
  if (two_way_.log == nullptr) return;
  writing.local_log.emplace(
      LocalLogChanges{.log = *two_way_.log, .via = NodeIdOf(source_), .prefer = two_way_.prefer});
  writing.options.local_log = &*writing.local_log;
}

WriteOptions SqlTarget::OptionsFor(const Work& work) const {
  return {.again_before = work.again_before, .takes_ties = source_ > identity_};
}

WriteCounts SqlTarget::Upsert(const TableTask& task, std::span<const RowChange> changes,
                              Writing& writing) {
  TableWriter& writer = *task.table->writer;
  try {
    return writer.Upsert(changes, writing.options, writing.conflicts);
  } catch (const Error& error) {
    const bool tells = error.condition() == Condition::kUniqueViolation && writer.copied();
    if (!tells || writing.diagnosed || writing.is_ahead) throw;
    tables_.NotCopiedInto(task.table->info.name);
    throw RestartError("rows that are new to the log are on the target already",
                       "They are compared with what is there, one by one.");
  }
}

// Upserts first: after them no row that stays refers to one that goes, so that children-first
// deletions cannot fail.
std::vector<Portion> SqlTarget::PortionsOf(const std::vector<TableChanges>& tables,
                                           Writing& writing) {
  std::vector<Portion> portions;
  const auto add = [&](const TableTask& task, bool deletion) {
    const auto write = [this, task, deletion, &writing](std::span<const RowChange> changes,
                                                        bool whole) {
      const TableName& target = task.table->info.name;
      writing.options.whole = whole;
      const auto began = std::chrono::steady_clock::now();
      WriteCounts counts = ForTable(target, [&] {
        if (!deletion) return Upsert(task, changes, writing);
        return task.table->writer->Delete(changes, writing.options, writing.conflicts);
      });
      const auto took = std::chrono::steady_clock::now() - began;
      counts.took = std::chrono::duration_cast<Microseconds>(took);
      writing.written[target] += counts;
    };
    Portion& portion = portions.emplace_back();
    portion.target = task.table->info.name;
    portion.schema = task.changes->schema;
    portion.deletion = deletion;
    portion.changes = deletion ? task.changes->deletes : task.changes->upserts;
    portion.in_cycle = task.in_cycle;
    portion.write = [write, circle = task.in_cycle](std::span<const RowChange> changes) {
      write(changes, circle && changes.size() > 1);
    };
    if (sql::DialectOf(*session_).can().has_bulk_load) {
      portion.accepts_alone = [this, task] { tables_.NotCopiedInto(task.table->info.name); };
      portion.write_by_copy = [write](std::span<const RowChange> changes) { write(changes, true); };
    }
  };
  const std::vector<TableTask> tasks = tables_.TasksFor(*session_, tables);
  for (const TableTask& task : tasks) add(task, false);
  for (const TableTask& task : std::views::reverse(tasks)) add(task, true);
  return portions;
}

}  // namespace syncline::apply
