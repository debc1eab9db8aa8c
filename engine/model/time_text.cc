#include "engine/model/time_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

namespace syncline {
namespace {

constexpr size_t kExactDigits = 6;

// Microseconds in the digits behind a point; as PostgreSQL rounds them.
int64_t Fraction(std::string_view digits) {
  int64_t us = 0;
  if (digits.size() <= kExactDigits) {
    for (size_t i = 0; i < kExactDigits; ++i)
      us = us * 10 + (i < digits.size() ? digits[i] - '0' : 0);
    return us;
  }
  const std::string text = "0." + std::string(digits);
  double fraction = 0;
  std::from_chars(text.data(), text.data() + text.size(), fraction);
  return static_cast<int64_t>(std::rint(fraction * 1e6));
}

}  // namespace

bool Scanner::Take(std::string_view word) {
  if (text_.substr(0, word.size()) != word) return false;
  text_.remove_prefix(word.size());
  return true;
}

char Scanner::TakeAny(std::string_view characters) {
  if (text_.empty() || characters.find(text_.front()) == std::string_view::npos) return 0;
  const char taken = text_.front();
  text_.remove_prefix(1);
  return taken;
}

int Scanner::TakeDigits(int least, int most, int64_t& number) {
  int digits = 0;
  int64_t value = 0;
  while (digits < most && digits < static_cast<int>(text_.size()) && text_[digits] >= '0' &&
         text_[digits] <= '9') {
    value = value * 10 + (text_[digits++] - '0');
  }
  if (digits < least) return 0;
  number = value;
  text_.remove_prefix(digits);
  return digits;
}

std::string_view Scanner::TakeAllDigits() {
  const size_t end = std::min(text_.find_first_not_of("0123456789"), text_.size());
  const std::string_view digits = text_.substr(0, end);
  text_.remove_prefix(end);
  return digits;
}

bool ScanDate(Scanner& scanner, CivilDate& date) {
  int64_t year, month, day;
  if (!scanner.TakeDigits(4, 7, year) || !scanner.Take("-") || !scanner.TakeDigits(2, 2, month) ||
      !scanner.Take("-") || !scanner.TakeDigits(2, 2, day)) {
    return false;
  }
  date = {year, static_cast<int>(month), static_cast<int>(day)};
  return year > 0;
}

bool ScanTimeOfDay(Scanner& scanner, size_t digits_max, TimeOfDay& time) {
  int64_t hours, minutes, seconds = 0, fraction = 0;
  if (!scanner.TakeDigits(2, 2, hours) || !scanner.Take(":") || !scanner.TakeDigits(2, 2, minutes))
    return false;
  time.has_seconds = scanner.Take(":");
  if (time.has_seconds) {
    if (!scanner.TakeDigits(2, 2, seconds)) return false;
    if (scanner.Take(".")) {
      const std::string_view digits = scanner.TakeAllDigits();
      if (digits.empty() || digits.size() > digits_max) return false;
      fraction = Fraction(digits);
    }
  }
  time.us = ((hours * 60 + minutes) * 60 + seconds) * 1'000'000 + fraction;
  return minutes < 60 && seconds < 60 && time.us <= kMicrosecondsPerDay;
}

bool ScanZone(Scanner& scanner, int64_t& offset_us) {
  if (scanner.TakeAny("Zz") != 0) {
    offset_us = 0;
    return true;
  }
  const bool west = scanner.Take("-");
  int64_t hours, minutes = 0;
  if ((!west && !scanner.Take("+")) || !scanner.TakeDigits(2, 2, hours)) return false;
  if (scanner.Take(":")) {
    if (!scanner.TakeDigits(2, 2, minutes)) return false;
  } else {
    scanner.TakeDigits(2, 2, minutes);
  }
  offset_us = (hours * 60 + minutes) * 60'000'000 * (west ? -1 : 1);
  return hours < 16 && minutes < 60;
}

}  // namespace syncline
