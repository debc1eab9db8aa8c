#pragma once

#include "engine/model/value.h"

namespace syncline {

// The one value that stands for all forms in which a column of that type holds the same thing, in
// whatever database: the moment of a date or timestamp (README.md, "Moments"), a decimal without
// zeros at its end, a truth value of 0, 1, t, f, true and false, a number of its digits, the bytes
// of a uuid. A value that is none of that type is taken as it is, as text: two forms of it are two
// values. Equal by bits where IsSameValue.
Value CanonicalValue(Type type, ValueView value);

// Whether two values of columns of that type are the same, as above; NULL is the same as NULL only.
bool IsSameValue(Type type, ValueView a, ValueView b);

// The type by which two columns compare that hold the same: of two types that of the moment, the
// number, the truth value, if either side is one; for a column of stamps `is_stamp`.
Type ComparedType(Type a, Type b, bool is_stamp);

}  // namespace syncline
