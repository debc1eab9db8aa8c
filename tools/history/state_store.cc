#include "tools/history/state_store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/private_folder.h"
#include "tools/history/run_record_rows.h"

namespace syncline::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kFile[] = "runs.db";
constexpr char kLockFile[] = "runs.lock";
constexpr char kProcessEnded[] = "the process ended before the run did";

constexpr char kTables[] = R"(
CREATE TABLE IF NOT EXISTS processes(id INTEGER PRIMARY KEY AUTOINCREMENT, started INTEGER);
CREATE TABLE IF NOT EXISTS runs(
  id INTEGER PRIMARY KEY AUTOINCREMENT, pipeline TEXT NOT NULL, kind TEXT NOT NULL,
  state TEXT NOT NULL, process INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER,
  scheduled INTEGER, missed INTEGER NOT NULL, polls INTEGER NOT NULL, captured INTEGER NOT NULL,
  applied INTEGER NOT NULL, written INTEGER NOT NULL, newer INTEGER NOT NULL,
  conflicts INTEGER NOT NULL, refused INTEGER NOT NULL, error TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS runs_of_pipeline ON runs(pipeline, kind, id);
CREATE INDEX IF NOT EXISTS open_runs ON runs(process) WHERE state IN ('Queued', 'InProgress');
CREATE TABLE IF NOT EXISTS paused(pipeline TEXT PRIMARY KEY, since INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS firings(
  pipeline TEXT, kind TEXT, at INTEGER NOT NULL, PRIMARY KEY (pipeline, kind));
CREATE TABLE IF NOT EXISTS incidents(
  pipeline TEXT, kind TEXT, since INTEGER NOT NULL, error TEXT NOT NULL,
  hint TEXT NOT NULL DEFAULT '', told INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (pipeline, kind));
CREATE TABLE IF NOT EXISTS work(
  part TEXT, name TEXT, process INTEGER, once INTEGER NOT NULL, since INTEGER NOT NULL, ended TEXT,
  PRIMARY KEY (part, name, process));
)";

// Of files that earlier versions made.
constexpr char kMoreOfIncidents[] = R"(
ALTER TABLE incidents ADD COLUMN hint TEXT NOT NULL DEFAULT '';
ALTER TABLE incidents ADD COLUMN told INTEGER NOT NULL DEFAULT 1;
)";

constexpr std::string_view kPartNames[] = {"capture", "apply"};
constexpr std::string_view kEndNames[] = {"", "done", "stopped", "failed"};

std::string NameOf(Work::Part part) { return std::string(kPartNames[static_cast<size_t>(part)]); }

Work::End EndOf(std::string_view name) {
  const auto found = std::ranges::find(kEndNames, name);
  return found == std::end(kEndNames) ? Work::End::kFailed
                                      : static_cast<Work::End>(found - std::begin(kEndNames));
}

// Texts are cut to what is shown of them.
constexpr sql::Sql kColumns =
    "id, substr(pipeline, 1, 1000), substr(kind, 1, 100), substr(state, 1, 100), process, started, "
    "ended, scheduled, missed, polls, captured, applied, written, newer, conflicts, refused, "
    "substr(error, 1, 10000)";
constexpr sql::Sql kOpen = "state IN ('Queued', 'InProgress')";

constexpr uint64_t kPausedMax = 100'000;

std::string Text(WallTime time) { return std::to_string(time.time_since_epoch().count()); }
Field Text(const std::optional<WallTime>& time) { return time ? Field(Text(*time)) : Field(); }
sql::DatabaseUrl UrlOf(const fs::path& folder, const sql::WaitLimits& limits) {
  sql::DatabaseUrl url = sql::DatabaseUrl::Parse("sqlite:" + std::string(kFile), folder);
  url.limits = limits;
  return url;
}

