#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/sql/session.h"
#include "tools/config/plan.h"
#include "tools/verify/compared_table.h"
#include "tools/verify/table_comparison.h"

namespace syncline::cli {

// A row that the two databases of a pipeline of two directions do not have alike.
struct ReplicaDifference {
  RowPair pair;             // `source` is the first database's, `target` the second's
  bool first_wins = false;  // if the two meet for the first time; a row on one side wins, too
};

struct ReplicaTable {
  const ComparedTable* table = nullptr;
  uint64_t equal = 0;
  uint64_t in_flight = 0;  // differed, and were still being changed
  std::vector<ReplicaDifference> rows;
  uint64_t unread = 0;  // rows among which there are more that differ, beyond the limits

  // How many the first database has and the second lacks, the other way round, and both have in
  // different states.
  uint64_t first_only() const;
  uint64_t second_only() const;
  uint64_t differing() const { return rows.size() - first_only() - second_only(); }
};

struct ReplicaResult {
  std::string pipeline, first, second;  // names
  std::vector<ReplicaTable> tables;
  bool equal() const;
};

// Compares the two databases of a pipeline of two directions, beside whatever runs; changes
// nothing. Rows that differ are looked at again until they are equal, or have been the same on both
// sides for `wait`: those are different; the rest is in flight. So a pipeline that does not run,
// and has something to bring, is told as different. Belongs to one thread; borrows the clock.
class ReplicaComparison {
 public:
  // `pipeline`: the one of the two directions that leads from the first to the second; `name`: of
  // both together. `table`: as Verification's.
  ReplicaComparison(const PipelinePlan& pipeline, std::string name, const std::string& table,
                    Clock& clock);

  ReplicaResult Run(Microseconds wait);

 private:
  struct Open {
    ReplicaDifference difference;
    Microseconds since{0};
  };
  void Look();
  std::deque<Open> LookAgain(size_t table, const std::deque<Open>& before, uint64_t& equal);
  bool FirstWins(const ComparedTable& table, const RowPair& pair) const;

  const PipelinePlan& pipeline_;
  const std::string name_;
  Clock& clock_;
  std::unique_ptr<sql::Session> first_, second_, forms_;
  NodeId first_id_, second_id_;
  std::vector<NodeId> prefer_;
  std::vector<ComparedTable> tables_;
  std::deque<TableComparison> comparisons_;  // parallel to tables_
  std::optional<sql::Transaction> in_first_, in_second_;
};

}  // namespace syncline::cli
