#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/sql/postgres/link/postgres_connection.h"
#include "engine/sql/postgres/rows/postgres_target_type.h"
#include "engine/sql/session.h"

namespace syncline::sql {

// Session::ExecuteEach and QueryEach for PostgreSQL: prepared once per text and session, then sent
// in libpq's pipeline mode, so that a round trip is paid per chunk and not per row. Borrows the
// connection. Belongs to the session's thread.
class PostgresPipeline {
 public:
  explicit PostgresPipeline(PostgresConnection& connection) : connection_(connection) {}

  std::vector<uint32_t> ExecuteEach(const Sql& sql, std::span<const Row* const> rows);
  std::vector<FirstRow> QueryEach(const Sql& sql, std::span<const Row* const> rows);

 private:
  struct Statement {
    std::string name;
    std::vector<TargetType> parameters;
  };

  // Gets the result for the row at `index`.
  using Sink = std::function<void(uint32_t index, PGresult* result)>;

  void Run(const Sql& sql, std::span<const Row* const> rows, const Sink& sink);
  const Statement& Prepare(const Sql& sql);
  void Send(const Statement& statement, const Row& row);
  void ReceiveChunk(uint32_t first, uint32_t count, const Sink& sink);

  PostgresConnection& connection_;
  std::map<Sql, Statement> statements_;
  std::string text_;  // the parameters of the row at hand, each ended by a zero byte
  std::vector<size_t> starts_;
  std::vector<const char*> values_;
  size_t queued_ = 0;  // bytes that libpq was given since the last Flush
};

}  // namespace syncline::sql
