#pragma once

#include <sqlite3.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/sql/database_url.h"
#include "engine/sql/session.h"

namespace syncline::sql {

class SqliteConnection;

// One prepared statement whose parameters are written $1, $2 ... Borrows the connection, which must
// outlive it. Belongs to the session's thread.
class SqliteStatement {
 public:
  SqliteStatement(SqliteConnection& connection, const Sql& sql);
  SqliteStatement(SqliteStatement&&) = default;
  SqliteStatement& operator=(SqliteStatement&&) = default;

  sqlite3_stmt* handle() const { return handle_.get(); }
  // For SQLite "$2" is a name: the value for parameter `i` (from 1) is number parameters()[i - 1],
  // from 0.
  const std::vector<size_t>& parameters() const { return parameters_; }
  // How many values are needed: the highest number that occurs.
  size_t values_needed() const { return values_needed_; }

  // Parameters as text; throws UsageError when there are too few.
  void Bind(const Parameters& parameters);
  // The parameter at `index` of parameters(). Strings are borrowed until Reset; `scratch` is
  // reused.
  void Bind(size_t index, ValueView value, std::string& scratch);
  // True for a row, false at the end. After an error the statement is reset.
  bool Step();
  // Ready to be bound and stepped anew.
  void Reset();

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { ::sqlite3_finalize(statement); }
  };

  SqliteConnection* connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
  std::vector<size_t> parameters_;
  size_t values_needed_ = 0;
};

// One open SQLite file, with the settings that every session needs. Owns the handle.
//
// A statement is interrupted, and a lock waited for no longer, when the grace of a stop is over.
// Belongs to its session's thread.
class SqliteConnection {
 public:
  SqliteConnection(const DatabaseUrl& url, const SessionOptions& options);
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  sqlite3* handle() const { return handle_.get(); }
  const std::string& path() const { return path_; }
  const std::string& display() const { return display_; }

  // One or more statements without parameters or results.
  void Execute(const Sql& sql);
  // No trigger fires for what is written from here on; foreign keys are none.
  void QuietTriggers();
  // The error that the last call reported, translated by the table in README.md.
  Error LastError() const;
  // What an extended result code and its message would be as an error.
  Error ErrorOf(int code, const std::string& message) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const { ::sqlite3_close_v2(handle); }
  };

  void LookAtFile();
  void FinishWhatWasCutOff();
  void MakeWal();
  // SQLite's callbacks; `self` is the connection.
  static int OnBusy(void* self, int tries);
  static int OnProgress(void* self);

  const WaitLimits limits_;
  std::chrono::steady_clock::time_point busy_since_;
  const std::string path_;
  const std::string display_;
  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace syncline::sql
