#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apply/state/progress.h"
#include "engine/base/clock.h"
#include "engine/base/logger.h"
#include "engine/log/log_reader.h"
#include "engine/sql/session.h"
#include "tools/config/plan.h"
#include "tools/verify/table_comparison.h"
#include "tools/verify/verify_result.h"

namespace syncline::cli {

// Compares source, log and target of one pipeline in one cut, beside whatever runs. README.md has
// the argument why what it reports is so.
//
// A cut is a snapshot T of the target, which shows the target's offset M; then a snapshot S of the
// source; then a poll of the source, after which the log ends at N. A row that differs between S
// and T is in flight if the log has a change of it in [M, N): apply has yet to bring it. Otherwise
// the two have come apart, which a second cut has to confirm. Rows in flight are looked at again,
// by their keys, when the target has reached N.
//
// Belongs to one thread (which starts another one to read both sides at once); borrows the clock.
class Verification {
 public:
  struct Options {
    Microseconds wait = std::chrono::seconds(5);  // for a target that does not move
    std::optional<TableComparison::By> by = {};   // none: as far as the databases are away
    TableComparison::Limits limits = {};
  };

  // Connects and looks at the tables: those of the pipeline, or only `table`, by its name at the
  // source. Throws UsageError when there is no such table, when the pipeline was never applied, or
  // for what keeps it from being synced; EnvironmentError when there is no log.
  Verification(const SourcePlan& source, const PipelinePlan& pipeline, const std::string& table,
               Options options, Clock& clock, std::shared_ptr<Logger> logger);
  ~Verification();

  // Everything.
  VerifyResult Run();
  // Only the rows that differ in `before`, as they are now. Its tables are this object's.
  VerifyResult Again(const VerifyResult& before);

  const std::vector<ComparedTable>& tables() const { return tables_; }
  LogReader& log() { return *log_; }

 private:
  // A row that differs in the last cut that looked at it.
  struct Open {
    size_t table = 0;
    RowPair pair;
    Offset at, end;  // M and N of that cut
    int seen = 0;    // differing, and not in flight
    bool in_flight = false;
  };

  void TakeCut();
  void EndCut();
  std::deque<Open> FindAll(VerifyResult& findings);
  void Keep(size_t table, std::vector<RowPair> pairs, VerifyResult& findings,
            std::deque<Open>& open) const;
  void Settle(std::deque<Open> open, VerifyResult& findings);
  void Mark(std::deque<Open>& open);
  std::deque<Open> LookAgain(std::deque<Open> open, VerifyResult& findings);
  bool WaitForTarget(Offset end);
  void Explain(std::deque<Open> open, VerifyResult& findings);

  const SourcePlan& source_plan_;
  const PipelinePlan& pipeline_;
  const Options options_;
  Clock& clock_;
  const std::shared_ptr<Logger> logger_;

  std::unique_ptr<LogReader> log_;
  std::unique_ptr<sql::Session> source_, target_, forms_;
  std::vector<ComparedTable> tables_;
  std::deque<TableComparison> comparisons_;  // parallel to tables_

  // The cut at hand.
  std::optional<sql::Transaction> in_target_, in_source_;
  apply::Progress progress_;
  Offset end_;
};

}  // namespace syncline::cli
