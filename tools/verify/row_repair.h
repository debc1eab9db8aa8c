#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "apply/batch/batch.h"
#include "capture/polling/capture_orders.h"
#include "engine/base/clock.h"
#include "engine/base/logger.h"
#include "tools/config/plan.h"
#include "tools/status/log_history.h"
#include "tools/verify/verification.h"
#include "tools/verify/verify_result.h"

namespace syncline::cli {

// What is done about a row that differs.
enum class RepairStep {
  kWrite,      // the target's row becomes the log's
  kRecapture,  // the log gets the source's row, and apply brings it
  kBoth,       // the first, then the second
  kLeave,      // nothing: a person has to decide, or to do something first
};

struct RepairOptions {
  bool conflicts = false;   // also rows that a conflict has left as the target had them
  bool keep_extra = false;  // not rows that only the target has
};

// Pure.
RepairStep RepairFor(const DivergentRow& finding, const RepairOptions& options);

// A row of the target that is to become what the log has.
struct RowToWrite {
  std::shared_ptr<const TableSchema> schema;  // of the source, for rows that the log never had
  Row key;                                    // in the source's form
};

// Steps that give rows the states that the log had before `at`, whatever the target holds: deleted
// where it had none. Rows of which the history does not know are left out. Pure.
std::vector<apply::TableChanges> StepsAt(const LogHistory& history,
                                         std::span<const RowToWrite> rows, Offset at);

// Mends what a Verification has found. Belongs to one thread; borrows everything.
class RowRepair {
 public:
  RowRepair(const SourcePlan& source, const PipelinePlan& pipeline, Verification& verification,
            const RepairOptions& options, Clock& clock, std::shared_ptr<Logger> logger);

  struct Result {
    uint64_t written = 0;              // rows of the target
    uint64_t recaptured = 0;           // rows that were read again at the source
    std::vector<std::string> refused;  // by the target: why
  };
  Result Run(const VerifyResult& findings);

 private:
  std::vector<RowToWrite> RowsToWrite(const VerifyResult& findings) const;
  void Write(const VerifyResult& findings, Result& result);
  std::vector<capture::RowKeys> RowsToReadAgain(const VerifyResult& findings) const;

  const SourcePlan& source_;
  const PipelinePlan& pipeline_;
  Verification& verification_;
  const RepairOptions options_;
  Clock& clock_;
  const std::shared_ptr<Logger> logger_;
};

}  // namespace syncline::cli
