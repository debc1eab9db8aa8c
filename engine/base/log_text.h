#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace syncline {

// Pairs for the end of a log line that were made by LogText: " lines=3 behind=7", or nothing.
struct LogPairs {
  std::string text;
};

// What fills in one "{}" of a log line. Plain value type.
struct LogValue {
  LogValue(std::string_view text) : text(text) {}
  LogValue(const std::string& text) : text(text) {}
  LogValue(const char* text) : text(text) {}
  LogValue(std::integral auto number) : text(std::to_string(number)) {}
  LogValue(const LogPairs& pairs) : text(pairs.text), are_pairs(true) {}

  std::string text;
  bool are_pairs = false;
};

// A phrase, then `key=value` or `key="value"`, with `count` times "{}" and no other braces; the
// compiler counts.
template <size_t count>
struct LogFormat {
  template <size_t size>
  consteval LogFormat(const char (&format)[size]) : text(format, size - 1) {
    size_t fields = 0;
    for (size_t at = 0; at + 1 < text.size(); ++at) fields += text[at] == '{' ? 1 : 0;
    if (fields != count) throw "another number of {} than of values";
  }

  std::string_view text;
};

std::string FillIn(std::string_view format, std::span<const LogValue> values);

// A line for the log. Values are what names, servers and files say, and make no pair and end none:
// within quotes a quote and a backslash get a backslash; a value behind a bare `=` is put into
// quotes where it has a blank or a quote in it, or is empty; elsewhere the `=` of what looks like a
// pair becomes \x3d. What takes the line apart gets the same values back. Pure.
template <typename... Args>
std::string LogText(std::type_identity_t<LogFormat<sizeof...(Args)>> format, const Args&... args) {
  const std::array<LogValue, sizeof...(Args)> values{LogValue(args)...};
  return FillIn(format.text, values);
}

}  // namespace syncline
