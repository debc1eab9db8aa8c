#include "tools/support/glob.h"

#include <cstddef>

namespace syncline::cli {

bool IsGlob(std::string_view text) {
  bool quoted = false;
  for (char c : text) {
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == '*' || c == '?')) return true;
  }
  return false;
}

bool GlobMatches(std::string_view pattern, std::string_view text) {
  // Only the last star ever has to give back characters: an earlier one that matched more could not
  // help.
  size_t p = 0, t = 0;
  size_t star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace syncline::cli
