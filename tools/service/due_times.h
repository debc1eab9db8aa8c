#pragma once

#include <optional>

#include "engine/base/timetable.h"

namespace syncline::cli {

// When something that has a timetable is to be done, whatever becomes of the machine's clock: each
// time that the timetable has comes once. Those that were missed, because nobody looked or the
// clock was set forward, come together as one; those that a clock shows again after it was set back
// have come already. Decides only; belongs to one thread.
class DueTimes {
 public:
  // A clock that is set back by more than this had been wrong: the times that it seemed to have
  // reached do not count.
  static constexpr Microseconds kSetBackMost = std::chrono::hours(48);

  // `last`: the last time that was seen to, maybe by a process before; none: now is the beginning.
  DueTimes(Timetable timetable, std::optional<WallTime> last, WallTime now)
      : timetable_(std::move(timetable)), last_(last.value_or(now)) {}

  // What is due by now, and has not come yet.
  std::optional<Timetable::Due> Take(WallTime now) {
    if (last_ - now > kSetBackMost) last_ = now;
    const std::optional<Timetable::Due> due = timetable_.DueBy(now, last_);
    if (due) last_ = due->last;
    return due;
  }

  // When it comes next; nothing: never.
  std::optional<WallTime> Next() const { return timetable_.Next(last_); }
  // The last time that has come, or the beginning.
  WallTime last() const { return last_; }

 private:
  const Timetable timetable_;
  WallTime last_;
};

}  // namespace syncline::cli
