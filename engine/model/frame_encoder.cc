#include <cstring>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "engine/model/checksum.h"
#include "engine/model/compression.h"
#include "engine/model/frame.h"
#include "engine/model/frame_wire.h"
#include "frame.pb.h"

namespace syncline {
namespace {

using namespace frame_wire;

// Tags, op, table and all lengths of a change take less than this, and so does its lineage.
constexpr size_t kChangeOverheadMax = 64;

// Of a buffer, from one frame to the next.
constexpr size_t kKeptBytes = 4u << 20;

size_t FieldSize(size_t content) { return 1 + wire::VarintSize(content) + content; }

char* PutBytesField(char tag, std::string_view content, char* at) {
  *at++ = tag;
  at = wire::PutVarint(at, content.size());
  return wire::PutBytes(at, content);
}

char* PutValueField(char tag, ValueView value, size_t size, char* at) {
  *at++ = tag;
  at = wire::PutVarint(at, size);
  return wire::PutValue(at, value);
}

std::string EncodeLineage(const Lineage& lineage) {
  wire::Lineage out;
  out.set_time(lineage.clock.time);
  out.set_origin(lineage.clock.origin);
  if (lineage.before) {
    out.set_before_time(lineage.before->time);
    out.set_before_origin(lineage.before->origin);
  }
  out.set_via(lineage.via);
  return out.SerializeAsString();
}

// A field whose value is empty or zero is left out, as Protobuf does, unless it is marked optional
// (previous).
char* PutChange(const Change& change, char* at) {
  const size_t version_size = wire::ValueSize(change.version);
  const size_t previous_size = change.previous ? wire::ValueSize(*change.previous) : 0;
  const std::string lineage = change.lineage ? EncodeLineage(*change.lineage) : std::string();
  size_t size = 2;
  if (change.table != 0) size += 1 + wire::VarintSize(change.table);
  if (change.row.size() != 0) size += FieldSize(change.row.bytes().size());
  if (version_size != 0) size += FieldSize(version_size);
  if (change.previous) size += FieldSize(previous_size);
  if (change.lineage) size += FieldSize(lineage.size());
  *at++ = kChangesTag;
  at = wire::PutVarint(at, size);
  *at++ = kOpTag;
  *at++ = static_cast<char>(change.op);
  if (change.table != 0) {
    *at++ = kTableTag;
    at = wire::PutVarint(at, change.table);
  }
  if (change.row.size() != 0) at = PutBytesField(kRowTag, change.row.bytes(), at);
  if (version_size != 0) at = PutValueField(kVersionTag, change.version, version_size, at);
  if (change.previous) at = PutValueField(kPreviousTag, *change.previous, previous_size, at);
  if (change.lineage) at = PutBytesField(kLineageTag, lineage, at);
  return at;
}

size_t StringBytes(ValueView value) { return value.as_string().size(); }

// At least what the changes take.
size_t BodyBound(const std::vector<Change>& changes) {
  size_t bytes = 0;
  for (const Change& change : changes) {
    bytes += change.row.bytes().size() + kChangeOverheadMax + StringBytes(change.version);
    if (change.previous) bytes += StringBytes(*change.previous);
    if (change.lineage) bytes += kChangeOverheadMax;
  }
  return bytes;
}

void PackCursor(const FrameHeader& header, wire::PackedCursor& out) {
  const std::string& cursor = header.cursor;
  out.set_from(header.cursor_from->value());
  out.set_bytes(static_cast<uint32_t>(cursor.size()));
  if (cursor.empty()) return;
  std::string& packed = *out.mutable_zstd();
  packed.resize(compression::Bound(Compression::kSmall, cursor.size()));
  packed.resize(compression::Compress(Compression::kSmall, cursor, packed.data()));
}

std::string EncodeHeader(const FrameHeader& header) {
  wire::FrameHeader out;
  out.set_log_id(header.log_id.bytes.data(), header.log_id.bytes.size());
  out.set_epoch(header.epoch);
  out.set_base(header.base.value());
  out.set_count(header.count);
  out.set_previous_hash(header.previous_hash);
  out.set_written_at_us(header.written_at.time_since_epoch().count());
  out.set_closes_cut(header.closes_cut);
  for (const SchemaId id : header.schemas) out.add_schemas(id);
  if (header.cursor_from) {
    PackCursor(header, *out.mutable_packed_cursor());
  } else {
    out.set_cursor(header.cursor);
  }
  out.set_body_bytes(header.body_bytes);
  return out.SerializeAsString();
}

}  // namespace

char* FrameEncoder::Buffer::Room(size_t bytes) {
  // What one large row has taken is given back with the next frame.
  if (bytes > size_ || (size_ > kKeptBytes && bytes <= kKeptBytes)) {
    bytes_.reset();
    bytes_ = std::make_unique_for_overwrite<char[]>(bytes);
    size_ = bytes;
  }
  return bytes_.get();
}

std::string_view FrameEncoder::Encode(FrameHeader& header, const std::vector<Change>& changes,
                                      Compression compression) {
  SYNCLINE_CHECK(!changes.empty());
  if (changes.size() > kFrameChangesMax) {
    throw StopError("a frame would hold " + std::to_string(changes.size()) +
                        " changes, more than the " + std::to_string(kFrameChangesMax) +
                        " that it may hold",
                    "apply fewer changes at a time");
  }
  header.count = static_cast<uint32_t>(changes.size());
  char* const body = body_.Room(BodyBound(changes));
  char* body_end = body;
  for (const Change& change : changes) body_end = PutChange(change, body_end);
  const auto body_bytes = static_cast<size_t>(body_end - body);
  if (body_bytes > kFrameBytesMax) {
    throw StopError("the changes of one frame take " + std::to_string(body_bytes >> 20) +
                        " MiB, more than the " + std::to_string(kFrameBytesMax >> 20) +
                        " MiB that a frame may hold",
                    "leave the table's largest column out with omit");
  }
  header.body_bytes = static_cast<uint32_t>(body_bytes);
  if (header.cursor.size() > kCursorBytesMax) {
    throw StopError("how far each table was read takes more than the " +
                        std::to_string(kCursorBytesMax >> 20) + " MiB that a frame may tell of it",
                    "capture the tables in several sources, each with a log of its own");
  }

  const std::string head = EncodeHeader(header);
  const auto head_bytes = static_cast<uint32_t>(head.size());
  char* const entry = entry_.Room(kPrefixBytes + head.size() +
                                  compression::Bound(compression, body_bytes) + kHashBytes);
  char* at = entry;
  *at++ = static_cast<char>(NumberOf({compression, header.cursor_from.has_value()}));
  std::memcpy(at, &head_bytes, sizeof head_bytes);
  at = wire::PutBytes(at + sizeof head_bytes, head);
  at += compression::Compress(compression, {body, body_bytes}, at);
  header.hash = Checksum64({entry, static_cast<size_t>(at - entry)});
  std::memcpy(at, &header.hash, kHashBytes);
  at += kHashBytes;
  header.entry_bytes = static_cast<uint64_t>(at - entry);
  return {entry, header.entry_bytes};
}

std::string EncodeFrame(FrameHeader& header, const std::vector<Change>& changes,
                        Compression compression) {
  return std::string(FrameEncoder().Encode(header, changes, compression));
}

}  // namespace syncline
