#include "engine/log/ordered_key.h"

#include <bit>
#include <cstdint>
#include <string_view>

#include "engine/log/big_endian.h"
#include "engine/log/log_damage.h"

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

[[noreturn]] void ThrowDamaged() { throw LogDamage("a key in the row index cannot be read"); }

std::string_view Take(std::string_view& bytes, size_t count) {
  if (bytes.size() < count) ThrowDamaged();
  const std::string_view taken = bytes.substr(0, count);
  bytes.remove_prefix(count);
  return taken;
}

int64_t TakeNumber(std::string_view& bytes) {
  constexpr int kBytesMax = 8;
  const int head = static_cast<unsigned char>(Take(bytes, 1).front());
  const bool negative = head < 0x80;
  const int count = negative ? 0x7f - head : head - 0x80;
  if (count > kBytesMax) ThrowDamaged();
  uint64_t number = negative ? ~uint64_t{0} : 0;
  for (const unsigned char byte : Take(bytes, static_cast<size_t>(count))) {
    number = number << 8 | byte;
  }
  return static_cast<int64_t>(number);
}

double TakeDouble(std::string_view& bytes) {
  constexpr uint64_t kSign = uint64_t{1} << 63;
  const uint64_t bits = layout::ReadBigEndian64(Take(bytes, 8).data());
  return std::bit_cast<double>(bits & kSign ? bits & ~kSign : ~bits);
}

std::string TakeText(std::string_view& bytes) {
  std::string text;
  while (true) {
    const size_t zero = bytes.find('\0');
    if (zero == bytes.npos) ThrowDamaged();
    text += Take(bytes, zero);
    const char mark = Take(bytes, 2)[1];
    if (mark == '\x01') return text;
    if (mark != '\xff') ThrowDamaged();
    text += '\0';
  }
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

Row ReadOrdered(std::string_view bytes) {
  Row row;
  while (!bytes.empty()) {
    const auto type = static_cast<Type>(Take(bytes, 1).front());
    if (type > Type::kOther) ThrowDamaged();
    if (HoldsString(type)) {
      const std::string text = TakeText(bytes);
      if (type == Type::kUuid && text.size() != 16) ThrowDamaged();
      row.Append(ValueView::OfString(type, text));
    } else if (type == Type::kDouble) {
      row.Append(ValueView::Double(TakeDouble(bytes)));
    } else if (type == Type::kBool) {
      row.Append(ValueView::Bool(Take(bytes, 1).front() != '\0'));
    } else {
      row.Append(type == Type::kNull ? ValueView::Null()
                                     : ValueView::OfNumber(type, TakeNumber(bytes)));
    }
  }
  return row;
}

}  // namespace syncline
