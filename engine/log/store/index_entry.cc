#include "engine/log/store/index_entry.h"

#include "engine/log/big_endian.h"
#include "engine/log/log_damage.h"

namespace syncline::index_entry {
namespace {

constexpr char kDeletedFlag = 1;
constexpr char kIndexClockFlag = 2;
constexpr size_t kClockBytes = 8 + 8;

Row VersionIn(std::string_view bytes) {
  try {
    return Row::FromBytes(std::string(bytes));
  } catch (const Error& error) {
    throw LogDamage("an entry of the row index: " + error.message());
  }
}

}  // namespace

void Append(const Fingerprint& fingerprint, Offset offset, const Change& change, Row& scratch,
            std::string& out) {
  layout::AppendBigEndian64(out, fingerprint.high);
  layout::AppendBigEndian64(out, fingerprint.low);
  layout::AppendBigEndian64(out, offset.value());
  const bool deleted = change.op == Op::kDelete;
  out += static_cast<char>((deleted ? kDeletedFlag : 0) | (change.lineage ? kIndexClockFlag : 0));
  if (change.lineage) {
    layout::AppendBigEndian64(out, static_cast<uint64_t>(change.lineage->clock.time));
    layout::AppendBigEndian64(out, change.lineage->clock.origin);
  }
  scratch.Clear();
  scratch.Append(change.version);
  out += scratch.bytes();
}

IndexEntry Decode(std::string_view bytes) {
  if (bytes.size() < kHeadBytes + 1) throw LogDamage("an entry of the row index is cut off");
  const char flags = bytes[kHeadBytes];
  IndexEntry entry{.fingerprint = FingerprintOf(bytes),
                   .offset = OffsetOf(bytes),
                   .deleted = (flags & kDeletedFlag) != 0};
  bytes.remove_prefix(kHeadBytes + 1);
  if ((flags & kIndexClockFlag) != 0) {
    if (bytes.size() < kClockBytes) throw LogDamage("an entry of the row index is cut off");
    entry.clock = RowClock{static_cast<int64_t>(layout::ReadBigEndian64(bytes.data())),
                           layout::ReadBigEndian64(bytes.data() + 8)};
    if (!IsClock(*entry.clock)) throw LogDamage("an entry of the row index has no clock");
    bytes.remove_prefix(kClockBytes);
  }
  const Row version = VersionIn(bytes);
  if (version.size() != 1) throw LogDamage("an entry of the row index has no version");
  entry.version = Value(version[0]);
  return entry;
}

Fingerprint FingerprintOf(std::string_view bytes) {
  return {layout::ReadBigEndian64(bytes.data()), layout::ReadBigEndian64(bytes.data() + 8)};
}

Offset OffsetOf(std::string_view bytes) {
  return Offset(layout::ReadBigEndian64(bytes.data() + 16));
}

}  // namespace syncline::index_entry
