#include "engine/model/wire.h"

namespace syncline::wire {
namespace {

char WireTypeOf(Type type) {
  if (HoldsString(type)) return kLength;
  return type == Type::kDouble ? kFixed64 : kVarint;
}

uint64_t AsVarint(ValueView value) {
  return value.type() == Type::kBool ? value.as_bool() : ZigZag(value.as_int());
}

}  // namespace

bool CheckValue(std::string_view bytes) {
  if (bytes.empty()) return true;
  const auto tag = static_cast<uint8_t>(bytes[0]);
  const auto type = static_cast<Type>(tag >> 3);
  if (type == Type::kNull || type > Type::kOther) return false;
  if ((tag & 7) != WireTypeOf(type)) return false;
  Reader reader(bytes.substr(1));
  if (HoldsString(type)) {
    const std::string_view content = reader.LengthDelimited();
    if (type == Type::kUuid && content.size() != 16) return false;
  } else if (type == Type::kDouble) {
    reader.Take(8);
  } else {
    const uint64_t number = reader.Varint();
    if (type == Type::kBool && number > 1) return false;
  }
  return reader.ok() && reader.done();
}

size_t ValueSize(ValueView value) {
  if (value.is_null()) return 0;
  if (HoldsString(value.type())) {
    const size_t size = value.as_string().size();
    return 1 + VarintSize(size) + size;
  }
  return value.type() == Type::kDouble ? 9 : 1 + VarintSize(AsVarint(value));
}

char* PutValue(char* at, ValueView value) {
  if (value.is_null()) return at;
  *at++ = Tag(static_cast<int>(value.type()), WireTypeOf(value.type()));
  if (HoldsString(value.type())) {
    at = PutVarint(at, value.as_string().size());
    return PutBytes(at, value.as_string());
  }
  if (value.type() == Type::kDouble) {
    const int64_t bits = value.as_int();
    std::memcpy(at, &bits, sizeof bits);
    return at + sizeof bits;
  }
  return PutVarint(at, AsVarint(value));
}

void AppendValue(ValueView value, std::string& out) {
  const size_t before = out.size();
  out.resize(before + ValueSize(value));
  PutValue(out.data() + before, value);
}

static_assert(std::endian::native == std::endian::little, "the wire form is little-endian");

}  // namespace syncline::wire