// Before SQLite opens the file, which it would make as readable as the umask lets it. SQLite gives
// the files beside it the same permissions.
const fs::path& Made(const fs::path& folder) {
  const fs::path file = folder / kFile;
  MakePrivateFolder(folder);
  CheckWayTo(file);
  CheckParentOf(file);
  CheckFolderToRead(folder);
  if (const int made = MakePrivateFile(file); made >= 0) {
    ::close(made);
  } else if (errno != EEXIST) {
    throw EnvironmentError(fmt::format("making {}: {}", file.string(), std::strerror(errno)),
                           "the user must be able to write to the folder of the logs");
  }
  for (const char* end : {"", "-wal", "-shm", "-journal"}) TightenFile(file.string() + end);
  return folder;
}

}  // namespace

StateStore::StateStore(const fs::path& folder, Clock& clock, const sql::WaitLimits& limits)
    : clock_(clock),
      session_(sql::Session::Open(UrlOf(Made(folder), limits), {.create = true})),
      process_(folder / kLockFile) {
  // What is lost by a power cut is only the account of a run.
  session_->Execute("PRAGMA synchronous = NORMAL");
  CheckIsOurs(*session_);
  MakeTables();
  CloseThoseOfTheDead();
}

std::unique_ptr<StateStore> StateStore::OpenIfThere(const fs::path& folder, Clock& clock) {
  std::error_code error;
  const bool is_there = fs::exists(folder / kFile, error);
  if (error) {
    throw EnvironmentError(
        fmt::format("looking for {}: {}", (folder / kFile).string(), error.message()),
        "run syncline as the user whose folder it is, or choose another one under `log:`");
  }
  if (!is_there) return nullptr;
  return std::make_unique<StateStore>(folder, clock);
}

void StateStore::MakeTables() {
  sql::Transaction transaction(*session_, sql::Session::Isolation::kWrite);
  session_->Execute(kTables);
  const auto columns = session_->Query("SELECT 1 FROM pragma_table_info('incidents')");
  if (columns.rows.size() == 4) session_->Execute(kMoreOfIncidents);
  transaction.Commit();
}

void StateStore::CloseThoseOfTheDead() {
  const auto found =
      session_->Query(sql::Format("SELECT DISTINCT process FROM runs WHERE {}", kOpen));
  for (const auto& row : found.rows) {
    const auto process = NumberOf(row.at(0));
    if (process_.IsAlive(process)) continue;
    session_->Change(sql::Format("UPDATE runs SET state = 'Failed', ended = $1, error = $2 "
                                 "WHERE process = {} AND {}",
                                 process, kOpen),
                     {Text(clock_.Now()), kProcessEnded});
  }
}

// Its number, which it gets when it first has something to note.
int64_t StateStore::OwnProcess() {
  if (process_.number() == 0) {
    const auto made = session_->Query("INSERT INTO processes(started) VALUES ($1) RETURNING id",
                                      {Text(clock_.Now())});
    process_.Be(NumberOf(made.rows.at(0).at(0)));
  }
  return process_.number();
}

int64_t StateStore::Begin(const RunRecord& run) {
  const std::lock_guard lock(mutex_);
  OwnProcess();
  const RunCounts& counts = run.counts;
  const auto made = session_->Query(
      sql::Format("INSERT INTO runs(pipeline, kind, state, process, started, ended, scheduled, "
                  "missed, polls, captured, applied, written, newer, conflicts, refused, error) "
                  "VALUES ($1, $2, $3, {}, $4, $5, $6, {}, {}, {}, {}, {}, {}, {}, {}, $7) "
                  "RETURNING id",
                  process_.number(), run.missed, counts.polls, counts.captured, counts.applied,
                  counts.written, counts.newer, counts.conflicts, counts.refused),
      {run.pipeline, run.kind, std::string(RunStateName(run.state)), Text(run.started),
       Text(run.ended), Text(run.scheduled), run.error});
  session_->Change(sql::Format("DELETE FROM runs WHERE pipeline = $1 AND kind = $2 AND id <= "
                               "(SELECT id FROM runs WHERE pipeline = $1 AND kind = $2 "
                               "ORDER BY id DESC LIMIT 1 OFFSET {})",
                               kRunsMax),
                   {run.pipeline, run.kind});
  return NumberOf(made.rows.at(0).at(0));
}

