#include "engine/sql/sqlite/sqlite_connection.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <thread>

#include "engine/sql/sqlite/sqlite_functions.h"
#include "engine/sql/sqlite/sqlite_refusal.h"
#include "engine/sql/sqlite/sqlite_values.h"

namespace syncline::sql {
namespace {

using std::chrono::steady_clock;

constexpr auto kBusyTimeout = std::chrono::seconds(10);
// Steps of SQLite's machine between two looks for a stop: about a tenth of a millisecond.
constexpr int kStepsBetweenLooks = 10'000;
// No value that is read or written is longer: twice the largest row that max_row may allow, and
// some more. A view or a generated column of a few bytes can ask for a gigabyte.
constexpr int kValueBytesMax = 320 << 20;

// Opening a FIFO or a device may wait for ever, and reading a device may never end.
void RequireFile(const std::string& path, const std::string& display) {
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) {
    std::error_code unknown;  // what cannot be looked at: opening will tell
    const auto status = std::filesystem::status(path + suffix, unknown);
    if (unknown || !std::filesystem::exists(status) || std::filesystem::is_regular_file(status)) {
      continue;
    }
    throw EnvironmentError(
        display + ": " + path + suffix + " is not a file but " +
            (std::filesystem::is_directory(status) ? "a folder" : "a device, a pipe or a socket"),
        "Check the path in the address: a SQLite database is an ordinary file.");
  }
}

struct SqliteRule {
  int code;  // SQLite's primary result code
  std::string_view name;
  Reaction reaction;
  Cause cause;
  std::string_view hint;
  Condition condition = Condition::kOther;
};

constexpr SqliteRule kSqliteRules[] = {
    {SQLITE_BUSY, "SQLITE_BUSY", Reaction::kRestart, Cause::kRuntime,
     "Another program writes to the file; the work starts over.", Condition::kLockTimeout},
    {SQLITE_LOCKED, "SQLITE_LOCKED", Reaction::kRestart, Cause::kRuntime,
     "Another statement holds the table; the work starts over.", Condition::kLockTimeout},
    {SQLITE_FULL, "SQLITE_FULL", Reaction::kRetry, Cause::kEnvironment,
     "Make room on the disk; Syncline goes on by itself then."},
    {SQLITE_IOERR, "SQLITE_IOERR", Reaction::kRetry, Cause::kEnvironment,
     "The disk did not do what it was asked: see the system's log."},
    {SQLITE_NOMEM, "SQLITE_NOMEM", Reaction::kRetry, Cause::kEnvironment, "Memory is short."},
    {SQLITE_INTERRUPT, "STOPPED", Reaction::kRetry, Cause::kEnvironment,
     "Nothing is half done; the next start goes on from there.", Condition::kStopped},
    {SQLITE_CANTOPEN, "SQLITE_CANTOPEN", Reaction::kStop, Cause::kEnvironment,
     "Check the path, that its folder exists, and that this user may read and write both.",
     Condition::kNoSuchDatabase},
    {SQLITE_READONLY, "SQLITE_READONLY", Reaction::kStop, Cause::kEnvironment,
     "This user needs to write to the file and to its folder (for the -wal and -shm files)."},
    {SQLITE_PERM, "SQLITE_PERM", Reaction::kStop, Cause::kEnvironment,
     "Check who may read and write the file."},
    {SQLITE_NOTADB, "SQLITE_NOTADB", Reaction::kStop, Cause::kEnvironment,
     "The file is something else than a SQLite 3 database (or an encrypted one): check the path.",
     Condition::kNotADatabase},
    {SQLITE_CORRUPT, "SQLITE_CORRUPT", Reaction::kDamage, Cause::kEnvironment,
     "The database file is damaged: try `sqlite3 FILE .recover`, or go back to a backup."},
    {SQLITE_ERROR, "SQLITE_ERROR", Reaction::kStop, Cause::kRuntime,
     "What the statement names is not there (any more), or is of another kind: `syncline check` "
     "compares the tables with the configuration."},
    {SQLITE_CONSTRAINT, "SQLITE_CONSTRAINT", Reaction::kStop, Cause::kRuntime,
     "A row breaks a rule of the table."},
    {SQLITE_MISMATCH, "SQLITE_MISMATCH", Reaction::kStop, Cause::kRuntime,
     "A value does not fit the column's type."},
    {SQLITE_TOOBIG, "SQLITE_TOOBIG", Reaction::kStop, Cause::kRuntime,
     "A value or row is larger than may be read or written (max_row, or 320 MiB)."},
};

// What a program left when it was cut off in the middle of a transaction is in the way of a session
// that may only read. Connecting again mends it.
constexpr SqliteRule kUnfinished = {
    SQLITE_READONLY, "SQLITE_READONLY", Reaction::kRetry, Cause::kEnvironment,
    "A program was cut off in the middle of a transaction, which has to be rolled back first: let "
    "a program that may write the file open it, or give this user write access to the file and "
    "its folder; Syncline goes on by itself then."};

bool IsUnfinished(int extended_code) {
  return extended_code == SQLITE_READONLY_ROLLBACK || extended_code == SQLITE_READONLY_RECOVERY ||
         extended_code == SQLITE_READONLY_CANTINIT;
}

// What SQLite tells by its extended code or its words only; else `usual`.
Condition ConditionOf(int extended_code, const std::string& message, Condition usual) {
  const auto says = [&message](std::string_view words) {
    return message.find(words) != std::string::npos;
  };
  switch (extended_code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return Condition::kUniqueViolation;
    case SQLITE_ERROR:
      if (says("no such table")) return Condition::kNoSuchRelation;
      if (says("no such function")) return Condition::kNoSuchObject;
      if (says("ON CONFLICT clause does not match") || says("cannot UPSERT a view")) {
        return Condition::kNoMatchingKey;
      }
      return usual;
    default:
      return usual;
  }
}

Error Translate(int extended_code, const std::string& message) {
  if (IsUnfinished(extended_code)) {
    return {kUnfinished.reaction, kUnfinished.cause, message, std::string(kUnfinished.hint),
            std::string(kUnfinished.name)};
  }
  const int code = extended_code & 0xff;
  const bool is_there = message.find("duplicate column name") != message.npos ||
                        message.find("already exists") != message.npos;
  if (code == SQLITE_ERROR && is_there) {
    return {Reaction::kStop, Cause::kRuntime, message,
            "Something of that name is in the file already, for names that differ only by upper "
            "and lower case are one in SQLite: `syncline check` compares the tables with the "
            "configuration; give one of the two another name.",
            "SQLITE_ERROR"};
  }
  for (const SqliteRule& rule : kSqliteRules) {
    if (rule.code == code) {
      return {rule.reaction,
              rule.cause,
              message,
              std::string(rule.hint),
              std::string(rule.name),
              ConditionOf(extended_code, message, rule.condition)};
    }
  }
  return {Reaction::kStop, Cause::kRuntime, message, {}, "SQLite " + std::to_string(code)};
}

// The file may be anybody's: what its schema says is data. No statement writes to the schema or to
// a virtual table's insides, opens another file, or loads code. Damaged pages are found when they
// are read.
void Harden(sqlite3* handle) {
  ::sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  ::sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  ::sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
  ::sqlite3_exec(handle, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0", nullptr, nullptr,
                 nullptr);
}

// Nothing that runs by itself (a view, a trigger, a default, an index over an expression) may use a
// function or virtual table that SQLite does not call harmless. SQLite 3.40 does not say so of its
// JSON functions and of FTS, which people's schemas do use: such a schema is trusted. Of what is in
// this process nothing does harm then.
void TrustTheSchemaNoMoreThanNeeded(sqlite3* handle) {
  constexpr char kUses[] =
      "SELECT 1 FROM sqlite_schema WHERE sql LIKE '%json%' OR sql LIKE '%->%' "
      "OR sql LIKE 'CREATE VIRTUAL TABLE%'";
  sqlite3_stmt* uses = nullptr;
  ::sqlite3_prepare_v2(handle, kUses, -1, &uses, nullptr);
  const int trusted = uses != nullptr && ::sqlite3_step(uses) != SQLITE_DONE ? 1 : 0;
  ::sqlite3_finalize(uses);
  ::sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, trusted, nullptr);
}

}  // namespace

