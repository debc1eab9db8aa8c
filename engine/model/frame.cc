#include "engine/model/frame.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "engine/model/checksum.h"
#include "engine/model/compression.h"
#include "engine/model/frame_wire.h"
#include "engine/model/row_shape.h"
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

constexpr WallTime kFirstTime = std::chrono::sys_days(std::chrono::January / 1 / 1);
constexpr WallTime kLastTime = std::chrono::sys_days(std::chrono::January / 1 / 9999);

Lineage ReadLineage(std::string_view bytes) {
  wire::Lineage in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw DamageError("a change's lineage cannot be read");
  }
  Lineage lineage{.clock = {in.time(), in.origin()}, .via = in.via()};
  if (in.has_before_time()) lineage.before = RowClock{in.before_time(), in.before_origin()};
  if (!IsClock(lineage.clock) || (lineage.before && !IsClock(*lineage.before))) {
    throw DamageError("a change's lineage has a clock that is none");
  }
  return lineage;
}

// The shapes of a frame's tables, or nothing to hold rows against. A table that a frame names more
// than once has one shape.
class Shapes {
 public:
  explicit Shapes(size_t tables) : count_(tables) {}
  explicit Shapes(const EncodedFrame::Tables& tables) : count_(tables.size()) {
    of_tables_.reserve(count_);
    for (const auto& table : tables) {
      of_tables_.push_back(&shapes_.try_emplace(table.get(), *table).first->second);
    }
  }

  // A change's row, as `op` says: a mark has none.
  Row Read(Op op, uint32_t table, std::string_view bytes) const {
    if (op == Op::kMark) {
      if (!bytes.empty()) throw DamageError("a mark has a row");
      return {};
    }
    if (table >= count_) {
      throw DamageError("a change points to a table that its frame does not name");
    }
    if (of_tables_.empty()) return Row::FromBytes(std::string(bytes));
    const TableShapes& shapes = *of_tables_[table];
    return Row::FromBytes(std::string(bytes), op == Op::kDelete ? shapes.keys : shapes.rows);
  }

 private:
  const size_t count_;
  std::map<const TableSchema*, TableShapes> shapes_;
  std::vector<const TableShapes*> of_tables_;
};

