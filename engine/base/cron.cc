#include "engine/base/cron.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <span>
#include <utility>
#include <vector>

#include "engine/base/error.h"

namespace syncline {
namespace {

using namespace std::chrono;

struct Field {
  std::string_view name;
  int least, most;
  std::span<const std::string_view> names;  // of the values from first_name on
  int first_name = 0;
};

constexpr std::string_view kMonths[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                        "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::string_view kWeekdays[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};
constexpr Field kFields[] = {{"second", 0, 59, {}},        {"minute", 0, 59, {}},
                             {"hour", 0, 23, {}},          {"day of the month", 1, 31, {}},
                             {"month", 1, 12, kMonths, 1}, {"weekday", 0, 7, kWeekdays, 0}};

constexpr std::pair<std::string_view, std::string_view> kWords[] = {
    {"@hourly", "0 0 * * * *"},   {"@daily", "0 0 0 * * *"},   {"@midnight", "0 0 0 * * *"},
    {"@weekly", "0 0 0 * * 0"},   {"@monthly", "0 0 0 1 * *"}, {"@yearly", "0 0 0 1 1 *"},
    {"@annually", "0 0 0 1 1 *"},
};

// Leap years leave a weekday of 29 February out for 40 years at most.
constexpr years kAllHasCome{50};

std::vector<std::string_view> Split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  for (size_t at = 0;;) {
    const size_t end = std::min(text.find_first_of(separators, at), text.size());
    parts.push_back(text.substr(at, end - at));
    if (end == text.size()) return parts;
    at = end + 1;
  }
}

bool IsStar(std::string_view text) { return text == "*" || text == "?"; }

std::string Expected(const Field& field) {
  std::string text =
      "a number from " + std::to_string(field.least) + " to " + std::to_string(field.most);
  if (!field.names.empty()) {
    text += " or a name (" + std::string(field.names.front()) + " to " +
            std::string(field.names.back()) + ")";
  }
  return text;
}

// One field's text as the bits of its values.
class FieldParser {
 public:
  FieldParser(std::string_view whole, const Field& field) : whole_(whole), field_(field) {}

  uint64_t Parse(std::string_view text) {
    uint64_t bits = 0;
    for (const std::string_view item : Split(text, ",")) bits |= Item(item);
    return bits;
  }

 private:
  [[noreturn]] void Refuse(std::string_view text, const std::string& expected) const {
    throw UsageError("cron \"" + std::string(whole_) + "\": the " + std::string(field_.name) +
                         " is \"" + std::string(text) + "\", expected " + expected,
                     "fields: second minute hour day month weekday; five of them begin with the "
                     "minute");
  }

  std::optional<int> Number(std::string_view text) const {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    // from_chars takes a sign.
    if (error != std::errc() || end != text.data() + text.size() || text.front() == '-') return {};
    return number;
  }

  int Value(std::string_view text) const {
    std::string upper(text);
    for (char& c : upper) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    const auto name = std::ranges::find(field_.names, upper);
    if (name != field_.names.end()) {
      return static_cast<int>(name - field_.names.begin()) + field_.first_name;
    }
    const std::optional<int> number = Number(text);
    if (!number || *number < field_.least || *number > field_.most) {
      Refuse(text, Expected(field_));
    }
    return *number;
  }

  uint64_t Item(std::string_view item) const {
    const std::vector<std::string_view> parts = Split(item, "/");
    if (parts.size() > 2) Refuse(item, "at most one step, such as */15");
    int first = field_.least, last = field_.most, step = 1;
    if (field_.most == 7) last = 6;  // Sunday once
    if (!IsStar(parts[0])) {
      const std::vector<std::string_view> ends = Split(parts[0], "-");
      if (ends.size() > 2) Refuse(item, "a range of two values, such as 1-5");
      first = Value(ends[0]);
      if (ends.size() == 2) {
        last = Value(ends[1]);
      } else if (parts.size() == 1) {
        last = first;
      }
      if (field_.most == 7 && ends.size() == 2 && last == 0 && first > 0) last = 7;
      if (last < first && ends.size() == 2)
        Refuse(item, "a range whose first value is the smaller");
      last = std::max(last, first);
    }
    if (parts.size() == 2) {
      const std::optional<int> number = Number(parts[1]);
      const int most = field_.most - field_.least + 1;
      if (!number || *number < 1 || *number > most) {
        Refuse(item, "a step from 1 to " + std::to_string(most));
      }
      step = *number;
    }
    uint64_t bits = 0;
    for (int value = first; value <= last; value += step) {
      bits |= uint64_t{1} << (field_.most == 7 ? value % 7 : value);
    }
    return bits;
  }

