#pragma once

#include <map>
#include <string>
#include <vector>

#include "apply/state/conflict_table.h"
#include "apply/state/quarantine.h"
#include "engine/log/log_reader.h"
#include "tools/config/plan.h"
#include "tools/verify/verify_result.h"

namespace syncline::cli {

// A row that differs, and what the target's offset was then.
struct Differing {
  RowPair pair;
  Offset at;
};

// Says why rows differ: looks up what the log holds of them, and what the target's quarantine and
// its conflicts tell. Belongs to one thread; borrows everything.
class DivergenceDiagnosis {
 public:
  // `from`: no row differs at an offset before.
  DivergenceDiagnosis(LogReader& log, sql::Session& target, const PipelinePlan& pipeline,
                      Offset from);

  // First all rows are named, then everything is read.
  void Want(const ComparedTable& table, const std::vector<Differing>& rows);
  void Read();

  // Adds the rows of one table to `findings`; how many are left out because the log does not tell
  // what it held of them then.
  uint64_t Explain(TableComparison& comparison, const ComparedTable& table,
                   std::vector<Differing> rows, std::vector<DivergentRow>& findings) const;

 private:
  DivergentRow Judge(const ComparedTable& table, Differing row) const;
  void CompareWithLog(TableComparison& comparison, const ComparedTable& table,
                      std::vector<DivergentRow>& findings, size_t first) const;
  void Excuse(const ComparedTable& table, DivergentRow& finding) const;

  LogReader& log_;
  sql::Session& target_;
  const PipelinePlan& pipeline_;
  LogHistory history_;
  bool any_ = false;
  // By source table and key: what is refused.
  std::map<std::pair<TableName, std::string>, apply::ParkedChange> parked_;
  // By the target's table and the key as canonical JSON: the last conflict.
  std::map<std::pair<std::string, std::string>, apply::ConflictRecord> conflicts_;
};

}  // namespace syncline::cli
