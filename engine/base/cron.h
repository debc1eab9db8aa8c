#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace syncline {

// What a clock on the wall shows, whatever its zone: seconds since 1970-01-01 00:00:00 there.
using WallClock = std::chrono::local_seconds;

// Times as crontab(5) writes them, with seconds: which of all the times that a clock on the wall
// can show are meant. When they come in a time zone is Timetable's to say. Plain value type.
//
//   second minute hour day month weekday     or, without the first field, at second 0
//
// A field is `*` or `?` (every value), a value, a range `9-17`, each also with a step (`*/15`,
// `9-17/2`; `5/15` is `5-59/15`), or a list of those. Months and weekdays may be named by three
// letters; Sunday is 0 and 7. Where both day and weekday are restricted, either will do, and where
// one of them begins with `*` or `?`, both have to fit. @hourly, @daily, @midnight, @weekly,
// @monthly, @yearly and @annually stand for what they say.
class Cron {
 public:
  // Throws UsageError that names the field and what was expected there; also for what never comes,
  // such as 30 February.
  static Cron Parse(std::string_view text);

  bool Matches(WallClock time) const;
  // The first time in [from, until) that matches; nothing if there is none, or none in 50 years
  // from `from` on, after which everything has come that ever will.
  std::optional<WallClock> Next(WallClock from, WallClock until) const;

  // Whether no hour is left out.
  bool every_hour() const;
  // As it was written.
  const std::string& text() const { return text_; }

  bool operator==(const Cron&) const = default;

 private:
  bool MatchesDay(std::chrono::local_days day) const;
  std::optional<std::chrono::seconds> NextInDay(std::chrono::seconds from) const;

  std::string text_;
  // Bit n: the value n is meant.
  uint64_t seconds_ = 1, minutes_ = 0, hours_ = 0, days_ = 0, months_ = 0, weekdays_ = 0;
  bool either_day_ = false;  // the day or the weekday will do
};

}  // namespace syncline
