#include "engine/base/timetable.h"

#include <date/tz.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "engine/base/error.h"

namespace syncline {
namespace {

using namespace std::chrono;

// A time for which the clock is not set.
struct Span {
  sys_seconds begin, end;
  seconds offset;  // of the wall's clock from UTC

  WallClock Shows(sys_seconds time) const { return WallClock((time + offset).time_since_epoch()); }
  sys_seconds WhenItShows(WallClock shown) const {
    return sys_seconds(shown.time_since_epoch() - offset);
  }
};

// Further than this no clock is set at once: a zone that changes sides of the date line.
constexpr hours kSetMost{48};
// The library's zones begin and end tens of thousands of years away, where sums still fit.
constexpr sys_seconds kEverBegan{seconds(-1'000'000'000'000)};
constexpr sys_seconds kNeverEnds{seconds(900'000'000'000)};

Span SpanAt(const date::time_zone* zone, sys_seconds time) {
  if (zone == nullptr) return {kEverBegan, kNeverEnds, seconds(0)};
  const date::sys_info info = zone->get_info(time);
  return {info.begin, info.end, info.offset};
}

// The latest time that the wall's clock has shown by then.
WallClock LatestShown(const date::time_zone* zone, sys_seconds time) {
  Span span = SpanAt(zone, time);
  WallClock latest = span.Shows(time);
  const sys_seconds oldest = time - kSetMost;
  while (span.begin > oldest) {
    span = SpanAt(zone, span.begin - seconds(1));
    latest = std::max(latest, span.Shows(span.end - seconds(1)));
  }
  return latest;
}

// The first moment after `after` at which the clock shows that or a later time.
sys_seconds Reaches(const date::time_zone* zone, sys_seconds after, WallClock time) {
  for (sys_seconds from = after + seconds(1);;) {
    const Span span = SpanAt(zone, from);
    if (span.Shows(from) >= time) return from;
    const sys_seconds there = span.WhenItShows(time);
    if (there < span.end) return there;
    from = span.end;
  }
}

std::optional<sys_seconds> NextShown(const date::time_zone* zone, const Cron& cron,
                                     sys_seconds after) {
  const sys_seconds last = after + years(50);
  for (sys_seconds from = after + seconds(1); from < last;) {
    const Span span = SpanAt(zone, from);
    if (const auto shown = cron.Next(span.Shows(from), span.Shows(std::min(span.end, last)))) {
      return span.WhenItShows(*shown);
    }
    from = span.end;
  }
  return {};
}

std::optional<sys_seconds> NextReached(const date::time_zone* zone, const Cron& cron,
                                       sys_seconds after) {
  const auto named = cron.Next(LatestShown(zone, after) + seconds(1), WallClock::max());
  if (!named) return {};
  return Reaches(zone, after, *named);
}

}  // namespace

Timetable Timetable::At(Cron cron, const std::string& zone) {
  Timetable timetable;
  timetable.cron_ = std::move(cron);
  timetable.zone_name_ = zone;
  if (zone == "UTC") return timetable;
  try {
    timetable.zone_ = zone == "local" ? date::current_zone() : date::locate_zone(zone);
  } catch (const std::exception& error) {
    throw UsageError("the time zone \"" + zone + "\" is not known on this machine",
                     "a name such as Europe/Berlin, UTC, or local for the machine's own; the "
                     "package tzdata has the zones");
  }
  return timetable;
}

Timetable Timetable::Every(Microseconds interval) {
  Timetable timetable;
  timetable.interval_ = interval;
  return timetable;
}

std::optional<WallTime> Timetable::Next(WallTime after) const {
  if (!cron_) return after + interval_;
  const sys_seconds whole = floor<seconds>(after);
  return cron_->every_hour() ? NextShown(zone_, *cron_, whole) : NextReached(zone_, *cron_, whole);
}

std::optional<Timetable::Due> Timetable::DueBy(WallTime now, WallTime after) const {
  Due due;
  WallTime at = after;
  for (; due.times < kCountMax; ++due.times) {
    const std::optional<WallTime> next = Next(at);
    if (!next || *next > now) break;
    at = due.last = *next;
  }
  if (due.times == 0) return {};
  if (due.times < kCountMax) return due;
  if (!cron_) {
    due.last = after + (now - after) / interval_ * interval_;
    return due;
  }
  // Too many to go through: the last one is looked for from shortly before `now` on.
  for (Microseconds back = minutes(1); at + back < now; back *= 60) {
    std::optional<WallTime> next = Next(now - back);
    if (!next || *next > now) continue;
    for (; next && *next <= now; next = Next(*next)) due.last = *next;
    return due;
  }
  for (auto next = Next(at); next && *next <= now; next = Next(*next)) due.last = *next;
  return due;
}

std::string Timetable::Describe() const {
  if (cron_) return cron_->text() + " " + zone_name_;
  return "every " + std::to_string(duration_cast<seconds>(interval_).count()) + " s";
}

}  // namespace syncline
