#pragma once

#include <string>
#include <string_view>

namespace syncline::capture {

// 16 hexadecimal digits, the same everywhere and for ever: what the log's cursor and the names of
// tombstone tables hold. Only ever compared with others made in the same way. Pure.
std::string ShortHash(std::string_view text);

}  // namespace syncline::capture
