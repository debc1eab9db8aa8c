#include "capture/sql_words.h"

#include <algorithm>

namespace syncline::capture {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool IsNameLetter(char c) {
  const char lower = Lower(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

char ClosingOf(char open) { return open == '[' ? ']' : open; }

}  // namespace

std::vector<std::string> SqlWords(std::string_view text) {
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    const std::string_view two = text.substr(at, 2);
    if (IsSpace(c)) {
      ++at;
    } else if (two == "--") {
      at = std::min(text.find('\n', at), text.size());
    } else if (two == "/*") {
      const size_t end = text.find("*/", at + 2);
      at = end == text.npos ? text.size() : end + 2;
    } else if (c == '\'' || c == '"' || c == '`' || c == '[') {
      const char close = ClosingOf(c);
      std::string word = c == '\'' ? "'" : "";
      for (++at; at < text.size(); ++at) {
        if (text[at] == close && (at + 1 == text.size() || text[at + 1] != close || c == '['))
          break;
        if (text[at] == close) ++at;
        word += Lower(text[at]);
      }
      ++at;
      words.push_back(std::move(word));
    } else if (IsNameLetter(c)) {
      std::string word;
      for (; at < text.size() && IsNameLetter(text[at]); ++at) word += Lower(text[at]);
      words.push_back(std::move(word));
    } else {
      const size_t length = two == ":=" ? 2 : 1;
      words.emplace_back(text.substr(at, length));
      at += length;
    }
  }
  return words;
}

}  // namespace syncline::capture