  const std::string_view whole_;
  const Field& field_;
};

// The lowest bit from `from` on; nothing if there is none.
std::optional<int> NextBit(uint64_t bits, int from) {
  const uint64_t rest = from > 63 ? 0 : bits >> from << from;
  if (rest == 0) return {};
  return std::countr_zero(rest);
}

}  // namespace

Cron Cron::Parse(std::string_view text) {
  std::string_view written = text;
  for (const auto& [word, meaning] : kWords) {
    if (text == word) written = meaning;
  }
  std::vector<std::string_view> parts = Split(written, " \t");
  std::erase(parts, std::string_view());
  if (parts.size() != 5 && parts.size() != 6) {
    throw UsageError("cron \"" + std::string(text) + "\" has " + std::to_string(parts.size()) +
                         " fields, expected six: second minute hour day month weekday, or five "
                         "without the second",
                     "such as \"0 */30 * * * *\", \"*/30 * * * *\", @hourly, @daily, @weekly, "
                     "@monthly or @yearly");
  }
  Cron cron;
  cron.text_ = text;
  uint64_t* const bits[] = {&cron.seconds_, &cron.minutes_, &cron.hours_,
                            &cron.days_,    &cron.months_,  &cron.weekdays_};
  const size_t first = std::size(bits) - parts.size();
  for (size_t i = 0; i < parts.size(); ++i) {
    *bits[first + i] = FieldParser(text, kFields[first + i]).Parse(parts[i]);
  }
  const auto restricted = [&](size_t field) { return !IsStar(parts[field - first].substr(0, 1)); };
  cron.either_day_ = restricted(3) && restricted(5);
  constexpr local_days kSomeDay{year(2000) / 1 / 1};
  if (!cron.Next(kSomeDay, WallClock::max())) {
    throw UsageError("cron \"" + std::string(text) +
                         "\" never comes: no month that it names has "
                         "such a day",
                     "correct the day of the month or the month");
  }
  return cron;
}

bool Cron::every_hour() const { return hours_ == (uint64_t{1} << 24) - 1; }

bool Cron::MatchesDay(local_days day) const {
  const year_month_day date(day);
  const auto has = [](uint64_t bits, unsigned value) { return (bits >> value & 1) != 0; };
  if (!has(months_, unsigned(date.month()))) return false;
  const bool by_day = has(days_, unsigned(date.day()));
  const bool by_weekday = has(weekdays_, weekday(day).c_encoding());
  return either_day_ ? by_day || by_weekday : by_day && by_weekday;
}

bool Cron::Matches(WallClock time) const {
  const local_days day = floor<days>(time);
  return MatchesDay(day) && NextInDay(time - day) == time - day;
}

std::optional<seconds> Cron::NextInDay(seconds from) const {
  const hh_mm_ss start(from);
  auto hour = NextBit(hours_, static_cast<int>(start.hours().count()));
  int minute_from = 0, second_from = 0;
  if (hour == start.hours().count()) {
    minute_from = static_cast<int>(start.minutes().count());
    second_from = static_cast<int>(start.seconds().count());
  }
  while (hour) {
    auto minute = NextBit(minutes_, minute_from);
    if (minute && *minute != minute_from) second_from = 0;
    while (minute) {
      if (const auto second = NextBit(seconds_, second_from)) {
        return hours(*hour) + minutes(*minute) + seconds(*second);
      }
      minute = NextBit(minutes_, *minute + 1);
      second_from = 0;
    }
    hour = NextBit(hours_, *hour + 1);
    minute_from = second_from = 0;
  }
  return {};
}

std::optional<WallClock> Cron::Next(WallClock from, WallClock until) const {
  const local_days first = floor<days>(from);
  const local_days last = std::min(floor<days>(until), first + ceil<days>(kAllHasCome));
  seconds in_day = from - first;
  for (local_days day = first; day <= last; in_day = seconds(0)) {
    const year_month_day date(day);
    if ((months_ >> unsigned(date.month()) & 1) == 0) {
      day = local_days(date.year() / date.month() / 1 + months(1));
      continue;
    }
    if (MatchesDay(day)) {
      if (const auto time = NextInDay(in_day)) {
        const WallClock found = day + *time;
        if (found >= until) return {};
        return found;
      }
    }
    day += days(1);
  }
  return {};
}

}  // namespace syncline
