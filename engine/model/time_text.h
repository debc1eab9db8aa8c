#pragma once

#include <cstdint>
#include <string_view>

#include "engine/model/calendar.h"

namespace syncline {

// Private to this folder: the parts that texts of dates and times are made of.

// Reads forward over a text; a Take that does not find what it wants leaves the place as it was.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool done() const { return text_.empty(); }
  std::string_view rest() const { return text_; }

  bool Take(std::string_view word);
  // One of these characters; it, or 0.
  char TakeAny(std::string_view characters);
  // A run of `least` to `most` digits, at most 18; how many there were, or 0.
  int TakeDigits(int least, int most, int64_t& number);
  // All digits that come next.
  std::string_view TakeAllDigits();

 private:
  std::string_view text_;
};

// A year of 4 to 7 digits, month and day, which may be no day of the calendar.
bool ScanDate(Scanner& scanner, CivilDate& date);

struct TimeOfDay {
  int64_t us = 0;  // 24:00:00 is allowed
  bool has_seconds = false;
};
// Digits of the fraction beyond `digits_max` are refused; those beyond six are rounded.
bool ScanTimeOfDay(Scanner& scanner, size_t digits_max, TimeOfDay& time);

// Z, or an offset from UTC of less than 16 hours, as PostgreSQL reads them.
bool ScanZone(Scanner& scanner, int64_t& offset_us);

}  // namespace syncline
