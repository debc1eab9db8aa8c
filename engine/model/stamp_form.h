#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/model/value.h"

namespace syncline {

// How a moment is written. Two stamps of one form are ordered as a database orders what is stored,
// to the precision of the form: texts bytewise, numbers by their value. Plain value type.
struct StampForm {
  enum class Kind : uint8_t {
    kDay,      // 2026-01-31
    kMinute,   // 2026-01-31 23:59
    kSecond,   // 2026-01-31 23:59:59, with or without a fraction
    kFar,      // years before 1 and after 9999, infinity: texts that do not sort in their place
    kSeconds,  // Unix time; the digits tell its unit
    kMilliseconds,
    kMicroseconds,
    kNanoseconds,
    kJulianDay,
    kCalendar,  // the number 20260131
    // What stands for no moment:
    kZero,     // 0, which every numeric form may hold
    kNumber,   // another number
    kText,     // another text
    kNothing,  // NULL, or no text and no number
  };

  Kind kind = Kind::kNothing;
  char separator = 0;      // between date and time: 'T' or a space
  int offset_minutes = 0;  // from UTC; 0 where none is written
  bool is_text = false;    // of a number: written as a text

  bool operator==(const StampForm&) const = default;

  bool is_moment() const { return kind <= Kind::kCalendar || kind == Kind::kZero; }
  bool is_iso() const { return kind <= Kind::kSecond; }
  bool is_number() const { return kind >= Kind::kSeconds && kind <= Kind::kNumber && !is_text; }
};

// For people: "YYYY-MM-DDTHH:MM:SS+02:00", "Unix milliseconds", "numbers".
std::string Describe(const StampForm& form);

// One word, and back; nothing for what is none.
std::string NameOf(const StampForm& form);
std::optional<StampForm> StampFormNamed(std::string_view name);

// The moment in that form, rounded down to what the form can hold; microseconds since 2000-01-01
// UTC. NULL for kFar, for what stands for no moment, and where the form does not reach.
Value WriteStamp(const StampForm& form, int64_t us);

}  // namespace syncline
