#include "engine/model/frame.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <random>

#include "engine/base/error.h"
#include "engine/model/checksum.h"
#include "engine/model/compression.h"
#include "engine/model/frame_wire.h"
#include "engine/model/value_text.h"
#include "engine/model/wire.h"
#include "frame.pb.h"

namespace syncline {
namespace {

using namespace frame_wire;

Value ReadCheckedValue(std::string_view bytes) {
  if (!wire::CheckValue(bytes)) throw DamageError("a version's bytes are not a value");
  return Value(wire::ReadValue(bytes));
}

Lineage ReadLineage(std::string_view bytes) {
  wire::Lineage in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || in.origin() == 0) {
    throw DamageError("a change's lineage cannot be read");
  }
  Lineage lineage{.clock = {in.time(), in.origin()}, .via = in.via()};
  if (in.has_before_time()) lineage.before = RowClock{in.before_time(), in.before_origin()};
  return lineage;
}

Change ReadChange(std::string_view bytes, size_t tables) {
  wire::Reader reader(bytes);
  Change change;
  char last_tag = 0;
  uint64_t op = 0;
  while (!reader.done()) {
    const char tag = reader.Take(1)[0];
    if (tag <= last_tag) throw DamageError("a change's fields are out of order");
    last_tag = tag;
    if (tag == kOpTag) {
      op = reader.Varint();
    } else if (tag == kTableTag) {
      change.table = static_cast<uint32_t>(std::min<uint64_t>(reader.Varint(), UINT32_MAX));
    } else if (tag == kRowTag) {
      change.row = Row::FromBytes(std::string(reader.LengthDelimited()));
    } else if (tag == kVersionTag) {
      change.version = ReadCheckedValue(reader.LengthDelimited());
    } else if (tag == kPreviousTag) {
      change.previous = ReadCheckedValue(reader.LengthDelimited());
    } else if (tag == kLineageTag) {
      change.lineage = ReadLineage(reader.LengthDelimited());
    } else {
      throw DamageError("a change has a field that this version does not know");
    }
    if (!reader.ok()) throw DamageError("a change ends in the middle of a field");
  }
  if (op < 1 || op > 3) throw DamageError("a change has no known operation");
  change.op = static_cast<Op>(op);
  if (change.op != Op::kMark && change.table >= tables) {
    throw DamageError("a change points to a table that its frame does not name");
  }
  return change;
}

// An entry taken apart, its hash checked.
struct Parts {
  FrameHeader header;
  Compression compression;
  std::string_view body;
};

Parts TakeApart(std::string_view entry) {
  if (entry.size() < kPrefixBytes + kHashBytes) throw DamageError("a frame is cut off");
  const auto format = static_cast<uint8_t>(entry[0]);
  const std::optional<Compression> compression = CompressionOf(format);
  if (!compression) {
    throw DamageError("a frame has format version " + std::to_string(format) +
                          ", this program knows those up to " + std::to_string(kFrameFormatMax),
                      "use a newer syncline for this log");
  }
  const std::string_view hashed = entry.substr(0, entry.size() - kHashBytes);
  Parts parts{.compression = *compression};
  std::memcpy(&parts.header.hash, entry.data() + hashed.size(), kHashBytes);
  if (Checksum64(hashed) != parts.header.hash) {
    throw DamageError("a frame's hash does not match its bytes");
  }
  uint32_t header_bytes;
  std::memcpy(&header_bytes, entry.data() + 1, 4);
  wire::FrameHeader in;
  if (header_bytes > hashed.size() - kPrefixBytes ||
      !in.ParseFromArray(entry.data() + kPrefixBytes, static_cast<int>(header_bytes)) ||
      in.log_id().size() != parts.header.log_id.bytes.size() || in.count() == 0) {
    throw DamageError("a frame's header cannot be read");
  }
  FrameHeader& header = parts.header;
  std::memcpy(header.log_id.bytes.data(), in.log_id().data(), header.log_id.bytes.size());
  header.epoch = in.epoch();
  header.base = Offset(in.base());
  header.count = in.count();
  header.previous_hash = in.previous_hash();
  header.written_at = WallTime(Microseconds(in.written_at_us()));
  header.closes_cut = in.closes_cut();
  header.schemas.assign(in.schemas().begin(), in.schemas().end());
  header.cursor = in.cursor();
  header.body_bytes = in.body_bytes();
  header.entry_bytes = entry.size();
  parts.body = hashed.substr(kPrefixBytes + header_bytes);
  return parts;
}

}  // namespace

LogId LogId::Parse(std::string_view uuid_text) {
  const std::optional<Value> uuid = FromText(Type::kUuid, uuid_text);
  if (!uuid) throw DamageError("a log's id is not a uuid: " + std::string(uuid_text));
  LogId id;
  std::memcpy(id.bytes.data(), uuid->view().as_string().data(), id.bytes.size());
  return id;
}

std::string LogId::ToString() const {
  return ToText(ValueView::Uuid({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
}

LogId LogId::Random() {
  LogId id;
  std::random_device random;
  for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(random());
  id.bytes[6] = static_cast<uint8_t>((id.bytes[6] & 0x0f) | 0x40);  // RFC 4122, version 4
  id.bytes[8] = static_cast<uint8_t>((id.bytes[8] & 0x3f) | 0x80);
  return id;
}

FrameHeader DecodeFrameHeader(std::string_view entry) { return TakeApart(entry).header; }

Frame DecodeFrame(std::string_view entry) {
  Parts parts = TakeApart(entry);
  const std::string body =
      compression::Decompress(parts.compression, parts.body, parts.header.body_bytes);
  Frame frame;
  frame.header = std::move(parts.header);
  // Every change takes at least four bytes. A hostile count beside a body of zeros gets past that,
  // so memory is taken for as many changes as the entry has bytes; more are rare, and seen first.
  if (frame.header.count > body.size() / 4)
    throw DamageError("a frame holds fewer changes than its header says");
  frame.changes.reserve(std::min<size_t>(frame.header.count, entry.size()));
  wire::Reader reader(body);
  while (!reader.done()) {
    const char tag = reader.Take(1)[0];
    const std::string_view bytes = reader.LengthDelimited();
    if (!reader.ok() || tag != kChangesTag) throw DamageError("a frame's body cannot be read");
    frame.changes.push_back(ReadChange(bytes, frame.header.schemas.size()));
  }
  if (frame.changes.size() != frame.header.count) {
    throw DamageError("a frame does not hold as many changes as its header says");
  }
  return frame;
}

}  // namespace syncline
