#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/model/row.h"
#include "engine/sql/session.h"
#include "tools/verify/compared_table.h"

namespace syncline::cli {

// How a target stores rows: puts them into a temporary table with the columns of the target's own
// table, by the statements that apply writes with, and reads them back. So whatever the database
// does to a value (rounds it to numeric(10,2), pads it, gives it another type) is done here too,
// and two values are equal when the target could not tell them apart.
//
// Belongs to the session's thread, which must not be in a transaction; the temporary table is made
// when it is needed, and goes with what it was needed for, or with the session. Borrows both.
class TargetNormalizer {
 public:
  // `number` tells this temporary table from the session's others. The target's table is there.
  TargetNormalizer(sql::Session& session, const ComparedTable& table, size_t number);

  // Runs parallel to `rows`, each of the table's compared columns; nothing for a row that the
  // target's types refuse.
  std::vector<std::optional<Row>> Of(std::span<const Row> rows);

 private:
  void ThroughStage(std::span<const Row* const> rows, std::vector<std::optional<Row>>& stored);
  void Store(std::span<const Row> rows, size_t first, std::vector<std::optional<Row>>& stored);

  sql::Session& session_;
  const ComparedTable& table_;
  TableSchema stage_;  // the compared columns, then the row's number
  std::vector<std::string> columns_;
  sql::Sql create_;
  bool is_made_ = false;  // SQLite
};

}  // namespace syncline::cli
