#include "engine/model/stamp_form.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "engine/model/calendar.h"
#include "engine/model/value_text.h"

namespace syncline {
namespace {

using Kind = StampForm::Kind;

constexpr std::array<std::string_view, 14> kNames = {
    "day",     "minute",      "second",   "far",  "unix-s", "unix-ms", "unix-us",
    "unix-ns", "julian-days", "calendar", "zero", "number", "text",    "nothing"};

constexpr std::array<std::string_view, 14> kDescriptions = {"YYYY-MM-DD",
                                                            "YYYY-MM-DD HH:MM",
                                                            "YYYY-MM-DD HH:MM:SS",
                                                            "years before 1 or after 9999",
                                                            "Unix seconds",
                                                            "Unix milliseconds",
                                                            "Unix microseconds",
                                                            "Unix nanoseconds",
                                                            "Julian days",
                                                            "numbers YYYYMMDD",
                                                            "zero",
                                                            "numbers",
                                                            "text that is no time",
                                                            "no text and no number"};

// The lengths of "2026-01-31", "2026-01-31 23:59" and "2026-01-31 23:59:59".
constexpr std::array<size_t, 3> kLengths = {10, 16, 19};
constexpr int64_t kMinuteUs = 60'000'000;

int64_t FloorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

std::string TwoDigits(int number) { return (number < 10 ? "0" : "") + std::to_string(number); }

std::string Zone(int minutes) {
  if (minutes == 0) return "";
  const int size = std::abs(minutes);
  return (minutes < 0 ? "-" : "+") + TwoDigits(size / 60) + ":" + TwoDigits(size % 60);
}

Value WriteIso(const StampForm& form, int64_t us) {
  const int64_t local = us + form.offset_minutes * kMinuteUs;
  std::string text = ToText(Value(ValueView::Timestamp(local)));
  const size_t length = kLengths[static_cast<size_t>(form.kind)];
  if (text.size() < kLengths.back() || text[4] != '-' || text.ends_with(" BC")) return Value();
  text.resize(length);
  if (form.kind != Kind::kDay) text[10] = form.separator;
  return Value(ValueView::Text(text));
}

ValueView WriteNumber(Kind kind, int64_t us) {
  const int64_t unix_us = us - kUnixEpochUs;
  switch (kind) {
    case Kind::kSeconds:
      return ValueView::Int(FloorDivide(unix_us, 1'000'000));
    case Kind::kMilliseconds:
      return ValueView::Int(FloorDivide(unix_us, 1'000));
    case Kind::kMicroseconds:
      return ValueView::Int(unix_us);
    case Kind::kNanoseconds:
      return ValueView::Int(unix_us * 1'000);
    case Kind::kJulianDay:
      return ValueView::Double(static_cast<double>(FloorDivide(us, 1'000)) / 86'400'000.0 +
                               kJulianEpoch);
    default: {
      const CivilDate date = CivilFromDays(FloorDivide(us, kMicrosecondsPerDay));
      return ValueView::Int(date.year * 10'000 + date.month * 100 + date.day);
    }
  }
}

}  // namespace

std::string Describe(const StampForm& form) {
  std::string text(kDescriptions[static_cast<size_t>(form.kind)]);
  if (form.is_iso() && form.kind != Kind::kDay) text[10] = form.separator;
  text += Zone(form.offset_minutes);
  if (form.is_text && !form.is_iso()) text += " as text";
  return text;
}

std::string NameOf(const StampForm& form) {
  std::string name(kNames[static_cast<size_t>(form.kind)]);
  if (form.separator == 'T') name += "/T";
  if (form.is_text) name += "/text";
  if (form.offset_minutes != 0) name += "/" + std::to_string(form.offset_minutes);
  return name;
}

std::optional<StampForm> StampFormNamed(std::string_view name) {
  const auto part = [&name] {
    const size_t end = std::min(name.find('/'), name.size());
    const std::string_view first = name.substr(0, end);
    name.remove_prefix(std::min(end + 1, name.size()));
    return first;
  };
  StampForm form;
  const std::string_view kind = part();
  size_t place = 0;
  while (place < kNames.size() && kNames[place] != kind) ++place;
  if (place == kNames.size()) return std::nullopt;
  form.kind = static_cast<Kind>(place);
  if (form.kind == Kind::kMinute || form.kind == Kind::kSecond) form.separator = ' ';
  while (!name.empty()) {
    const std::string_view word = part();
    if (word == "T") {
      form.separator = 'T';
    } else if (word == "text") {
      form.is_text = true;
    } else {
      const auto [end, error] =
          std::from_chars(word.data(), word.data() + word.size(), form.offset_minutes);
      if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
    }
  }
  return form;
}

Value WriteStamp(const StampForm& form, int64_t us) {
  // What lies further than any year that a form can hold.
  constexpr int64_t kFarUs = 8'000 * 366 * kMicrosecondsPerDay;
  if (!form.is_moment() || form.kind == Kind::kFar || us < -kFarUs || us > kFarUs) return Value();
  if (form.is_iso()) return WriteIso(form, us);
  if (form.kind == Kind::kZero) return Value(ValueView::Int(0));
  const ValueView number = WriteNumber(form.kind, us);
  return form.is_text ? Value(ValueView::Text(ToText(number))) : Value(number);
}

}  // namespace syncline
