#include "engine/log/index_entry.h"

#include "engine/base/error.h"
#include "engine/log/layout.h"

namespace syncline::index_entry {
namespace {

constexpr char kDeletedFlag = 1;

}  // namespace

void Append(const Fingerprint& fingerprint, Offset offset, bool deleted, ValueView version,
            Row& scratch, std::string& out) {
  layout::AppendBigEndian64(out, fingerprint.high);
  layout::AppendBigEndian64(out, fingerprint.low);
  layout::AppendBigEndian64(out, offset.value());
  out += deleted ? kDeletedFlag : '\0';
  scratch.Clear();
  scratch.Append(version);
  out += scratch.bytes();
}

IndexEntry Decode(std::string_view bytes) {
  if (bytes.size() < kHeadBytes + 1) throw DamageError("an entry of the row index is cut off");
  const Row version = Row::FromBytes(std::string(bytes.substr(kHeadBytes + 1)));
  if (version.size() != 1) throw DamageError("an entry of the row index has no version");
  return {.fingerprint = FingerprintOf(bytes),
          .offset = OffsetOf(bytes),
          .version = Value(version[0]),
          .deleted = bytes[kHeadBytes] == kDeletedFlag};
}

Fingerprint FingerprintOf(std::string_view bytes) {
  return {layout::ReadBigEndian64(bytes.data()), layout::ReadBigEndian64(bytes.data() + 8)};
}

Offset OffsetOf(std::string_view bytes) {
  return Offset(layout::ReadBigEndian64(bytes.data() + 16));
}

}  // namespace syncline::index_entry
