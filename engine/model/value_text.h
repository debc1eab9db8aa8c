#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/model/value.h"

namespace syncline {

// The one text form of a value, the same in `log cat`, towards PostgreSQL and in SQLite. It is what
// PostgreSQL reads and writes with DateStyle ISO and TimeZone UTC, save that fractions of a second
// always have six digits and years at least four, so that text order is time order from the year
// 0001 to 9999:
//   true|false, 42, 0.1 (shortest form that reads back exactly), NaN, Infinity,
//   2026-01-31, 23:59:59.000000, 2026-01-31 23:59:59.000000, 2026-01-31 23:59:59.000000+00,
//   0044-03-15 BC, infinity, -infinity, \x00ff for bytes, 8-4-4-4-12 hex for a uuid; text as it is.
// NULL has none: it must not be passed in.
void AppendText(ValueView value, std::string& out);
std::string ToText(ValueView value);

// Reads what AppendText writes and the usual ISO 8601 variants (T between date and time, no
// fraction or one of 1 to 6 digits, no seconds, zone as Z, +02, +0200 or +02:00) into a value of
// `type`; nothing if it is not one exactly. A timestamp without a zone read as kTimestampTz is
// taken as UTC; a zone given for kTimestamp is refused.
std::optional<Value> FromText(Type type, std::string_view text);

}  // namespace syncline
