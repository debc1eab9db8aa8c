#include "tools/status/run_report.h"

#include "tools/support/duration.h"

namespace syncline::cli {

Json RunJson(const RunRecord& run) {
  const auto time = [](const std::optional<WallTime>& at) {
    return at ? Json(FormatTime(*at)) : Json(nullptr);
  };
  return {{"id", run.id},
          {"pipeline", run.pipeline},
          {"kind", run.kind},
          {"state", RunStateName(run.state)},
          {"started_at", FormatTime(run.started)},
          {"ended_at", time(run.ended)},
          {"scheduled_for", time(run.scheduled)},
          {"missed", run.missed},
          {"polls", run.counts.polls},
          {"captured", run.counts.captured},
          {"applied", run.counts.applied},
          {"rows_written", run.counts.written},
          {"rows_newer", run.counts.newer},
          {"conflicts", run.counts.conflicts},
          {"refused", run.counts.refused},
          {"error", run.error.empty() ? Json(nullptr) : Json(run.error)}};
}

}  // namespace syncline::cli
