#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "engine/model/stamp_form.h"
#include "engine/model/value.h"

namespace syncline {

// A moment, and how it was written.
struct Stamp {
  int64_t us = 0;  // microseconds since 2000-01-01 UTC; infinite ones are the ends of the range
  StampForm form;
};

// The moment that a value stands for, whatever its form (README.md, "Moments"): dates and
// timestamps; texts in ISO form with a T or a space, any fraction, an offset, a Z or neither; Unix
// times, Julian days and calendar numbers, told apart by their size, as numbers and as texts. A
// local time counts as UTC. Nothing for everything else, words such as `now` and `today` included:
// nothing is guessed.
std::optional<Stamp> ReadStamp(ValueView value);
std::optional<int64_t> StampOf(ValueView value);  // Stamp::us
// The same of a value of which it is known that it is to be a moment, as by its column's type: then
// small numbers are Unix seconds, too, unless they could be a day as well.
std::optional<Stamp> ReadMoment(ValueView value);

// The form of what ReadStamp reads, and what else there is: a number, a text.
StampForm FormOf(ValueView value);

// How two versions of a row order, of one database or of two: moments as instants, whatever their
// forms; other numbers by value, other texts bytewise; NULL lowest. Unordered where one is a moment
// and the other is not, for then nobody can tell.
std::partial_ordering CompareStamps(ValueView a, ValueView b);

// A version of that type for the moment; a moment itself for other types.
Value VersionAt(Type type, int64_t us);

}  // namespace syncline
