#include "engine/log/index_key.h"

#include "engine/log/layout.h"

namespace syncline {
namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;

// Doubles order as their bits do once negative ones are turned over (IEEE 754 is sign and
// magnitude).
uint64_t OrderedBits(ValueView value) {
  const auto bits = static_cast<uint64_t>(value.as_int());
  if (value.type() != Type::kDouble) return bits ^ kSignBit;
  return (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
}

// Ends with 00 01; a zero byte within becomes 00 FF. So no text's form is the beginning of
// another's, and a text orders before its continuations.
void AppendEscaped(std::string_view text, std::string& out) {
  for (size_t zero; (zero = text.find('\0')) != std::string_view::npos;) {
    out.append(text.substr(0, zero + 1));
    out += '\xff';
    text.remove_prefix(zero + 1);
  }
  out.append(text);
  out += '\0';
  out += '\1';
}

}  // namespace

void AppendIndexKey(const Row& key, std::string& out) {
  for (const ValueView value : key) {
    out += static_cast<char>(value.type());
    if (value.is_null()) continue;
    if (HoldsString(value.type())) {
      AppendEscaped(value.as_string(), out);
    } else {
      layout::AppendBigEndian64(out, OrderedBits(value));
    }
  }
}

}  // namespace syncline
