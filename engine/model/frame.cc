#include "engine/model/frame.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "engine/model/checksum.h"
#include "engine/model/value_text.h"
#include "engine/model/wire.h"
#include "frame.pb.h"

namespace syncline {
namespace {

constexpr size_t kPrefixBytes = 1 + 4;  // format version, header length
constexpr size_t kHashBytes = 8;
constexpr size_t kZstdBlockBytesMax = 128u << 10;
// Level 1: the log is written at the source's speed; higher levels gain a few percent of size for
// twice the time.
constexpr int kCompressionLevel = 1;

constexpr char kChangesTag = wire::Tag(1, wire::kLength);
constexpr char kOpTag = wire::Tag(1, wire::kVarint);
constexpr char kTableTag = wire::Tag(2, wire::kVarint);
constexpr char kRowTag = wire::Tag(3, wire::kLength);
constexpr char kVersionTag = wire::Tag(4, wire::kLength);
constexpr char kPreviousTag = wire::Tag(5, wire::kLength);

size_t FieldSize(size_t content) { return 1 + wire::VarintSize(content) + content; }

void AppendBytesField(char tag, std::string_view content, std::string& out) {
  out += tag;
  wire::AppendVarint(out, content.size());
  out.append(content);
}

void AppendValueField(char tag, ValueView value, std::string& out) {
  out += tag;
  wire::AppendVarint(out, wire::ValueSize(value));
  wire::AppendValue(value, out);
}

// A field whose value is empty or zero is left out, as Protobuf does, unless it is marked optional
// (previous).
void AppendChange(const Change& change, std::string& out) {
  size_t size = 2;
  if (change.table != 0) size += 1 + wire::VarintSize(change.table);
  if (change.row.size() != 0) size += FieldSize(change.row.bytes().size());
  if (!change.version.is_null()) size += FieldSize(wire::ValueSize(change.version));
  if (change.previous) size += FieldSize(wire::ValueSize(*change.previous));
  out += kChangesTag;
  wire::AppendVarint(out, size);
  out += kOpTag;
  out += static_cast<char>(change.op);
  if (change.table != 0) {
    out += kTableTag;
    wire::AppendVarint(out, change.table);
  }
  if (change.row.size() != 0) AppendBytesField(kRowTag, change.row.bytes(), out);
  if (!change.version.is_null()) AppendValueField(kVersionTag, change.version, out);
  if (change.previous) AppendValueField(kPreviousTag, *change.previous, out);
}

Value ReadCheckedValue(std::string_view bytes) {
  if (!wire::CheckValue(bytes)) throw DamageError("a version's bytes are not a value");
  return Value(wire::ReadValue(bytes));
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

std::string Compress(const std::string& body) {
  thread_local const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(),
                                                                                ZSTD_freeCCtx);
  std::string compressed(ZSTD_compressBound(body.size()), '\0');
  const size_t size = ZSTD_compressCCtx(context.get(), compressed.data(), compressed.size(),
                                        body.data(), body.size(), kCompressionLevel);
  SYNCLINE_CHECK(!ZSTD_isError(size));
  compressed.resize(size);
  return compressed;
}

std::string Decompress(std::string_view compressed, uint32_t body_bytes) {
  // A hostile length cannot make this allocate more than the text could become: zstd makes at most
  // 128 KiB out of a block, which takes at least four bytes.
  if (body_bytes > kFrameBytesMax || body_bytes > compressed.size() / 4 * kZstdBlockBytesMax ||
      ZSTD_getFrameContentSize(compressed.data(), compressed.size()) != body_bytes) {
    throw DamageError("a frame's body does not have the length that its header says");
  }
  thread_local const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                                ZSTD_freeDCtx);
  std::string body(body_bytes, '\0');
  const size_t size = ZSTD_decompressDCtx(context.get(), body.data(), body.size(),
                                          compressed.data(), compressed.size());
  if (ZSTD_isError(size) || size != body_bytes)
    throw DamageError("a frame's body cannot be decompressed");
  return body;
}

std::string EncodeHeader(const FrameHeader& header, size_t body_bytes) {
  wire::FrameHeader out;
  out.set_log_id(header.log_id.bytes.data(), header.log_id.bytes.size());
  out.set_epoch(header.epoch);
  out.set_base(header.base.value());
  out.set_count(header.count);
  out.set_previous_hash(header.previous_hash);
  out.set_written_at_us(header.written_at.time_since_epoch().count());
  out.set_closes_cut(header.closes_cut);
  for (const SchemaId id : header.schemas) out.add_schemas(id);
  out.set_cursor(header.cursor);
  out.set_body_bytes(static_cast<uint32_t>(body_bytes));
  return out.SerializeAsString();
}

// An entry taken apart, its hash checked.
struct Parts {
  FrameHeader header;
  std::string_view body;
};

Parts TakeApart(std::string_view entry) {
  if (entry.size() < kPrefixBytes + kHashBytes) throw DamageError("a frame is cut off");
  if (static_cast<uint8_t>(entry[0]) != kFrameFormat) {
    throw DamageError("a frame has format version " +
                          std::to_string(static_cast<uint8_t>(entry[0])) + ", this program knows " +
                          std::to_string(kFrameFormat),
                      "use a newer syncline for this log");
  }
  const std::string_view hashed = entry.substr(0, entry.size() - kHashBytes);
  Parts parts;
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

std::string EncodeFrame(FrameHeader& header, const std::vector<Change>& changes) {
  SYNCLINE_CHECK(!changes.empty());
  header.count = static_cast<uint32_t>(changes.size());
  std::string body;
  size_t estimate = 0;
  for (const Change& change : changes) estimate += change.row.bytes().size() + 48;
  body.reserve(estimate);
  for (const Change& change : changes) AppendChange(change, body);
  if (body.size() > kFrameBytesMax) {
    throw StopError("the changes of one frame take " + std::to_string(body.size() >> 20) +
                        " MiB, more than the " + std::to_string(kFrameBytesMax >> 20) +
                        " MiB that a frame may hold",
                    "leave the table's largest column out with omit");
  }

  const std::string head = EncodeHeader(header, body.size());
  const std::string compressed = Compress(body);
  const auto head_bytes = static_cast<uint32_t>(head.size());
  std::string entry;
  entry.reserve(kPrefixBytes + head.size() + compressed.size() + kHashBytes);
  entry += static_cast<char>(kFrameFormat);
  entry.append(reinterpret_cast<const char*>(&head_bytes), 4);
  entry += head;
  entry += compressed;
  header.hash = Checksum64(entry);
  entry.append(reinterpret_cast<const char*>(&header.hash), kHashBytes);
  header.body_bytes = static_cast<uint32_t>(body.size());
  header.entry_bytes = entry.size();
  return entry;
}

FrameHeader DecodeFrameHeader(std::string_view entry) { return TakeApart(entry).header; }

Frame DecodeFrame(std::string_view entry) {
  Parts parts = TakeApart(entry);
  const std::string body = Decompress(parts.body, parts.header.body_bytes);
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
