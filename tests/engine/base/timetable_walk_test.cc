// Timetables against a walk through whole years, moment by moment, with the C library's own clock.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "engine/base/timetable.h"

namespace syncline {
namespace {

using namespace std::chrono;

// A cron as the sets of values that it means, and a text that says so.
struct Meant {
  std::set<int> seconds, minutes, hours, days, months, weekdays;
  bool day_restricted = false, weekday_restricted = false;
  std::string text;

  bool Matches(const std::tm& time) const {
    if (!seconds.contains(time.tm_sec) || !minutes.contains(time.tm_min) ||
        !hours.contains(time.tm_hour) || !months.contains(time.tm_mon + 1)) {
      return false;
    }
    const bool day = days.contains(time.tm_mday), weekday = weekdays.contains(time.tm_wday);
    return day_restricted && weekday_restricted ? day || weekday : day && weekday;
  }
};

class Maker {
 public:
  explicit Maker(uint64_t seed) : random_(seed) {}

  // With seconds, or at second 0 of some minutes.
  Meant Make(bool with_seconds) {
    Meant meant;
    bool ignored = false;
    meant.text = with_seconds ? Field(0, 59, 3, meant.seconds, ignored) + " " : "";
    if (!with_seconds) meant.seconds = {0};
    meant.text += Field(0, 59, 3, meant.minutes, ignored) + " ";
    meant.text += Field(0, 23, 2, meant.hours, ignored) + " ";
    meant.text += Field(1, 31, 2, meant.days, meant.day_restricted) + " ";
    meant.text += Field(1, 12, 1, meant.months, ignored) + " ";
    meant.text += Field(0, 6, 2, meant.weekdays, meant.weekday_restricted);
    return meant;
  }

 private:
  int Any(int least, int most) { return std::uniform_int_distribution(least, most)(random_); }

  // One in `of` is restricted.
  std::string Field(int least, int most, int of, std::set<int>& values, bool& restricted) {
    restricted = Any(1, of + 1) > 1 && Any(0, 1) == 0;
    if (!restricted) {
      const int step = Any(0, 2) == 0 ? Any(1, 3) * 5 : 1;
      for (int value = least; value <= most; value += step) values.insert(value);
      return step == 1 || step > most - least ? StarOf(least, most, values)
                                              : "*/" + std::to_string(step);
    }
    std::string text;
    for (int left = Any(1, 3); left > 0; --left) {
      const int first = Any(least, most), last = Any(first, most), step = Any(1, 4);
      const int limit = std::min(step, most - least + 1);
      for (int value = first; value <= last; value += limit) values.insert(value);
      text += (text.empty() ? "" : ",") + std::to_string(first) + "-" + std::to_string(last) + "/" +
              std::to_string(limit);
    }
    return text;
  }

  std::string StarOf(int least, int most, std::set<int>& values) {
    for (int value = least; value <= most; ++value) values.insert(value);
    return "*";
  }

