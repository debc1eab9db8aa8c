#include "engine/model/row.h"

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "engine/model/checksum.h"
#include "engine/model/wire.h"

namespace syncline {
namespace {

constexpr char kValuesTag = wire::Tag(1, wire::kLength);

// The content of the Value message at `at`, which points at its tag; moves `at` behind it. Trusts
// the bytes.
std::string_view NextValue(const char*& at) {
  ++at;
  uint64_t size = static_cast<uint8_t>(*at++);
  if (size >= 0x80) {
    size &= 0x7f;
    for (int shift = 7;; shift += 7) {
      const auto byte = static_cast<uint8_t>(*at++);
      size |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
  }
  const std::string_view content(at, size);
  at += size;
  return content;
}

}  // namespace

Row Row::FromBytes(std::string bytes) {
  wire::Reader reader(bytes);
  size_t size = 0;
  while (reader.ok() && !reader.done()) {
    const std::string_view tag = reader.Take(1);
    const std::string_view value = reader.LengthDelimited();
    if (!reader.ok() || tag[0] != kValuesTag || !wire::CheckValue(value)) {
      throw DamageError("a row's bytes are not a row");
    }
    ++size;
  }
  Row row;
  row.bytes_ = std::move(bytes);
  row.size_ = size;
  return row;
}

void Row::Append(ValueView value) {
  char head[1 + 10];
  head[0] = kValuesTag;
  char* const end = wire::PutVarint(head + 1, wire::ValueSize(value));
  bytes_.append(head, end - head);
  wire::AppendValue(value, bytes_);
  ++size_;
}

ValueView Row::operator[](size_t index) const {
  SYNCLINE_CHECK(index < size_);
  const char* at = bytes_.data();
  while (index-- > 0) NextValue(at);
  return wire::ReadValue(NextValue(at));
}

Fingerprint Row::fingerprint() const { return Checksum128(bytes_); }

ValueView Row::Iterator::operator*() const {
  const char* at = at_;
  return wire::ReadValue(NextValue(at));
}

Row::Iterator& Row::Iterator::operator++() {
  NextValue(at_);
  return *this;
}

Row Project(const Row& row, const std::vector<uint32_t>& columns) {
  Row projected;
  for (const uint32_t column : columns) projected.Append(row[column]);
  return projected;
}

}  // namespace syncline