void StateStore::Update(const RunRecord& run) {
  const std::lock_guard lock(mutex_);
  const RunCounts& counts = run.counts;
  session_->Change(
      sql::Format("UPDATE runs SET state = $1, ended = $2, error = $3, polls = {}, captured = {}, "
                  "applied = {}, written = {}, newer = {}, conflicts = {}, refused = {} "
                  "WHERE id = {}",
                  counts.polls, counts.captured, counts.applied, counts.written, counts.newer,
                  counts.conflicts, counts.refused, run.id),
      {std::string(RunStateName(run.state)), Text(run.ended), run.error});
}

std::vector<RunRecord> StateStore::List(const std::vector<std::string>& pipelines, uint64_t limit) {
  const std::lock_guard lock(mutex_);
  sql::Sql condition;
  sql::Parameters names;
  for (const std::string& pipeline : pipelines) {
    names.push_back(pipeline);
    condition +=
        sql::Format("{}${}", condition.empty() ? sql::Sql(" WHERE pipeline IN (") : sql::Sql(", "),
                    names.size());
  }
  if (!condition.empty()) condition += ")";
  const auto found = session_->Query(
      sql::Format("SELECT {} FROM runs{} ORDER BY id DESC LIMIT {}", kColumns, condition, limit),
      names);
  std::vector<RunRecord> runs;
  for (const auto& row : found.rows) {
    RunRecord& run = runs.emplace_back(RunOf(row));
    if (!run.open() || process_.IsAlive(NumberOf(row[4]))) continue;
    run.state = RunState::kFailed;
    run.error = kProcessEnded;
  }
  return runs;
}

bool StateStore::Changed() {
  const std::lock_guard lock(mutex_);
  const std::string version = *session_->Query("PRAGMA data_version").rows.at(0).at(0);
  return std::exchange(seen_, version) != version;
}

std::set<std::string> StateStore::Paused() {
  const std::lock_guard lock(mutex_);
  std::set<std::string> paused;
  const auto found = session_->Query(
      sql::Format("SELECT substr(pipeline, 1, 1000) FROM paused LIMIT {}", kPausedMax));
  for (const auto& row : found.rows) paused.insert(row.at(0).value_or(""));
  return paused;
}

bool StateStore::Pause(const std::string& pipeline) {
  const std::lock_guard lock(mutex_);
  return session_->Change("INSERT OR IGNORE INTO paused VALUES ($1, $2)",
                          {pipeline, Text(clock_.Now())}) > 0;
}

bool StateStore::Resume(const std::string& pipeline) {
  const std::lock_guard lock(mutex_);
  return session_->Change("DELETE FROM paused WHERE pipeline = $1", {pipeline}) > 0;
}

std::optional<WallTime> StateStore::LastFiring(const std::string& pipeline,
                                               const std::string& kind) {
  const std::lock_guard lock(mutex_);
  const auto found =
      session_->Query("SELECT at FROM firings WHERE pipeline = $1 AND kind = $2", {pipeline, kind});
  if (found.rows.empty()) return {};
  return TimeOf(found.rows[0][0]);
}

void StateStore::NoteFiring(const std::string& pipeline, const std::string& kind, WallTime at) {
  const std::lock_guard lock(mutex_);
  session_->Change("INSERT OR REPLACE INTO firings VALUES ($1, $2, $3)",
                   {pipeline, kind, Text(at)});
}

bool StateStore::OpenIncident(const Incident& incident) {
  const std::lock_guard lock(mutex_);
  const auto& [pipeline, kind, since, error, hint, told] = incident;
  const auto opened =
      session_->Change(sql::Format("INSERT OR IGNORE INTO incidents(pipeline, kind, since, error, "
                                   "hint, told) VALUES ($1, $2, $3, $4, $5, {})",
                                   int{told}),
                       {pipeline, kind, Text(clock_.Now()), error, hint});
  if (opened > 0) return told;
  Restate(incident);
  return told && session_->Change(
                     "UPDATE incidents SET told = 1 "
                     "WHERE pipeline = $1 AND kind = $2 AND told = 0",
                     {pipeline, kind}) > 0;
}