SqliteStatement::SqliteStatement(SqliteConnection& connection, const Sql& sql)
    : connection_(&connection) {
  sqlite3_stmt* handle = nullptr;
  if (::sqlite3_prepare_v3(connection.handle(), sql.c_str(), static_cast<int>(sql.text().size()),
                           SQLITE_PREPARE_PERSISTENT, &handle, nullptr) != SQLITE_OK) {
    throw connection.LastError();
  }
  handle_.reset(handle);
  const int count = ::sqlite3_bind_parameter_count(handle);
  for (int i = 1; i <= count; ++i) {
    const char* text = ::sqlite3_bind_parameter_name(handle, i);
    const std::string_view name = text == nullptr ? "?" : text;
    size_t number = 0;
    std::from_chars(name.data() + 1, name.data() + name.size(), number);
    if (name[0] != '$' || number == 0) {
      throw UsageError("parameter `" + std::string(name) +
                       "` of a statement is not written as $1, $2 ...");
    }
    parameters_.push_back(number - 1);
    values_needed_ = std::max(values_needed_, number);
  }
}

void SqliteStatement::Bind(const Parameters& parameters) {
  if (parameters.size() < values_needed_) {
    throw UsageError("a statement needs more parameters than were given");
  }
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const auto& value = parameters[parameters_[i]];
    if (!value.has_value()) continue;  // a parameter that is not bound is NULL
    if (::sqlite3_bind_text64(handle(), static_cast<int>(i + 1), value->data(), value->size(),
                              SQLITE_TRANSIENT, SQLITE_UTF8) != SQLITE_OK) {
      throw connection_->LastError();
    }
  }
}

