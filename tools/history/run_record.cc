#include "tools/history/run_record.h"

#include <fmt/format.h>

#include "tools/support/terminal.h"

namespace syncline::cli {
namespace {

constexpr std::string_view kNames[] = {"Idle",   "Queued",    "InProgress", "Done",
                                       "Failed", "Cancelled", "Skipped",    "Paused"};

}  // namespace

std::string_view RunStateName(RunState state) { return kNames[static_cast<size_t>(state)]; }

std::optional<RunState> RunStateOf(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<RunState>(i);
  }
  return {};
}

RunCounts RunCounts::operator-(const RunCounts& other) const {
  return {.polls = polls - other.polls,
          .captured = captured - other.captured,
          .applied = applied - other.applied,
          .written = written - other.written,
          .newer = newer - other.newer,
          .conflicts = conflicts - other.conflicts,
          .refused = refused - other.refused};
}

std::string Outcome(const RunRecord& run) {
  if (!run.error.empty()) return run.error;
  if (run.kind == "verify") return run.state == RunState::kDone ? "equal" : "";
  if (run.kind == "capture") {
    return fmt::format("captured {} changes", FormatCount(run.counts.captured));
  }
  std::string text = fmt::format("synced {} rows", FormatCount(run.counts.written));
  if (run.counts.newer > 0) {
    text += fmt::format(", {} existing rows newer, skipped", FormatCount(run.counts.newer));
  }
  if (run.counts.conflicts > 0) {
    text += fmt::format(", {} conflicts", FormatCount(run.counts.conflicts));
  }
  if (run.counts.refused > 0) text += fmt::format(", {} refused", FormatCount(run.counts.refused));
  return text;
}

}  // namespace syncline::cli
