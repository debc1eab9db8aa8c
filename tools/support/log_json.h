#pragma once

#include <string_view>

#include "tools/support/value_json.h"

namespace syncline::cli {

// A line of the program's own log as LogText makes it, a phrase and then `key=value` or
// `key="value"`, as members of an object: `message`, and each key. Integers become numbers. A key
// that the line itself has
// ("message", "time", "level") gets an underscore behind it. Pure.
Json LogMembers(std::string_view line);

}  // namespace syncline::cli
