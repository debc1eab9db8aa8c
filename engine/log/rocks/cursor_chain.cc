#include "engine/log/rocks/cursor_chain.h"

#include <fmt/format.h>

#include <utility>

#include "engine/base/error.h"
#include "engine/log/big_endian.h"
#include "engine/log/log_damage.h"
#include "engine/log/rocks/log_entry.h"
#include "engine/log/store/layout.h"
#include "engine/log/store/rocks_options.h"
#include "engine/log/store/rocks_status.h"
#include "engine/model/cursor_delta.h"

namespace syncline {
namespace {

// In the index family, under table id 0, behind the offset at which it was saved: a cursor, or what
// changed in it since the last frame.
constexpr char kSavedCursorKey[] = "\0\0\0\0cursor";
constexpr char kSavedDeltaKey[] = "\0\0\0\0cursor_delta";
rocksdb::Slice SavedCursorKey() { return {kSavedCursorKey, sizeof(kSavedCursorKey) - 1}; }
rocksdb::Slice SavedDeltaKey() { return {kSavedDeltaKey, sizeof(kSavedDeltaKey) - 1}; }

// A cursor of no more than this is written as it is: programs that know no other form read it.
constexpr size_t kPlainBytes = 1u << 10;

// A whole cursor comes when the frames since the last one take so many times its bytes, which
// bounds what has to be read and what it costs; or are so many, which bounds the work of putting it
// together.
constexpr uint64_t kBytesPerWholeByte = 16;
constexpr uint64_t kFramesPerWhole = 256;
// Where a cut is open, so much longer is waited for its end: retention needs a whole cursor in a
// frame that begins one. What came whole within a cut is followed by one in the next such frame.
constexpr uint64_t kPatience = 2;

// What zstd makes of a cursor, about, where nobody has measured it.
constexpr uint64_t kPackedPart = 8;

// Whether the frame in front of the one at `base` is there and left its cut open.
bool IsWithinCut(rocksdb::Iterator& at, Offset base, const LogInfo& info) {
  at.SeekForPrev(layout::FrameKey(base));
  if (at.Valid()) at.Prev();
  if (!at.Valid() || !layout::ParseFrameKey(at.key().ToStringView())) return false;
  return !OpenEntry(at.key().ToStringView(), at.value().ToStringView(), info).header().closes_cut;
}

}  // namespace

std::optional<WholeCursor> ReadWholeCursor(rocksdb::Iterator& at, const FrameHeader& last,
                                           const LogInfo& info) {
  if (last.has_whole_cursor()) return WholeCursor{.cursor = last.cursor};
  WholeCursor whole;
  std::string& cursor = whole.cursor;
  Offset end = *last.cursor_from;
  std::optional<uint64_t> hash;
  for (at.Seek(layout::FrameKey(end)); end < last.end(); at.Next()) {
    if (!at.Valid() || layout::ParseFrameKey(at.key().ToStringView()) != end) return {};
    FrameHeader header =
        OpenEntry(at.key().ToStringView(), at.value().ToStringView(), info).header();
    if (hash ? header.previous_hash != *hash || header.cursor_from != last.cursor_from
             : !header.has_whole_cursor()) {
      throw LogDamage(
          fmt::format("the frame at offset {} is not the one that the cursor after it "
                      "was made of",
                      end.value()));
    }
    try {
      cursor = hash ? ApplyCursorDelta(cursor, header.cursor) : std::move(header.cursor);
    } catch (Error& error) {
      throw LogDamage(fmt::format("the frame at offset {}: {}", end.value(), error.message()));
    }
    if (cursor.size() > kCursorBytesMax) {
      throw LogDamage(fmt::format("the cursor after offset {} is too long", end.value()));
    }
    if (hash) {
      whole.bytes_since += header.entry_bytes;
      ++whole.frames_since;
    }
    hash = header.hash;
    end = header.end();
  }
  if (end != last.end() || hash != last.hash) return {};
  return whole;
}

bool MayBeginAt(rocksdb::Iterator& at, Offset offset, const LogInfo& info) {
  const std::string key = layout::FrameKey(offset);
  at.Seek(key);
  ThrowIfBad(at.status(), fmt::format("reading the log at offset {}", offset.value()));
  if (!at.Valid() || at.key() != rocksdb::Slice(key)) return true;
  return OpenEntry(at.key().ToStringView(), at.value().ToStringView(), info)
      .header()
      .has_whole_cursor();
}

void CursorChain::Read(const std::optional<FrameHeader>& last) {
  cursor_.clear();
  whole_at_.reset();
  whole_in_cut_ = false;
  bytes_since_ = frames_since_ = 0;
  if (last) {
    const std::unique_ptr<rocksdb::Iterator> at(store_.db().NewIterator(rocks::ScanOptions()));
    std::optional<WholeCursor> whole = ReadWholeCursor(*at, *last, store_.info());
    ThrowIfBad(at->status(), fmt::format("reading the log in {}", store_.folder().string()));
    if (!whole) {
      throw LogDamage(
          fmt::format("the frames from offset {} on, which the log's cursor is made "
                      "of, are not all there",
                      last->cursor_from->value()));
    }
    cursor_ = std::move(whole->cursor);
    whole_at_ = last->cursor_from.value_or(last->base);
    bytes_since_ = whole->bytes_since;
    frames_since_ = whole->frames_since;
    whole_in_cut_ = IsWithinCut(*at, *whole_at_, store_.info());
    ThrowIfBad(at->status(), fmt::format("reading the log in {}", store_.folder().string()));
  }
  whole_bytes_ = cursor_.size() / kPackedPart + 1;
  saved_ = ReadSaved(last ? last->end() : Offset(0));
}

std::optional<std::string> CursorChain::ReadSaved(Offset next) {
  const std::string reading = fmt::format("reading the log in {}", store_.folder().string());
  for (const rocksdb::Slice key : {SavedCursorKey(), SavedDeltaKey()}) {
    std::string bytes;
    const rocksdb::Status status = store_.db().Get({}, store_.index(), key, &bytes);
    if (status.IsNotFound()) continue;
    ThrowIfBad(status, reading);
    if (bytes.size() < 8) throw LogDamage(reading + ": the saved cursor is cut off");
    if (Offset(layout::ReadBigEndian64(bytes.data())) != next) continue;
    std::string saved = bytes.substr(8);
    return key == SavedCursorKey() ? saved : ApplyCursorDelta(cursor_, saved);
  }
  return {};
}

bool CursorChain::WantsWhole(bool cut_open) const {
  const uint64_t patience = cut_open ? kPatience : 1;
  return !whole_at_ || (whole_in_cut_ && !cut_open) ||
         bytes_since_ >= patience * kBytesPerWholeByte * whole_bytes_ ||
         frames_since_ >= patience * kFramesPerWhole;
}

void CursorChain::PutInto(FrameHeader& header, std::string cursor, bool cut_open) {
  next_ = std::move(cursor);
  next_in_cut_ = cut_open;
  header.cursor_from.reset();
  if (next_.size() <= kPlainBytes) {
    header.cursor = next_;
    return;
  }
  if (!WantsWhole(cut_open)) {
    header.cursor = MakeCursorDelta(cursor_, next_);
    if (header.cursor.size() < next_.size() / 2) {
      header.cursor_from = whole_at_;
      return;
    }
  }
  header.cursor = next_;
  header.cursor_from = header.base;
}

void CursorChain::Appended(const FrameHeader& header) {
  cursor_ = std::move(next_);
  saved_.reset();
  if (!header.has_whole_cursor()) {
    bytes_since_ += header.entry_bytes;
    ++frames_since_;
    return;
  }
  whole_at_ = header.base;
  whole_in_cut_ = next_in_cut_;
  whole_bytes_ = cursor_.size() / kPackedPart + 1;
  bytes_since_ = frames_since_ = 0;
}

void CursorChain::StageSave(const std::string& cursor, Offset next, rocksdb::WriteBatch& batch) {
  std::string value;
  layout::AppendBigEndian64(value, next.value());
  const bool plain = cursor.size() <= kPlainBytes;
  value += plain ? cursor : MakeCursorDelta(cursor_, cursor);
  batch.Put(store_.index(), plain ? SavedCursorKey() : SavedDeltaKey(), value);
  batch.Delete(store_.index(), plain ? SavedDeltaKey() : SavedCursorKey());
}

}  // namespace syncline
