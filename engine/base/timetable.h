#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/base/cron.h"

namespace date {
class time_zone;
}

namespace syncline {

// When something is due: by a cron on the clock of a time zone, or again and again after a while.
// Plain value type; all of it pure.
//
// Where that clock is set forward or back, a cron goes by one of two rules:
//
// - One that names hours ("0 30 2 * * *") fires at the first moment at which the clock shows the
//   named time or a later one. So each named time comes exactly once: one that the clock skips
//   comes when it is set forward (several of them together), and one that it shows twice comes the
//   first time.
// - One for every hour ("0 */30 * * * *") fires whenever the clock shows a time that matches. So it
//   keeps its pace: in an hour that comes twice it goes on as in any other.
class Timetable {
 public:
  // `zone` by its name in the IANA database, "UTC", or "local" for the machine's own. Throws
  // UsageError when there is no such zone.
  static Timetable At(Cron cron, const std::string& zone);
  static Timetable Every(Microseconds interval);

  // The first moment after `after` at which it is due; nothing if there is none in fifty years.
  std::optional<WallTime> Next(WallTime after) const;

  // What was due after `after` and is so by `now`: when the last time, and how often, up to
  // kCountMax.
  struct Due {
    WallTime last;
    uint64_t times = 0;
  };
  static constexpr uint64_t kCountMax = 1000;
  std::optional<Due> DueBy(WallTime now, WallTime after) const;

  // "0 30 2 * * * Europe/Berlin", "every 86400 s".
  std::string Describe() const;

  bool operator==(const Timetable&) const = default;

 private:
  std::optional<Cron> cron_;
  std::string zone_name_;
  const date::time_zone* zone_ = nullptr;  // null: UTC
  Microseconds interval_{0};
};

}  // namespace syncline
