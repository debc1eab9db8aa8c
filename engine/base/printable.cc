#include "engine/base/printable.h"

#include <cstdint>

namespace syncline {
namespace {

struct Character {
  uint32_t code = 0;
  size_t bytes = 1;
  bool valid = false;  // else one byte that is no UTF-8
};

// The first character, by the table of well-formed sequences (Unicode 15, table 3-7).
Character First(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const size_t bytes = lead >= 0xc2 && lead <= 0xdf   ? 2
                       : lead >= 0xe0 && lead <= 0xef ? 3
                       : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                      : 0;
  if (bytes == 0 || text.size() < bytes) return {lead};
  uint32_t code = lead & (0x7fu >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {lead};
    code = code << 6 | (byte(i) & 0x3fu);
  }
  const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  if (overlong || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {lead};
  return {code, bytes, true};
}

bool IsShown(uint32_t code) {
  if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return false;
  // What has no width: a soft hyphen, marks of direction; joiners shape what is written.
  if (code == 0xad) return false;
  if (code < 0x61c) return true;
  return code != 0x61c && code != 0x200b && code != 0x200e && code != 0x200f &&
         !(code >= 0x2028 && code <= 0x202e) && !(code >= 0x2060 && code <= 0x206f) &&
         code != 0xfeff;
}

void AppendHex(std::string& out, uint32_t number, int digits) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += kDigits[number >> shift & 0xf];
}

void AppendPrintable(std::string& out, const Character& character) {
  if (character.valid && character.code == '\n') {
    out += "\\n";
  } else if (character.valid && character.code == '\t') {
    out += "\\t";
  } else if (character.code < 0x100 && character.bytes == 1) {
    out += "\\x";
    AppendHex(out, character.code, 2);
  } else {
    out += "\\u";
    AppendHex(out, character.code, 4);
  }
}

// Copies what is shown in as long pieces as there are, and has `escape` append the rest.
template <typename Escape>
std::string Replace(std::string_view text, Escape&& escape) {
  std::string out;
  out.reserve(text.size());
  size_t copied = 0;
  for (size_t at = 0; at < text.size();) {
    const Character character = First(text.substr(at));
    if (!character.valid || !IsShown(character.code)) {
      out += text.substr(copied, at - copied);
      escape(out, character, text.substr(at, character.bytes));
      copied = at + character.bytes;
    }
    at += character.bytes;
  }
  return out += text.substr(copied);
}

}  // namespace

std::string Printable(std::string_view text) {
  return Replace(text, [](std::string& out, const Character& character, std::string_view) {
    AppendPrintable(out, character);
  });
}

std::string PrintableJson(std::string_view json) {
  return Replace(json, [](std::string& out, const Character& character, std::string_view bytes) {
    // Valid JSON has control characters below a blank only between its tokens.
    if (!character.valid || character.code < 0x20) {
      out += bytes;
      return;
    }
    out += "\\u";
    AppendHex(out, character.code, 4);
  });
}

}  // namespace syncline