  std::mt19937_64 random_;
};

// Every moment of a stretch of time, and what the C library's clock shows in a zone then.
struct Moment {
  time_t time;
  std::tm shows;
  time_t shown;  // the same as a number that grows with what is shown
};

std::vector<Moment> Walk(const char* zone, year_month_day from, days length, seconds step) {
  setenv("TZ", zone, 1);
  tzset();
  std::vector<Moment> moments;
  const time_t begin = sys_seconds(sys_days(from)).time_since_epoch().count();
  for (time_t time = begin; time < begin + seconds(length).count(); time += step.count()) {
    Moment moment{time, {}, 0};
    localtime_r(&time, &moment.shows);
    std::tm copy = moment.shows;
    moment.shown = timegm(&copy);
    moments.push_back(moment);
  }
  unsetenv("TZ");
  tzset();
  return moments;
}

// By the two rules as Timetable's comment says them.
std::vector<time_t> Expected(const Meant& meant, const std::vector<Moment>& moments, seconds step) {
  std::vector<time_t> firings;
  time_t latest = moments.front().shown;
  for (size_t i = 1; i < moments.size(); ++i) {
    bool fires = false;
    if (meant.hours.size() == 24) {
      fires = meant.Matches(moments[i].shows);
    } else {
      for (time_t shown = latest + step.count(); shown <= moments[i].shown && !fires;
           shown += step.count()) {
        std::tm parts{};
        gmtime_r(&shown, &parts);
        fires = meant.Matches(parts);
      }
    }
    latest = std::max(latest, moments[i].shown);
    if (fires) firings.push_back(moments[i].time);
  }
  return firings;
}

std::vector<time_t> Found(const Meant& meant, const char* zone,
                          const std::vector<Moment>& moments) {
  const Timetable timetable = Timetable::At(Cron::Parse(meant.text), zone);
  std::vector<time_t> firings;
  const auto at = [](time_t time) { return WallTime(seconds(time)); };
  for (auto next = timetable.Next(at(moments.front().time));
       next && *next <= at(moments.back().time); next = timetable.Next(*next)) {
    firings.push_back(duration_cast<seconds>(next->time_since_epoch()).count());
  }
  return firings;
}

// Also from moments that are no firing's, such as one that the clock shows for the second time.
void ExpectNextOfAnyMoment(const Meant& meant, const char* zone, const std::vector<Moment>& moments,
                           const std::vector<time_t>& firings) {
  const Timetable timetable = Timetable::At(Cron::Parse(meant.text), zone);
  for (size_t i = 1; i < moments.size(); i += moments.size() / 2'000 + 1) {
    const auto next = std::ranges::upper_bound(firings, moments[i].time);
    if (next == firings.end()) return;
    ASSERT_EQ(timetable.Next(WallTime(seconds(moments[i].time))), WallTime(seconds(*next)))
        << "after " << moments[i].time;
  }
}

struct Stretch {
  const char* zone;
  year_month_day from;
};

// Fails when a time that the clock skips is left out or comes late, when one that it shows twice
// comes twice, when a span's end is taken for the next one's, and when a change of half an hour or
// of a day is not looked for.
TEST(TimetableWalkTest, AWholeYearMinuteByMinute) {
  Maker maker(20261129);
  for (const Stretch& stretch :
       {Stretch{"Europe/Berlin", 2026y / 1 / 1}, Stretch{"America/New_York", 2026y / 1 / 1},
        Stretch{"Australia/Lord_Howe", 2026y / 1 / 1}, Stretch{"Pacific/Apia", 2011y / 1 / 2},
        Stretch{"Africa/Casablanca", 2026y / 1 / 1}}) {
    const auto moments = Walk(stretch.zone, stretch.from, days(366), minutes(1));
    size_t firings = 0;
    for (int i = 0; i < 30; ++i) {
      const Meant meant = maker.Make(false);
      SCOPED_TRACE(std::string(stretch.zone) + ": " + meant.text);
      std::vector<time_t> expected;
      try {
        Cron::Parse(meant.text);
        expected = Expected(meant, moments, minutes(1));
      } catch (const std::exception&) {
        continue;  // it never comes
      }
      ASSERT_EQ(Found(meant, stretch.zone, moments), expected);
      ExpectNextOfAnyMoment(meant, stretch.zone, moments, expected);
      firings += expected.size();
    }
    EXPECT_GT(firings, 10'000u) << stretch.zone;
  }
}

TEST(TimetableWalkTest, TheDaysOfTheChangesSecondBySecond) {
  Maker maker(29112026);
  for (const Stretch& stretch :
       {Stretch{"Europe/Berlin", 2026y / 3 / 28}, Stretch{"Europe/Berlin", 2026y / 10 / 24},
        Stretch{"America/New_York", 2026y / 3 / 7}, Stretch{"America/New_York", 2026y / 10 / 31},
        Stretch{"Australia/Lord_Howe", 2026y / 4 / 4},
        Stretch{"Australia/Lord_Howe", 2026y / 10 / 3}, Stretch{"Pacific/Apia", 2011y / 12 / 29}}) {
    const auto moments = Walk(stretch.zone, stretch.from, days(3), seconds(1));
    for (int i = 0; i < 20; ++i) {
      const Meant meant = maker.Make(true);
      SCOPED_TRACE(std::string(stretch.zone) + ": " + meant.text);
      try {
        Cron::Parse(meant.text);
      } catch (const std::exception&) {
        continue;
      }
      const std::vector<time_t> expected = Expected(meant, moments, seconds(1));
      ASSERT_EQ(Found(meant, stretch.zone, moments), expected);
      ExpectNextOfAnyMoment(meant, stretch.zone, moments, expected);
    }
  }
}

}  // namespace
}  // namespace syncline
