#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/sql/database_mark.h"
#include "engine/sql/session.h"
#include "engine/sql/sqlite/sqlite_connection.h"

namespace syncline::sql {

// A Session with a SQLite file. A file that it makes is in WAL mode, so that readers and the writer
// do not wait for each other; a file that is there keeps its mode. synchronous = EXTRA: a commit
// that was acknowledged survives a power cut. Threads: as Session says.
class SqliteSession : public Session {
 public:
  SqliteSession(const DatabaseUrl& url, const SessionOptions& options)
      : connection_(url, options) {}

  Dialect dialect() const override { return Dialect::kSqlite; }
  std::string Identity() override;
  DatabaseMark Mark();  // for MarkOf
  void QuietTriggers() { connection_.QuietTriggers(); }

  void Begin(Isolation isolation) override;
  void Commit() override;
  void Rollback() noexcept override;
  void CheckDeferred() override;

  void Execute(const Sql& sql) override;
  ResultSet Query(const Sql& sql, const Parameters& parameters) override;
  uint64_t Change(const Sql& sql, const Parameters& parameters) override;

  std::vector<TableName> ListTables() override;
  std::optional<TableInfo> Describe(const TableName& table) override;

  uint64_t ReadRows(const Read& read, const RowSink& sink) override;
  void LoadRows(const TableName& table, const std::vector<std::string>& columns,
                std::span<const Row* const> rows) override;
  std::vector<uint32_t> ExecuteEach(const Sql& sql, std::span<const Row* const> rows) override;
  std::vector<FirstRow> QueryEach(const Sql& sql, std::span<const Row* const> rows) override;
  Sql Operator(const Column& column, Comparison comparison) override;

 private:
  // The rows that a statement has given before it had to be begun anew.
  struct Passed {
    uint64_t rows = 0;
    Fingerprint last = {};
  };

  // Leaves out what has passed; how many rows there are with these. Throws StopError when the last
  // of them is not where it was.
  uint64_t Stream(const Read& read, const Passed& passed, const RowSink& sink);
  // Hands the statement to `run`, bound to one row after the other.
  using Run = std::function<void(uint32_t index, SqliteStatement& statement)>;
  void ForEach(const Sql& sql, std::span<const Row* const> rows, const Run& run);
  SqliteStatement& Prepared(const Sql& sql);

  SqliteConnection connection_;
  std::string written_;                        // DatabaseMark::written, as of the last mark
  std::map<Sql, SqliteStatement> statements_;  // before connection_ goes
};

}  // namespace syncline::sql
