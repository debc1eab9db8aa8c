#include "apply/state/set_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "apply/state/own_tables.h"
#include "apply/state/progress.h"
#include "apply/state/quarantine.h"
#include "engine/base/error.h"
#include "engine/sql/session.h"

namespace syncline::apply {

void SetProgress(const sql::DatabaseUrl& target, const std::string& pipeline, const LogInfo& log,
                 Offset next) {
  const auto session = sql::Session::Open(target);
  sql::Transaction transaction(*session, sql::Session::Isolation::kWrite);
  std::optional<Progress> from;
  if (HoldOwnTable(*session, kProgressTable)) from = ReadProgress(*session, pipeline);
  if (!from) {
    throw UsageError(
        fmt::format("{} has no progress row for pipeline {}", target.display, pipeline),
        "`syncline apply` makes it when it applies the first changes.");
  }
  if (from->log_id != log.id.ToString()) {
    throw UsageError(
        fmt::format("the progress row of pipeline {} on {} belongs to log {}, not to {}", pipeline,
                    target.display, from->log_id, log.id.ToString()),
        "Offsets mean nothing in another log. Use the log that the row names.");
  }
  Progress to = *from;
  to.reached = std::max(std::min(from->reached, log.SharedUpTo(from->epoch)), next);
  to.epoch = log.epoch;
  to.next = next;
  to.frame_hash = 0;  // not known here; readers then skip the check of the chain once
  AdvanceProgress(*session, from, to);
  if (HoldOwnTable(*session, kQuarantineTable)) {
    CheckParked(*session, pipeline, log, target.display);
  }
  transaction.Commit();
}

}  // namespace syncline::apply
