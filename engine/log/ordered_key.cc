#include "engine/log/ordered_key.h"

#include <bit>
#include <cstdint>
#include <string_view>

#include "engine/log/layout.h"

namespace syncline {
namespace {

void AppendNumber(int64_t number, std::string& out) {
  const bool negative = number < 0;
  const uint64_t magnitude = static_cast<uint64_t>(negative ? ~number : number);
  const int bytes = (std::bit_width(magnitude) + 7) / 8;
  const uint64_t shown = negative ? ~magnitude : magnitude;
  char text[1 + sizeof shown];
  text[0] = static_cast<char>(negative ? 0x7f - bytes : 0x80 + bytes);
  for (int i = 0; i < bytes; ++i) text[1 + i] = static_cast<char>(shown >> 8 * (bytes - 1 - i));
  out.append(text, 1 + bytes);
}

void AppendDouble(double number, std::string& out) {
  constexpr uint64_t kSign = uint64_t{1} << 63;
  const auto bits = std::bit_cast<uint64_t>(number);
  layout::AppendBigEndian64(out, bits & kSign ? ~bits : bits | kSign);
}

void AppendText(std::string_view text, std::string& out) {
  for (size_t zero; (zero = text.find('\0')) != text.npos; text.remove_prefix(zero + 1)) {
    out += text.substr(0, zero);
    out += '\0';
    out += '\xff';
  }
  out += text;
  out += '\0';
  out += '\x01';
}

}  // namespace

void AppendOrdered(ValueView value, std::string& out) {
  out += static_cast<char>(value.type());
  if (HoldsString(value.type())) {
    AppendText(value.as_string(), out);
  } else if (value.type() == Type::kDouble) {
    AppendDouble(value.as_double(), out);
  } else if (value.type() == Type::kBool) {
    out += value.as_bool() ? '\1' : '\0';
  } else if (!value.is_null()) {
    AppendNumber(value.as_int(), out);
  }
}

}  // namespace syncline
