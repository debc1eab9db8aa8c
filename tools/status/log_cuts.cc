#include "tools/status/log_cuts.h"

#include <fmt/format.h>

#include <functional>
#include <utility>

#include "capture/cursor/stored_cursor.h"
#include "engine/base/error.h"
#include "engine/base/on_restart.h"
#include "engine/model/cursor_delta.h"
#include "tools/support/duration.h"

namespace syncline::cli {
namespace {

// The log may be folded so often while it is read.
constexpr int kCutTriesMax = 10;

// Goes through the closed cuts until `take` says that it has seen enough.
class CutWalk {
 public:
  using Take = std::function<bool(const Cut&)>;

  CutWalk(LogReader& log, Take take) : log_(log), take_(std::move(take)) {}

  void Go() {
    const Offset begin = log_.begin(), end = log_.end();
    if (begin > Offset(0) && !TakeBase()) return;
    log_.Seek(begin);
    cursor_.clear();
    for (Offset at = begin; at < end;) {
      const std::optional<Frame> frame = log_.NextHeader();
      if (!frame) return;
      at = frame->header.end();
      if (!TakeFrame(frame->header)) return;
    }
  }

 private:
  bool TakeBase() {
    const BaseInfo base = log_.OpenBase()->info();
    return base.cut_open || take_({base.as_of, base.written_at});
  }

  bool TakeFrame(const FrameHeader& header) {
    cursor_ = header.has_whole_cursor() ? header.cursor : ApplyCursorDelta(cursor_, header.cursor);
    if (!header.closes_cut) return true;
    return take_({header.end(), capture::SourceTimeOf(cursor_).value_or(header.written_at)});
  }

  LogReader& log_;
  const Take take_;
  std::string cursor_;  // after the last frame
};

// `is_behind`: the cut lies behind the place. `may_end`: nothing that comes later lies before it.
CutsAround Walk(LogReader& log, const std::function<bool(const Cut&)>& is_behind, bool may_end) {
  return AgainOnRestart(kCutTriesMax, [&] {
    CutsAround cuts{.begin = log.begin(), .end = log.end()};
    const auto take = [&](const Cut& cut) {
      if (!is_behind(cut)) {
        cuts.before = cut;
        cuts.after.reset();
        return true;
      }
      if (!cuts.after) cuts.after = cut;
      return !may_end;
    };
    CutWalk(log, take).Go();
    return cuts;
  });
}

}  // namespace

std::string TellCut(const Cut& cut) {
  return fmt::format("the cut of {} by the source's clock", FormatTime(cut.time));
}

std::string CutsAround::TellBefore() const {
  if (!before) return "no cut is closed before it";
  return fmt::format("the cut before it ends at offset {} ({})", before->end.value(),
                     FormatTime(before->time));
}

std::string CutsAround::TellAfter() const {
  if (!after) return "no cut is closed after it yet";
  return fmt::format("the next cut ends at offset {} ({})", after->end.value(),
                     FormatTime(after->time));
}

CutsAround CutsAroundOffset(LogReader& log, Offset place) {
  return Walk(
      log, [place](const Cut& cut) { return cut.end > place; }, /*may_end=*/true);
}

// The source's clock may have been set back in between: all cuts are looked at.
CutsAround CutsAroundTime(LogReader& log, WallTime moment) {
  return Walk(
      log, [moment](const Cut& cut) { return cut.time > moment; }, /*may_end=*/false);
}

}  // namespace syncline::cli
