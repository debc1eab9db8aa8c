#include "tools/support/log_json.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace syncline::cli {
namespace {

constexpr size_t kDigitsMax = 15;  // of an integer that every reader of JSON holds exactly

bool IsKeyCharacter(char c) {
  return std::islower(static_cast<unsigned char>(c)) != 0 ||
         std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// Where the next " key=" begins, from `from` on; npos if there is none.
size_t NextPair(std::string_view line, size_t from) {
  for (size_t at = line.find(' ', from); at != line.npos; at = line.find(' ', at + 1)) {
    size_t end = at + 1;
    while (end < line.size() && IsKeyCharacter(line[end])) ++end;
    if (end > at + 1 && end < line.size() && line[end] == '=') return at;
  }
  return line.npos;
}

Json ValueOf(std::string_view text) {
  const size_t sign = text.starts_with('-') ? 1 : 0;
  const std::string_view digits = text.substr(sign);
  const bool is_number =
      !digits.empty() && digits.size() <= kDigitsMax && (digits == "0" || digits[0] != '0') &&
      std::ranges::all_of(digits, [](unsigned char c) { return std::isdigit(c) != 0; });
  if (is_number) return std::stoll(std::string(text));
  return std::string(text);
}

// Takes a value in quotes from `at`, where its first quote stands; the place behind it. npos: it is
// not closed.
size_t TakeQuoted(std::string_view line, size_t at, std::string& value) {
  for (++at; at < line.size(); ++at) {
    if (line[at] == '"') return at + 1;
    if (line[at] == '\\' && at + 1 < line.size()) ++at;
    value += line[at];
  }
  return line.npos;
}

}  // namespace

Json LogMembers(std::string_view line) {
  size_t at = std::min(NextPair(line, 0), line.size());
  Json members = {{"message", std::string(line.substr(0, at))}};
  while (at < line.size()) {
    const size_t equals = line.find('=', at);
    std::string key(line.substr(at + 1, equals - at - 1));
    if (key == "message" || key == "time" || key == "level") key += '_';
    const size_t begin = equals + 1;
    std::string quoted;
    const bool is_quoted = begin < line.size() && line[begin] == '"';
    const size_t end = is_quoted ? TakeQuoted(line, begin, quoted) : line.npos;
    at = std::min(NextPair(line, end == line.npos ? begin : end), line.size());
    members[key] = end == line.npos ? ValueOf(line.substr(begin, at - begin)) : Json(quoted);
  }
  return members;
}

}  // namespace syncline::cli
