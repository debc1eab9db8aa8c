#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "engine/model/value.h"

// The Protobuf wire form of the messages in frame.proto that sit on the hot path (Value, Row,
// Change, FrameBody), written and read without the generated classes. Private to engine/model,
// row.h aside, whose values are read inline; wire_test.cc holds it against the generated ones.
namespace syncline::wire {

inline constexpr char kVarint = 0;
inline constexpr char kFixed64 = 1;
inline constexpr char kLength = 2;

constexpr char Tag(int field, char wire_type) { return static_cast<char>(field << 3 | wire_type); }

inline char* PutVarint(char* at, uint64_t value) {
  while (value >= 0x80) {
    *at++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *at++ = static_cast<char>(value);
  return at;
}

inline char* PutBytes(char* at, std::string_view bytes) {
  std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

inline size_t VarintSize(uint64_t value) { return (std::bit_width(value | 1) + 6) / 7; }

inline uint64_t ZigZag(int64_t n) {
  return (static_cast<uint64_t>(n) << 1) ^ static_cast<uint64_t>(n >> 63);
}
inline int64_t UnZigZag(uint64_t n) {
  return static_cast<int64_t>(n >> 1) ^ -static_cast<int64_t>(n & 1);
}

// Reads forward over bytes from outside; everything that does not fit makes it fail, for good.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  bool ok() const { return ok_; }
  bool done() const { return at_ == end_; }
  const char* at() const { return at_; }
  void Fail() {
    ok_ = false;
    at_ = end_;
  }

  // In its shortest form only: there is one way to write a value.
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && at_ != end_; shift += 7) {
      const auto byte = static_cast<uint8_t>(*at_++);
      if (shift == 63 && byte > 1) break;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (byte == 0 && shift != 0) break;
        return value;
      }
    }
    Fail();
    return 0;
  }

  std::string_view Take(uint64_t bytes) {
    if (bytes > static_cast<uint64_t>(end_ - at_)) {
      Fail();
      return {};
    }
    const std::string_view taken(at_, bytes);
    at_ += bytes;
    return taken;
  }

  std::string_view LengthDelimited() { return Take(Varint()); }

 private:
  const char* at_;
  const char* end_;
  bool ok_ = true;
};

// A number that PutVarint has written; moves `at` behind it. Trusts the bytes.
inline uint64_t TakeVarint(const char*& at) {
  uint64_t value = static_cast<uint8_t>(*at++);
  if (value < 0x80) return value;
  value &= 0x7f;
  for (int shift = 7;; shift += 7) {
    const auto byte = static_cast<uint8_t>(*at++);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

// Of the content of a Value message. Trusts `bytes`.
inline Type TypeOf(std::string_view bytes) {
  return bytes.empty() ? Type::kNull : static_cast<Type>(bytes[0] >> 3);
}

// The content of a Value message. Trusts `bytes`; CheckValue is for those from outside.
inline ValueView ReadValue(std::string_view bytes) {
  if (bytes.empty()) return {};
  const Type type = TypeOf(bytes);
  const char* at = bytes.data() + 1;
  if (HoldsString(type)) {
    const uint64_t size = TakeVarint(at);
    return ValueView::OfString(type, {at, size});
  }
  if (type == Type::kDouble) {
    int64_t bits;
    std::memcpy(&bits, at, 8);
    return ValueView::OfNumber(type, bits);
  }
  if (type == Type::kBool) return ValueView::Bool(*at != 0);
  return ValueView::OfNumber(type, UnZigZag(TakeVarint(at)));
}

// What stands before each value of a row.
inline constexpr char kValuesTag = Tag(1, kLength);

// The content of the Value message at `at`, which points at its kValuesTag; moves `at` behind it.
// Trusts the bytes.
inline std::string_view NextOfRow(const char*& at) {
  ++at;
  const uint64_t size = TakeVarint(at);
  const std::string_view content(at, size);
  at += size;
  return content;
}

// Whether `bytes` are the one way to write some value.
bool CheckValue(std::string_view bytes);

inline char WireTypeOf(Type type) {
  if (HoldsString(type)) return kLength;
  return type == Type::kDouble ? kFixed64 : kVarint;
}

inline uint64_t AsVarint(ValueView value) {
  return value.type() == Type::kBool ? value.as_bool() : ZigZag(value.as_int());
}

// Of the content of a Value message.
inline size_t ValueSize(ValueView value) {
  if (value.is_null()) return 0;
  if (HoldsString(value.type())) {
    const size_t size = value.as_string().size();
    return 1 + VarintSize(size) + size;
  }
  return value.type() == Type::kDouble ? 9 : 1 + VarintSize(AsVarint(value));
}

// What stands before a string.
inline char* PutStringHead(char* at, ValueView value) {
  *at++ = Tag(static_cast<int>(value.type()), kLength);
  return PutVarint(at, value.as_string().size());
}

// Writes ValueSize bytes; returns where they end.
inline char* PutValue(char* at, ValueView value) {
  if (value.is_null()) return at;
  if (HoldsString(value.type())) return PutBytes(PutStringHead(at, value), value.as_string());
  *at++ = Tag(static_cast<int>(value.type()), WireTypeOf(value.type()));
  if (value.type() == Type::kDouble) {
    const int64_t bits = value.as_int();
    std::memcpy(at, &bits, sizeof bits);
    return at + sizeof bits;
  }
  return PutVarint(at, AsVarint(value));
}

}  // namespace syncline::wire