Change ReadChange(std::string_view bytes, const Shapes& shapes) {
  wire::Reader reader(bytes);
  Change change;
  char last_tag = 0;
  uint64_t op = 0;
  std::string_view row;
  while (!reader.done()) {
    const char tag = reader.Take(1)[0];
    if (tag <= last_tag) throw DamageError("a change's fields are out of order");
    last_tag = tag;
    if (tag == kOpTag) {
      op = reader.Varint();
    } else if (tag == kTableTag) {
      change.table = static_cast<uint32_t>(std::min<uint64_t>(reader.Varint(), UINT32_MAX));
    } else if (tag == kRowTag) {
      row = reader.LengthDelimited();
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
  change.row = shapes.Read(change.op, change.table, row);
  return change;
}

void CheckHeader(const FrameHeader& header) {
  if (header.base >= kOffsetsEnd || header.count > kOffsetsEnd - header.base) {
    throw DamageError("a frame's offsets are beyond all offsets");
  }
  if (header.count == 0 || header.count > kFrameChangesMax) {
    throw DamageError("a frame says that it holds " + std::to_string(header.count) + " changes");
  }
  if (header.schemas.size() > kFrameChangesMax) {
    throw DamageError("a frame names more tables than it can have changes");
  }
  if (!IsWriteTime(header.written_at)) {
    throw DamageError("a frame was written at a time that no clock shows");
  }
}

// Bounded before memory is taken: Decompress believes no length that the bytes cannot have.
void UnpackCursor(const wire::FrameHeader& in, FrameHeader& header) {
  const wire::PackedCursor& packed = in.packed_cursor();
  const bool fits = in.has_packed_cursor() && in.cursor().empty() &&
                    packed.bytes() <= kCursorBytesMax && packed.from() <= in.base() &&
                    packed.zstd().empty() == (packed.bytes() == 0);
  if (!fits) throw DamageError("a frame's cursor cannot be read");
  header.cursor_from = Offset(packed.from());
  header.cursor.clear();
  if (packed.bytes() == 0) return;
  header.cursor = compression::Decompress(Compression::kSmall, packed.zstd(), packed.bytes());
}

}  // namespace

EncodedFrame::EncodedFrame(std::string_view entry) {
  if (entry.size() < kPrefixBytes + kHashBytes) throw DamageError("a frame is cut off");
  const auto number = static_cast<uint8_t>(entry[0]);
  const std::optional<Format> format = FormatOf(number);
  if (!format) {
    throw DamageError("a frame has format version " + std::to_string(number) +
                          ", this program knows those up to " + std::to_string(kFrameFormatMax),
                      "use a newer syncline for this log");
  }
  compression_ = format->compression;
  const std::string_view hashed = entry.substr(0, entry.size() - kHashBytes);
  std::memcpy(&header_.hash, entry.data() + hashed.size(), kHashBytes);
  if (Checksum64(hashed) != header_.hash) {
    throw DamageError("a frame's hash does not match its bytes");
  }
  uint32_t header_bytes;
  std::memcpy(&header_bytes, entry.data() + 1, 4);
  wire::FrameHeader in;
  if (header_bytes > std::min<size_t>(hashed.size() - kPrefixBytes, kFrameBytesMax) ||
      !in.ParseFromArray(entry.data() + kPrefixBytes, static_cast<int>(header_bytes)) ||
      in.log_id().size() != header_.log_id.bytes.size()) {
    throw DamageError("a frame's header cannot be read");
  }
  std::memcpy(header_.log_id.bytes.data(), in.log_id().data(), header_.log_id.bytes.size());
  header_.epoch = in.epoch();
  header_.base = Offset(in.base());
  header_.count = in.count();
  header_.previous_hash = in.previous_hash();
  header_.written_at = WallTime(Microseconds(in.written_at_us()));
  header_.closes_cut = in.closes_cut();
  header_.schemas.assign(in.schemas().begin(), in.schemas().end());
  if (format->packs_cursor) {
    UnpackCursor(in, header_);
  } else if (in.has_packed_cursor()) {
    throw DamageError("a frame has a cursor that its format version does not know");
  } else {
    header_.cursor = in.cursor();
  }
  header_.body_bytes = in.body_bytes();
  header_.entry_bytes = entry.size();
  CheckHeader(header_);
  body_ = hashed.substr(kPrefixBytes + header_bytes);
}

bool IsWriteTime(WallTime time) { return time >= kFirstTime && time <= kLastTime; }

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

FrameHeader DecodeFrameHeader(std::string_view entry) { return EncodedFrame(entry).header(); }

Frame DecodeFrame(std::string_view entry) { return EncodedFrame(entry).Decode(); }

namespace {

std::vector<Change> ReadChanges(std::string_view body, const FrameHeader& header,
                                const Shapes& shapes) {
  std::vector<Change> changes;
  // Every change takes at least four bytes. A hostile count beside a body of zeros gets past that,
  // so memory is taken for as many changes as the entry has bytes; more are rare, and seen first.
  if (header.count > body.size() / 4)
    throw DamageError("a frame holds fewer changes than its header says");
  changes.reserve(std::min<size_t>(header.count, header.entry_bytes));
  wire::Reader reader(body);
  while (!reader.done()) {
    const char tag = reader.Take(1)[0];
    const std::string_view bytes = reader.LengthDelimited();
    if (!reader.ok() || tag != kChangesTag) throw DamageError("a frame's body cannot be read");
    if (changes.size() == header.count) {
      throw DamageError("a frame holds more changes than its header says");
    }
    changes.push_back(ReadChange(bytes, shapes));
  }
  if (changes.size() != header.count) {
    throw DamageError("a frame holds fewer changes than its header says");
  }
  return changes;
}

}  // namespace

Frame EncodedFrame::Decode(Tables tables) && {
  SYNCLINE_CHECK_EQ(tables.size(), header_.schemas.size());
  const std::string body = compression::Decompress(compression_, body_, header_.body_bytes);
  std::vector<Change> changes = ReadChanges(body, header_, Shapes(tables));
  return {std::move(header_), std::move(tables), std::move(changes)};
}

Frame EncodedFrame::Decode() && {
  const std::string body = compression::Decompress(compression_, body_, header_.body_bytes);
  std::vector<Change> changes = ReadChanges(body, header_, Shapes(header_.schemas.size()));
  return {std::move(header_), {}, std::move(changes)};
}

}  // namespace syncline
