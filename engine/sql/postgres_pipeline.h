#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/sql/postgres_connection.h"

namespace syncline::sql {

// Session::ExecuteEach for PostgreSQL: prepared once per text and session, then sent in libpq's
// pipeline mode, so that a round trip is paid per chunk and not per row. Borrows the connection.
class PostgresPipeline {
 public:
  explicit PostgresPipeline(PostgresConnection& connection) : connection_(connection) {}

  std::vector<uint32_t> ExecuteEach(const std::string& sql, std::span<const Row* const> rows);

 private:
  struct Statement {
    std::string name;
    std::vector<Oid> parameters;
  };

  const Statement& Prepare(const std::string& sql);
  void Send(const Statement& statement, const Row& row);
  void ReceiveChunk(uint32_t first, uint32_t count, std::vector<uint32_t>& unchanged);

  PostgresConnection& connection_;
  std::map<std::string, Statement, std::less<>> statements_;
  std::string text_;  // the parameters of the row at hand, each ended by a zero byte
  std::vector<size_t> starts_;
  std::vector<const char*> values_;
};

}  // namespace syncline::sql
