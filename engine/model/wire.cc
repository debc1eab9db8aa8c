#include "engine/model/wire.h"

namespace syncline::wire {

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

static_assert(std::endian::native == std::endian::little, "the wire form is little-endian");

}  // namespace syncline::wire