void StateStore::RestateIncident(const Incident& incident) {
  const std::lock_guard lock(mutex_);
  Restate(incident);
}

void StateStore::Restate(const Incident& incident) {
  session_->Change("UPDATE incidents SET error = $3, hint = $4 WHERE pipeline = $1 AND kind = $2",
                   {incident.pipeline, incident.kind, incident.error, incident.hint});
}

bool StateStore::CloseIncident(const std::string& pipeline, const std::string& kind) {
  const std::lock_guard lock(mutex_);
  const auto closed = session_->Query(
      "DELETE FROM incidents WHERE pipeline = $1 AND kind = $2 RETURNING told", {pipeline, kind});
  return !closed.rows.empty() && closed.rows[0][0] == "1";
}

std::vector<Incident> StateStore::IncidentsOf(const std::string& pipeline) {
  const std::lock_guard lock(mutex_);
  const auto found = session_->Query(
      "SELECT pipeline, kind, since, substr(error, 1, 10000), substr(hint, 1, 10000), told FROM "
      "incidents WHERE pipeline = $1 "
      "ORDER BY since, kind",
      {pipeline});
  std::vector<Incident> incidents;
  for (const auto& row : found.rows) {
    const auto text = [&row](size_t i) { return row[i].value_or(""); };
    incidents.push_back({text(0), text(1), TimeOf(row[2]), text(3), text(4), row[5] == "1"});
  }
  return incidents;
}

// What is known of processes that have ended is not of interest any more, now that one works.
void StateStore::BeginWork(Work::Part part, const std::string& name, bool once) {
  const std::lock_guard lock(mutex_);
  const int64_t own = OwnProcess();
  const auto known = session_->Query("SELECT process FROM work WHERE part = $1 AND name = $2",
                                     {NameOf(part), name});
  for (const auto& row : known.rows) {
    const int64_t process = NumberOf(row[0]);
    if (process != own && process_.IsAlive(process)) continue;
    session_->Change(
        sql::Format("DELETE FROM work WHERE part = $1 AND name = $2 AND process = {}", process),
        {NameOf(part), name});
  }
  session_->Change(
      sql::Format("INSERT INTO work VALUES ($1, $2, {}, {}, $3, NULL)", own, int{once}),
      {NameOf(part), name, Text(clock_.Now())});
}

void StateStore::EndWork(Work::Part part, const std::string& name, Work::End end) {
  const std::lock_guard lock(mutex_);
  session_->Change(sql::Format("UPDATE work SET ended = $3 WHERE part = $1 AND name = $2 "
                               "AND process = {}",
                               process_.number()),
                   {NameOf(part), name, std::string(kEndNames[static_cast<size_t>(end)])});
}

std::optional<Work> StateStore::WorkOf(Work::Part part, const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = session_->Query(
      "SELECT process, once, since, ended FROM work WHERE part = $1 AND name = $2 "
      "ORDER BY since DESC, process DESC",
      {NameOf(part), name});
  std::optional<Work> last;
  for (const auto& row : found.rows) {
    Work work{.once = row[1] == "1", .since = TimeOf(row[2]), .end = EndOf(row[3].value_or(""))};
    work.is_alive = work.end == Work::End::kNone && process_.IsAlive(NumberOf(row[0]));
    if (work.is_alive) return work;
    if (!last) last = work;
  }
  return last;
}

bool StateStore::IsAtWorkElsewhere(Work::Part part, const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found =
      session_->Query("SELECT process FROM work WHERE part = $1 AND name = $2 AND ended IS NULL",
                      {NameOf(part), name});
  return std::ranges::any_of(found.rows, [&](const auto& row) {
    const int64_t process = NumberOf(row[0]);
    return process != process_.number() && process_.IsAlive(process);
  });
}

}  // namespace syncline::cli
