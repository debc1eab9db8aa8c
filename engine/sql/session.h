#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/model/row.h"
#include "engine/model/schema.h"
#include "engine/sql/database_url.h"
#include "engine/sql/sql_text.h"
#include "engine/sql/table_info.h"

namespace syncline::sql {

// A small result, every field as the database's text; nothing for NULL.
struct ResultSet {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;
};

// The first row that a statement returned; nothing if it returned none.
using FirstRow = std::optional<std::vector<std::optional<std::string>>>;

using Parameters = std::vector<std::optional<std::string>>;

// How two values are compared; the numbers are those of a btree's strategies.
enum class Comparison { kLess = 1, kLessEqual, kEqual, kGreaterEqual, kGreater };
// "=", "<" ...
Sql Symbol(Comparison comparison);

struct SessionOptions {
  bool read_only = false;  // SQLite: opened read-only, so a missing file is an error
  bool create = false;     // SQLite: a missing file (not its folder) is made
  std::string application = "syncline";
};

// One connection to one database, PostgreSQL or SQLite, with what capture and apply need of it. The
// settings that change how values read and compare (time zone UTC, ISO dates, exact floats, UTF-8)
// are fixed at Open.
//
// A session and all it made belong to one thread at a time. It throws Error with the reaction that
// fits the driver's error: kRetry for a lost connection, a full disk, an unreachable or read-only
// server; kRestart for deadlock, serialization failure and lock timeout; kStop for the rest, with
// the database's own code. A database that is silent for url.limits.stall, and does not say that it
// is at work, is a lost connection; nothing waits longer than the grace of a stop. After an error
// inside a transaction only Rollback is allowed; after a lost connection the session is dead: open
// a new one.
class Session {
 public:
  enum class Isolation {
    kSnapshot,  // read-only; every statement sees the database at one moment
    kWrite,     // PostgreSQL: READ COMMITTED; SQLite: takes the write lock at once
  };

  // Connects. Wrong password, missing database or file, no permission: kStop, environment.
  static std::unique_ptr<Session> Open(const DatabaseUrl& url, const SessionOptions& options = {});

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  virtual ~Session() = default;

  virtual Dialect dialect() const = 0;
  // Names this database for ever, as well as can be told without privileges: "postgresql:<system
  // identifier>/<database>", "sqlite:<canonical path>".
  virtual std::string Identity() = 0;

  virtual void Begin(Isolation isolation) = 0;
  virtual void Commit() = 0;
  // Never throws for a transaction that is already gone.
  virtual void Rollback() noexcept = 0;

  // Within a transaction: checks now what constraints deferred to the commit would find. On
  // PostgreSQL they are not deferred any more afterwards.
  virtual void CheckDeferred() = 0;

  // One or more statements without parameters or results.
  virtual void Execute(const Sql& sql) = 0;
  // One statement with $1, $2 ... (in both dialects) in its text. The database gives a parameter
  // the type that its place asks for; where SQLite has nothing to go by (`$1 = 1`) it stays text.
  virtual ResultSet Query(const Sql& sql, const Parameters& parameters = {}) = 0;
  // One statement with $1, $2 ...; how many rows it changed.
  virtual uint64_t Change(const Sql& sql, const Parameters& parameters = {}) = 0;

  // User tables (and PostgreSQL views), sorted; system schemas and Syncline's own syncline_* tables
  // left out.
  virtual std::vector<TableName> ListTables() = 0;
  // Nothing if there is no such table, or it cannot be seen. Throws kStop if it may not be read.
  virtual std::optional<TableInfo> Describe(const TableName& table) = 0;
  // A session that only reads reads nothing but tables, until it is told that more is meant: then a
  // table that somebody puts a view in the place of is an error (55000), and nobody's function
  // runs. Outside of any transaction. PostgreSQL, where the server has
  // restrict_nonsystem_relation_kind (the minor releases from August 2024 on).
  virtual void MayRead(Reach) {}

  struct Read {
    const TableSchema& schema;  // which columns, in which order
    Sql where = {};             // condition; empty: all rows
    Sql order_by = {};          // list; empty: any order
    uint64_t limit = 0;         // 0: none
    // A row whose values take more than this is not read but told to `too_large`, with NULL for all
    // values outside of the key and the cursor; of types whose size is not stored, about as much.
    // Such a row counts for the limit, but not for what ReadRows returns; it may be told twice.
    // 0: none is too large.
    uint64_t row_bytes_max = 0;
    std::function<void(Row& row, uint64_t bytes)> too_large = {};
    // What is read instead of the schema's table with all that inherits from it, such as OwnRows
    // (table_info.h) of it; empty: that.
    Sql from = {};
    // A row with text that the database cannot give as UTF-8 is not read but told here, with NULL
    // for all values outside of the key and the cursor, and with which columns it is about in
    // words. `key_is_known`: otherwise the text of key columns is escaped, too. As with `too_large`,
    // it counts for the limit, and may be told twice. Within a transaction. Empty: it is an error.
    std::function<void(Row& row, const std::string& why, bool key_is_known)> unreadable = {};
  };
  // Streams rows in the schema's columns to `sink`, one at a time without keeping the result in
  // memory. The row may be moved from. An exception from the sink ends the stream and leaves the
  // session usable (after Rollback).
  using RowSink = std::function<void(Row& row)>;
  virtual uint64_t ReadRows(const Read& read, const RowSink& sink) = 0;

  // Inserts rows into `columns` of `table` as fast as the database can (PostgreSQL: COPY). Every
  // row has one value per column. Values are converted to the column's type by the table of types
  // in README.md; the first that cannot be is an error naming row and column.
  virtual void LoadRows(const TableName& table, const std::vector<std::string>& columns,
                        std::span<const Row* const> rows) = 0;
  // Executes `sql` once per row with the row's values as $1, $2 ... (SQLite: prepared; PostgreSQL:
  // prepared and pipelined). Returns the indexes of the rows for which it changed nothing,
  // ascending.
  virtual std::vector<uint32_t> ExecuteEach(const Sql& sql, std::span<const Row* const> rows) = 0;
  // The same for a statement that returns something: its first row for each of `rows`.
  virtual std::vector<FirstRow> QueryEach(const Sql& sql, std::span<const Row* const> rows) = 0;

  // The operator by which this database compares values of a column: "=" as it stands, or
  // OPERATOR("public".=) where the type's own is not the system's.
  virtual Sql Operator(const Column& column, Comparison comparison) = 0;

 protected:
  Session() = default;
};

// Session::Operator for equality, of each key column.
std::vector<Sql> KeyEquals(Session& session, const TableSchema& table);

// Begin, and Rollback unless Commit was called. Borrows the session.
class Transaction {
 public:
  Transaction(Session& session, Session::Isolation isolation) : session_(session) {
    session_.Begin(isolation);
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    if (!done_) session_.Rollback();
  }
  void Commit() {
    session_.Commit();
    done_ = true;
  }
  void Rollback() noexcept {
    session_.Rollback();
    done_ = true;
  }

 private:
  Session& session_;
  bool done_ = false;
};

}  // namespace syncline::sql
