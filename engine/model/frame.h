#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/offset.h"
#include "engine/model/change.h"
#include "engine/model/schema.h"

namespace syncline {

// Names one log for ever: 16 random bytes, written as a uuid.
struct LogId {
  std::array<uint8_t, 16> bytes{};

  static LogId Random();
  static LogId Parse(std::string_view uuid_text);  // throws DamageError
  std::string ToString() const;
  auto operator<=>(const LogId&) const = default;
};

inline constexpr uint8_t kFrameFormatMax = 4;  // readers know all from 1

// How a frame's changes are compressed.
enum class Compression {
  kSmall,  // zstd, level 1
  kFast,   // LZ4: a third of the time, 1.6 to 1.8 times the bytes
};

// No frame is longer, uncompressed, nor holds more changes; a decoder refuses to allocate for more.
inline constexpr uint32_t kFrameBytesMax = 256u << 20;
inline constexpr uint32_t kFrameChangesMax = 1u << 20;

// Whether a time from outside can have been some machine's clock: within the years that a date
// can be written in, so that calculating with it does not overflow.
bool IsWriteTime(WallTime time);
// No cursor is longer.
inline constexpr uint32_t kCursorBytesMax = 64u << 20;

struct FrameHeader {
  LogId log_id;
  uint64_t epoch = 0;             // grows when a log's history is cut off or restored from a backup
  Offset base;                    // of the first change
  uint32_t count = 0;             // changes; never 0
  uint64_t previous_hash = 0;     // hash of the frame before; 0 for the first
  WallTime written_at;            // this machine's clock
  bool closes_cut = false;        // after this frame the log mirrors one snapshot of the source
  std::vector<SchemaId> schemas;  // what Change::table points into
  // How far capture has read the source once this frame is in; capture's own bytes. Whole, or what
  // ApplyCursorDelta makes it of the cursor after the frame before: see has_whole_cursor().
  std::string cursor;
  // The last frame up to this one that has a whole cursor. Not set: this one, and the cursor is
  // written as it is; set, it is written compressed.
  std::optional<Offset> cursor_from = {};
  uint64_t hash = 0;         // XXH3-64 of the encoded frame; not encoded itself but appended
  uint32_t body_bytes = 0;   // of the changes, uncompressed
  uint64_t entry_bytes = 0;  // of the whole entry; not encoded

  Offset end() const { return base + count; }
  bool has_whole_cursor() const { return !cursor_from || *cursor_from == base; }
  bool operator==(const FrameHeader&) const = default;
};

// A batch of changes as one entry of the log. `tables` runs parallel to header.schemas.
struct Frame {
  FrameHeader header;
  std::vector<std::shared_ptr<const TableSchema>> tables;
  std::vector<Change> changes;
};

// Makes log entries, as FORMAT.md says; keeps its memory for the next one. Belongs to one thread.
class FrameEncoder {
 public:
  // The bytes of one entry; they last until the next call. `header.count` is taken from `changes`,
  // hash and sizes are set; the caller has filled in the rest of the header. Throws StopError when
  // the changes are more than kFrameChangesMax or take more than kFrameBytesMax.
  std::string_view Encode(FrameHeader& header, const std::vector<Change>& changes,
                          Compression compression);

 private:
  class Buffer {
   public:
    // Room for so many bytes; what was there is gone.
    char* Room(size_t bytes);

   private:
    std::unique_ptr<char[]> bytes_;
    size_t size_ = 0;
  };
  Buffer body_;
  Buffer entry_;
};

// The same for a single entry.
std::string EncodeFrame(FrameHeader& header, const std::vector<Change>& changes,
                        Compression compression = Compression::kSmall);

// An entry whose format version, hash and header are checked, and whose changes are not read yet.
// Borrows the entry.
class EncodedFrame {
 public:
  using Tables = std::vector<std::shared_ptr<const TableSchema>>;

  explicit EncodedFrame(std::string_view entry);  // throws DamageError

  const FrameHeader& header() const { return header_; }

  // The frame with its changes; `tables` are those of header().schemas. Checks lengths, count,
  // table indexes, every row's bytes and that each row has its table's shape. Throws DamageError.
  Frame Decode(Tables tables) &&;
  // The same without tables: the rows are held against nothing. For a frame whose rows are not
  // used.
  Frame Decode() &&;

 private:
  FrameHeader header_;
  Compression compression_;
  std::string_view body_;
};

// Header only: checks format version and hash, does not decompress. Throws DamageError.
FrameHeader DecodeFrameHeader(std::string_view entry);
// Header and changes; `tables` is left empty. As EncodedFrame::Decode without tables.
Frame DecodeFrame(std::string_view entry);

}  // namespace syncline
