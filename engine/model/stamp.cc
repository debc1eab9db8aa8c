#include "engine/model/stamp.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "engine/model/calendar.h"
#include "engine/model/time_text.h"
#include "engine/model/value_text.h"

namespace syncline {
namespace {

using Kind = StampForm::Kind;

constexpr int64_t kDaysMax = std::numeric_limits<int64_t>::max() / kMicrosecondsPerDay;
constexpr size_t kFractionDigitsMax = 30;

// The sizes by which numbers are told apart. Seconds reach from 1973 to 5138, and so do their
// thousandths, on either side of 1970; calendar numbers and Julian days from 1900 to 2199.
constexpr double kSecondsMin = 1e8;
constexpr double kSecondsEnd = 1e11;
constexpr double kMillisecondsEnd = 1e14;
constexpr double kMicrosecondsEnd = 1e17;
constexpr double kJulianMin = 2'415'020.5;
constexpr double kJulianEnd = 2'524'593.5;
constexpr double kBeyond = 1e19;    // what 64 bits do not hold
constexpr double kExactEnd = 9e15;  // below it a double holds every whole number
constexpr int64_t kCalendarMin = 19'000'101;
constexpr int64_t kCalendarMax = 21'991'231;

bool IsInfinite(int64_t time) { return time == kNegativeInfinity || time == kPositiveInfinity; }

// The day that a moment falls on.
int64_t DayOf(int64_t us) {
  if (IsInfinite(us)) return us;
  return us / kMicrosecondsPerDay - (us % kMicrosecondsPerDay < 0 ? 1 : 0);
}

// The first moment of a day, as far as days are moments.
int64_t MomentOfDay(int64_t day) {
  if (IsInfinite(day)) return day;
  return std::clamp(day, -kDaysMax, kDaysMax) * kMicrosecondsPerDay;
}

struct Number {
  bool is_whole = true;
  bool is_real = false;  // however whole: Julian days are
  int64_t whole = 0;
  double real = 0;

