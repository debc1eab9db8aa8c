#include "engine/base/log_text.h"

namespace syncline {
namespace {

bool IsKeyCharacter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

void AppendEscaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
}

void AppendBare(std::string& out, std::string_view value) {
  if (!value.empty() && value.find_first_of(" \t\r\n\"") == value.npos) {
    out += value;
    return;
  }
  out += '"';
  AppendEscaped(out, value);
  out += '"';
}

void AppendWords(std::string& out, std::string_view value) {
  for (const char c : value) {
    size_t key = out.size();
    if (c == '=') {
      while (key > 0 && IsKeyCharacter(out[key - 1])) --key;
    }
    const bool is_pair = key < out.size() && (key == 0 || out[key - 1] == ' ');
    if (is_pair) {
      out += "\\x3d";
    } else {
      out += c;
    }
  }
}

}  // namespace

std::string FillIn(std::string_view format, std::span<const LogValue> values) {
  std::string out;
  bool quoted = false;
  size_t next = 0;
  for (size_t at = 0; at < format.size(); ++at) {
    const char c = format[at];
    if (c != '{' || next == values.size()) {
      if (c == '"') quoted = !quoted && out.ends_with('=');
      out += c;
      continue;
    }
    ++at;  // its closing brace
    const LogValue& value = values[next++];
    if (value.are_pairs) {
      out += value.text;
    } else if (quoted) {
      AppendEscaped(out, value.text);
    } else if (out.ends_with('=')) {
      AppendBare(out, value.text);
    } else {
      AppendWords(out, value.text);
    }
  }
  return out;
}

}  // namespace syncline