void SqliteStatement::Bind(size_t index, ValueView value, std::string& scratch) {
  if (BindValue(handle(), static_cast<int>(index + 1), value, scratch) != SQLITE_OK) {
    throw connection_->LastError();
  }
}

bool SqliteStatement::Step() {
  const int status = ::sqlite3_step(handle());
  if (status == SQLITE_ROW) return true;
  if (status == SQLITE_DONE) return false;
  const Error error = connection_->LastError();
  Reset();
  throw error;
}

void SqliteStatement::Reset() {
  ::sqlite3_reset(handle());
  ::sqlite3_clear_bindings(handle());
}

SqliteConnection::SqliteConnection(const DatabaseUrl& url, const SessionOptions& options)
    : limits_(url.limits), path_(url.connection), display_(url.display) {
  RequireFile(path_, display_);
  std::error_code unknown;  // a folder that may not be read: opening will tell
  const bool exists = std::filesystem::exists(path_, unknown);
  if (!exists && !unknown && !options.create) {
    throw Error(Reaction::kStop, Cause::kEnvironment, display_ + ": there is no such file",
                "Check the path in the address.", {}, Condition::kNoSuchFile);
  }
  // NOMUTEX: a session belongs to one thread.
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (options.create && !options.read_only) flags |= SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int status = ::sqlite3_open_v2(path_.c_str(), &handle, flags, nullptr);
  handle_.reset(handle);
  if (status != SQLITE_OK) throw LastError();

  ::sqlite3_busy_handler(handle, &OnBusy, this);
  ::sqlite3_progress_handler(handle, kStepsBetweenLooks, &OnProgress, this);
  // Otherwise a misspelt "column" silently reads as the string 'column'.
  ::sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  Harden(handle);
  AddStampFunctions(handle);
  AddPrintFunctions(handle);
  LookAtFile();
  TrustTheSchemaNoMoreThanNeeded(handle);
  ::sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, kValueBytesMax);
  if (!options.read_only) {
    if (!exists) MakeWal();
    Execute("PRAGMA foreign_keys = ON; PRAGMA synchronous = EXTRA");
  }
}

// As sqlite3_busy_timeout does it, but for the stop. Not 0: the lock is tried again.
int SqliteConnection::OnBusy(void* self, int tries) {
  constexpr std::array<int, 12> kWaitsMs = {1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100};
  auto& connection = *static_cast<SqliteConnection*>(self);
  const auto now = steady_clock::now();
  if (tries == 0) connection.busy_since_ = now;
  const bool is_over = now - connection.busy_since_ >= kBusyTimeout;
  if (is_over || OnProgress(self) != 0) return 0;
  const size_t wait = std::min<size_t>(static_cast<size_t>(tries), kWaitsMs.size() - 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(kWaitsMs[wait]));
  return 1;
}

// Not 0: the statement is interrupted.
int SqliteConnection::OnProgress(void* self) {
  const auto& stop = static_cast<SqliteConnection*>(self)->limits_.stop;
  return stop != nullptr && stop->over() ? 1 : 0;
}

// Opening alone does not look at the file.
void SqliteConnection::LookAtFile() {
  static constexpr char kLook[] = "SELECT count(*) FROM sqlite_schema";
  if (::sqlite3_exec(handle(), kLook, nullptr, nullptr, nullptr) == SQLITE_OK) return;
  if (IsUnfinished(::sqlite3_extended_errcode(handle()))) FinishWhatWasCutOff();
  Execute(kLook);
}

// Whoever may write the file rolls the transaction back by reading. A failure is told by the next
// look.
void SqliteConnection::FinishWhatWasCutOff() {
  sqlite3* handle = nullptr;
  ::sqlite3_open_v2(path_.c_str(), &handle, SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE, nullptr);
  ::sqlite3_busy_timeout(handle, static_cast<int>(std::chrono::milliseconds(kBusyTimeout).count()));
  ::sqlite3_exec(handle, "SELECT count(*) FROM sqlite_schema", nullptr, nullptr, nullptr);
  ::sqlite3_close(handle);
}

void SqliteConnection::MakeWal() {
  try {
    Execute("PRAGMA journal_mode = WAL");
  } catch (const Error& error) {
    // Another process is making the same file just now, and puts it into that mode. SQLite does not
    // wait here.
    if (error.reaction() != Reaction::kRestart) throw;
  }
}

void SqliteConnection::QuietTriggers() {
  ::sqlite3_db_config(handle(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
}

void SqliteConnection::Execute(const Sql& sql) {
  if (::sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    throw LastError();
  }
}

Error SqliteConnection::LastError() const {
  return ErrorOf(::sqlite3_extended_errcode(handle()), ::sqlite3_errmsg(handle()));
}

Error SqliteConnection::ErrorOf(int code, const std::string& message) const {
  Error error = Translate(code, display_ + ": " + message);
  if (auto refusal = SqliteRefusal(code, message)) error.SetRefusal(*std::move(refusal));
  return error;
}

}  // namespace syncline::sql
