#include "apply/sql_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "apply/table_plan.h"
#include "apply/target_table.h"
#include "engine/base/crash_point.h"
#include "engine/base/error.h"

namespace syncline::apply {
namespace {

// A batch meets a target of any size: for each of its rows the server is to use the key's index,
// also when it thinks that reading the whole table would do. Row numbers are looked up in a hash
// table, which has to fit into work_mem. Compiling statements that run for a fraction of a second
// costs more than it brings.
constexpr char kPostgresSettings[] =
    "SET enable_hashjoin = off; SET enable_mergejoin = off; SET work_mem = '64MB'; SET jit = off";

constexpr std::string_view kUniqueViolation = "23505";

// An error of `body` names the table, and the database's own code, by which refusals are looked up.
template <typename Body>
decltype(auto) ForTable(const TableName& table, Body&& body) {
  try {
    return body();
  } catch (Error& error) {
    const std::string code = error.code().empty() ? "" : fmt::format(" (code {})", error.code());
    error.AddContext(fmt::format("table {}{}", table.ToString(), code));
    throw;
  }
}

// Until the end of the transaction, foreign keys (PostgreSQL: those declared deferrable) are
// checked at commit.
constexpr char kDeferOnPostgres[] = "SET CONSTRAINTS ALL DEFERRED";
constexpr char kDeferOnSqlite[] = "PRAGMA defer_foreign_keys = ON";

}  // namespace

SqlTarget::SqlTarget(sql::DatabaseUrl url, std::vector<TableMapping> tables, std::string source,
                     std::shared_ptr<spdlog::logger> logger)
    : url_(std::move(url)), source_(std::move(source)), logger_(std::move(logger)) {
  for (TableMapping& table : tables) {
    if (url_.dialect == Dialect::kPostgres && table.target.schema.empty()) {
      table.target.schema = "public";
    }
    const TableName source = table.source;
    tables_.insert_or_assign(source, std::move(table));
  }
}

SqlTarget::~SqlTarget() = default;

void SqlTarget::Open() {
  Close();
  auto session = sql::Session::Open(url_, {.create = true});
  if (session->dialect() == Dialect::kPostgres) session->Execute(kPostgresSettings);
  EnsureProgressTable(*session);
  EnsureConflictTable(*session);
  identity_ = session->Identity();
  session_ = std::move(session);
}

void SqlTarget::Close() noexcept {
  order_ = {};
  references_.clear();
  prepared_.clear();
  session_.reset();
}

std::optional<Progress> SqlTarget::ReadProgress(const std::string& pipeline) {
  return apply::ReadProgress(*session_, pipeline);
}

std::set<TableName> SqlTarget::MissingTables() {
  std::set<TableName> missing;
  for (const auto& [source, mapping] : tables_) {
    if (!session_->Describe(mapping.target)) missing.insert(source);
  }
  return missing;
}

SqlTarget::Written SqlTarget::Apply(Batch batch, const std::optional<Progress>& from,
                                    const Progress& to) {
  const std::string what =
      fmt::format("offsets {} to {}", batch.begin.value(), batch.end.value() - 1);
  return Apply(Collapse(batch, [this](const TableName& table) { return Wants(table); }), what, from,
               to);
}

SqlTarget::Written SqlTarget::Apply(std::vector<TableChanges> tables, const std::string& what,
                                    const std::optional<Progress>& from, const Progress& to) {
  commit_in_doubt_ = false;
  return InContext(what, [&] {
    sql::Transaction transaction(*session_, sql::Session::Isolation::kWrite);
    AdvanceProgress(*session_, from, to);
    CrashPoint("apply.progress_moved");
    Writing writing{tables, {.takes_ties = source_ > identity_}, {}};
    if (from) writing.options.again_before = from->reached;
    Written written = Write(writing);
    RecordConflicts(*session_, {to.pipeline, to.log_id, source_, identity_}, writing.conflicts);
    CrashPoint("apply.rows_written");
    transaction.Commit();
    CrashPoint("apply.committed");
    return written;
  });
}

SqlTarget::Prepared& SqlTarget::Prepare(const TableChanges& changes) {
  const SchemaId id = changes.schema->id();
  if (const auto found = prepared_.find(id); found != prepared_.end()) return found->second;
  TablePlan plan = PlanTable(changes.schema, tables_.at(changes.schema->table));
  const sql::TableInfo info = PrepareTargetTable(*session_, plan, *logger_);
  references_[info.name] = info.foreign_keys;
  order_ = OrderByReferences(references_);
  auto writer = std::make_unique<TableWriter>(*session_, std::move(plan), info, prepared_.size());
  writer->set_may_copy(!not_copied_into_.contains(info.name));
  return prepared_.emplace(id, Prepared{info.name, std::move(writer)}).first->second;
}

std::vector<SqlTarget::Task> SqlTarget::TasksFor(std::vector<TableChanges>& tables) {
  std::vector<Task> tasks;
  for (TableChanges& changes : tables) {
    Prepared& table =
        ForTable(changes.schema->table, [&]() -> Prepared& { return Prepare(changes); });
    tasks.push_back({.changes = &changes, .table = &table});
  }
  for (Task& task : tasks) {  // only now is the order complete
    const auto& order = order_.parents_first;
    task.rank = std::ranges::find(order, task.table->target) - order.begin();
    task.in_cycle = std::ranges::find(order_.in_cycle, task.table->target) != order_.in_cycle.end();
  }
  std::ranges::stable_sort(tasks, {}, &Task::rank);
  return tasks;
}

WriteCounts SqlTarget::Upsert(const Task& task, Writing& writing) {
  TableWriter& writer = *task.table->writer;
  try {
    return writer.Upsert(task.changes->upserts, writing.options, writing.conflicts);
  } catch (const Error& error) {
    if (error.code() != kUniqueViolation || !writer.copied()) throw;
    not_copied_into_.insert(task.table->target);
    throw RestartError("rows that are new to the log are on the target already",
                       "They are compared with what is there, one by one.");
  }
}

SqlTarget::Written SqlTarget::Write(Writing& writing) {
  const std::vector<Task> tasks = TasksFor(writing.tables);
  if (std::ranges::any_of(tasks, &Task::in_cycle)) {
    session_->Execute(session_->dialect() == Dialect::kPostgres ? kDeferOnPostgres
                                                                : kDeferOnSqlite);
  }
  // Upserts first: after them no row that stays refers to one that goes, so that children-first
  // deletions cannot fail.
  Written written;
  for (const Task& task : tasks) {
    writing.options.whole = task.in_cycle;
    written[task.table->target] +=
        ForTable(task.table->target, [&] { return Upsert(task, writing); });
  }
  for (const Task& task : std::views::reverse(tasks)) {
    writing.options.whole = task.in_cycle;
    written[task.table->target] += ForTable(task.table->target, [&] {
      return task.table->writer->Delete(task.changes->deletes, writing.options, writing.conflicts);
    });
  }
  return written;
}

}  // namespace syncline::apply
