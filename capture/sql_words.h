#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace syncline::capture {

// The words of SQL or PL/pgSQL text, to be looked at and never run: names in lower case and without
// their quotes, texts as a ' and their content in lower case, numbers, ":=" and other single
// characters. Comments are left out. Pure; takes any bytes.
std::vector<std::string> SqlWords(std::string_view text);

}  // namespace syncline::capture
