#pragma once

#include <string>
#include <string_view>

namespace syncline::sql {

// Between two of that quote, with inner ones doubled.
std::string InQuotes(std::string_view text, char quote);
// Two digits a byte, in lower case.
std::string Hex(std::string_view bytes);

}  // namespace syncline::sql