  long double value() const {
    return is_whole ? static_cast<long double>(whole) : static_cast<long double>(real);
  }
};

// A number that is written as one: digits, and perhaps a sign and a fraction.
std::optional<Number> ReadNumber(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789.-") != std::string_view::npos ||
      text.front() == '.' || text.back() == '.') {
    return std::nullopt;
  }
  Number number;
  const char* const end = text.data() + text.size();
  number.is_real = text.find('.') != std::string_view::npos;
  number.is_whole = !number.is_real;
  const auto [at, error] = number.is_whole ? std::from_chars(text.data(), end, number.whole)
                                           : std::from_chars(text.data(), end, number.real);
  if (at != end || (error != std::errc() && error != std::errc::result_out_of_range)) {
    return std::nullopt;
  }
  if (error == std::errc::result_out_of_range) {
    // Many digits: a version, but no moment.
    number.is_whole = false;
    number.real = text.front() == '-' ? -kBeyond : kBeyond;
  }
  return number;
}

std::optional<Number> NumberOf(ValueView value) {
  switch (value.type()) {
    case Type::kInt:
      return Number{.whole = value.as_int()};
    case Type::kDouble: {
      const double real = value.as_double();
      if (!std::isfinite(real)) return std::nullopt;
      if (real == std::floor(real) && std::abs(real) < kExactEnd) {
        return Number{.is_real = true, .whole = static_cast<int64_t>(real)};
      }
      return Number{.is_whole = false, .is_real = true, .real = real};
    }
    case Type::kText:
    case Type::kDecimal:
    case Type::kOther:
      return ReadNumber(value.as_string());
    default:
      return std::nullopt;
  }
}

std::optional<CivilDate> CalendarDate(int64_t number) {
  if (number < kCalendarMin || number > kCalendarMax) return std::nullopt;
  const CivilDate date{number / 10'000, static_cast<int>(number / 100 % 100),
                       static_cast<int>(number % 100)};
  return IsValid(date) ? std::optional(date) : std::nullopt;
}

// 20260131235959, which as milliseconds would be a moment of the year 2612.
bool IsCalendarTime(int64_t number) {
  const int64_t time = number % 1'000'000;
  return CalendarDate(number / 1'000'000) && time / 10'000 < 24 && time / 100 % 100 < 60 &&
         time % 100 < 60;
}

Kind KindOf(const Number& number) {
  const double size = std::abs(static_cast<double>(number.value()));
  if (size == 0) return Kind::kZero;
  if (number.is_whole && CalendarDate(number.whole)) return Kind::kCalendar;
  if (number.is_whole && IsCalendarTime(number.whole)) return Kind::kNumber;
  if (number.is_real && number.value() >= kJulianMin && number.value() < kJulianEnd) {
    return Kind::kJulianDay;
  }
  if (size < kSecondsMin) return Kind::kNumber;
  if (size < kSecondsEnd) return Kind::kSeconds;
  if (size < kMillisecondsEnd) return Kind::kMilliseconds;
  if (size < kMicrosecondsEnd) return Kind::kMicroseconds;
  return number.is_whole ? Kind::kNanoseconds : Kind::kNumber;
}

int64_t Scaled(const Number& number, int64_t us) {
  if (number.is_whole) return number.whole * us;
  const double floor = std::floor(number.real);
  return static_cast<int64_t>(floor) * us +
         std::llround((number.real - floor) * static_cast<double>(us));
}

int64_t MomentOf(Kind kind, const Number& number) {
  switch (kind) {
    case Kind::kSeconds:
      return kUnixEpochUs + Scaled(number, 1'000'000);
    case Kind::kMilliseconds:
      return kUnixEpochUs + Scaled(number, 1'000);
    case Kind::kMicroseconds:
      return kUnixEpochUs + Scaled(number, 1);
    case Kind::kNanoseconds:
      return kUnixEpochUs + number.whole / 1'000 - (number.whole % 1'000 < 0 ? 1 : 0);
    case Kind::kCalendar:
      return DaysFromCivil(*CalendarDate(number.whole)) * kMicrosecondsPerDay;
    case Kind::kJulianDay:
      // To the millisecond, as SQLite reads it: further digits are noise of the fraction.
      return std::llround((static_cast<double>(number.value()) - kJulianEpoch) * 86'400'000.0) *
             1'000;
    default:
      return kUnixEpochUs;
  }
}

std::optional<Stamp> ReadIso(std::string_view text) {
  Scanner scanner(text);
  CivilDate date;
  if (!ScanDate(scanner, date) || date.year > 9999 || !IsValid(date)) return std::nullopt;
  Stamp stamp{.us = DaysFromCivil(date) * kMicrosecondsPerDay, .form = {.kind = Kind::kDay}};
  if (scanner.done()) return stamp;
  const char separator = scanner.TakeAny("Tt ");
  TimeOfDay time;
  if (separator == 0 || !ScanTimeOfDay(scanner, kFractionDigitsMax, time)) return std::nullopt;
  stamp.form.separator = separator;
  stamp.form.kind = time.has_seconds ? Kind::kSecond : Kind::kMinute;
  stamp.us += time.us;
  if (scanner.done()) return stamp;
  scanner.Take(" ");
  int64_t offset_us = 0;
  if (!scanner.Take("UTC") && !ScanZone(scanner, offset_us)) return std::nullopt;
  if (!scanner.done()) return std::nullopt;
  stamp.form.offset_minutes = static_cast<int>(offset_us / 60'000'000);
  stamp.us -= offset_us;
  return stamp;
}

std::optional<Stamp> OfNumber(const Number& number, bool is_text) {
  const Kind kind = KindOf(number);
  if (kind == Kind::kNumber) return std::nullopt;
  return Stamp{.us = MomentOf(kind, number), .form = {.kind = kind, .is_text = is_text}};
}

std::optional<Stamp> ReadText(std::string_view text) {
  if (const auto iso = ReadIso(text)) return iso;
  if (const auto number = ReadNumber(text)) return OfNumber(*number, true);
  const std::optional<Value> far = FromText(Type::kTimestampTz, text);
  if (!far) return std::nullopt;
  return Stamp{.us = far->view().as_int(), .form = {.kind = Kind::kFar}};
}

// As FromText's, whose canonical text they have.
Stamp OfTyped(int64_t us, Kind kind) {
  constexpr int64_t kYear1 = DaysFromCivil({1, 1, 1}) * kMicrosecondsPerDay;
  constexpr int64_t kYear10000 = DaysFromCivil({10'000, 1, 1}) * kMicrosecondsPerDay;
  if (us < kYear1 || us >= kYear10000) kind = Kind::kFar;
  StampForm form{.kind = kind};
  if (kind == Kind::kSecond) form.separator = ' ';
  return {.us = us, .form = form};
}

// Two numbers that count by the same unit, as far as can be told: what stands for no moment is a
// version like any number.
bool CountAlike(const std::optional<Stamp>& a, const std::optional<Stamp>& b) {
  if (!a || !b || a->form.kind == Kind::kZero || b->form.kind == Kind::kZero) return true;
  return a->form.kind == b->form.kind;
}

bool IsFreeText(Type type) {
  return type == Type::kText || type == Type::kOther || type == Type::kBytes;
}

}  // namespace

std::optional<Stamp> ReadStamp(ValueView value) {
  switch (value.type()) {
    case Type::kTimestamp:
    case Type::kTimestampTz:
      return OfTyped(value.as_int(), Kind::kSecond);
    case Type::kDate:
      return OfTyped(MomentOfDay(value.as_int()), Kind::kDay);
    case Type::kText:
    case Type::kOther:
      return ReadText(value.as_string());
    default: {
      const std::optional<Number> number = NumberOf(value);
      return number ? OfNumber(*number, value.type() == Type::kDecimal) : std::nullopt;
    }
  }
}

std::optional<int64_t> StampOf(ValueView value) {
  const std::optional<Stamp> stamp = ReadStamp(value);
  return stamp ? std::optional(stamp->us) : std::nullopt;
}

std::optional<Stamp> ReadMoment(ValueView value) {
  if (std::optional<Stamp> stamp = ReadStamp(value)) return stamp;
  if (value.type() != Type::kInt && value.type() != Type::kDouble) return std::nullopt;
  const std::optional<Number> number = NumberOf(value);
  if (!number || std::abs(number->value()) >= kSecondsMin) return std::nullopt;
  const auto within = [&](long double least, long double most) {
    return number->value() >= least && number->value() <= most;
  };
  if (within(kCalendarMin, kCalendarMax) || within(kJulianMin, kJulianEnd)) return std::nullopt;
  return Stamp{.us = MomentOf(Kind::kSeconds, *number), .form = {.kind = Kind::kSeconds}};
}

StampForm FormOf(ValueView value) {
  if (const std::optional<Stamp> stamp = ReadStamp(value)) return stamp->form;
  const bool is_text =
      value.type() == Type::kText || value.type() == Type::kOther || value.type() == Type::kDecimal;
  if (NumberOf(value)) return {.kind = Kind::kNumber, .is_text = is_text};
  if (is_text) return {.kind = Kind::kText};
  return {};
}

std::partial_ordering CompareStamps(ValueView a, ValueView b) {
  if (a == b) return std::partial_ordering::equivalent;
  if (a.is_null() || b.is_null()) {
    return a.is_null() ? std::partial_ordering::less : std::partial_ordering::greater;
  }
  const std::optional<Stamp> x = ReadStamp(a), y = ReadStamp(b);
  const std::optional<Number> m = NumberOf(a), n = NumberOf(b);
  if (m && n && CountAlike(x, y)) {
    // Decimals may have more digits than a number here.
    const bool as_written = HoldsString(a.type()) && HoldsString(b.type());
    if (!as_written) return m->value() <=> n->value();
    return CompareValues(ValueView::Decimal(a.as_string()), ValueView::Decimal(b.as_string()));
  }
  if (x && y) return x->us <=> y->us;
  if (!x && !y && !m && !n && IsFreeText(a.type()) && IsFreeText(b.type())) {
    return a.as_string().compare(b.as_string()) <=> 0;
  }
  return std::partial_ordering::unordered;
}

Value VersionAt(Type type, int64_t us) {
  const Value moment(ValueView::TimestampTz(us));
  switch (type) {
    case Type::kTimestamp:
      return Value(ValueView::Timestamp(us));
    case Type::kDate:
      return Value(ValueView::Date(DayOf(us)));
    case Type::kText:
      return Value(ValueView::Text(ToText(moment)));
    default:
      return moment;
  }
}

}  // namespace syncline
