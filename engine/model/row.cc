#include "engine/model/row.h"

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "engine/model/checksum.h"
#include "engine/model/row_shape.h"
#include "engine/model/wire.h"

namespace syncline {
namespace {

Error Misshapen() { return DamageError("a row does not have the values of its table's columns"); }

}  // namespace

template <typename Accept>
Row Row::Checked(std::string bytes, const Accept& accept) {
  wire::Reader reader(bytes);
  size_t size = 0;
  while (reader.ok() && !reader.done()) {
    const std::string_view tag = reader.Take(1);
    const std::string_view value = reader.LengthDelimited();
    if (!reader.ok() || tag[0] != wire::kValuesTag || !wire::CheckValue(value)) {
      throw DamageError("a row's bytes are not a row");
    }
    if (!accept(size, wire::TypeOf(value))) throw Misshapen();
    ++size;
  }
  Row row;
  row.bytes_ = std::move(bytes);
  row.size_ = size;
  return row;
}

Row Row::FromBytes(std::string bytes) {
  return Checked(std::move(bytes), [](size_t, Type) { return true; });
}

Row Row::FromBytes(std::string bytes, const RowShape& shape) {
  Row row = Checked(std::move(bytes), [&](size_t column, Type type) {
    return column < shape.size() && shape.Allows(column, type);
  });
  if (row.size() != shape.size()) throw Misshapen();
  return row;
}

// At most two appends: the bytes of all rows that are captured pass through here.
void Row::Append(ValueView value) {
  // Two tags, a length and either another one or a number.
  char head[2 + 2 * 10];
  char* at = head;
  *at++ = wire::kValuesTag;
  at = wire::PutVarint(at, wire::ValueSize(value));
  if (HoldsString(value.type())) {
    at = wire::PutStringHead(at, value);
    bytes_.append(head, at - head);
    bytes_.append(value.as_string());
  } else {
    at = wire::PutValue(at, value);
    bytes_.append(head, at - head);
  }
  ++size_;
}

ValueView Row::operator[](size_t index) const {
  SYNCLINE_CHECK(index < size_);
  const char* at = bytes_.data();
  while (index-- > 0) wire::NextOfRow(at);
  return wire::ReadValue(wire::NextOfRow(at));
}

Fingerprint Row::fingerprint() const { return Checksum128(bytes_); }

Row Project(const Row& row, const std::vector<uint32_t>& columns) {
  Row projected;
  for (const uint32_t column : columns) projected.Append(row[column]);
  return projected;
}

}  // namespace syncline
