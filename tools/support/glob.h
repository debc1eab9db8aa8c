#pragma once

#include <string_view>

namespace syncline::cli {

// True when `text` holds a * or a ? outside of double quotes: then it names many tables, not one.
bool IsGlob(std::string_view text);

// True when all of `text` matches `pattern`: * is any run of characters, ? is any one byte.
bool GlobMatches(std::string_view pattern, std::string_view text);

}  // namespace syncline::cli
