#pragma once

#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include <cstdint>
#include <optional>
#include <string>

#include "engine/log/log_info.h"
#include "engine/log/rocks/log_store.h"

namespace syncline {

// A whole cursor, and the frames behind the one that holds it whole, of which it was made: their
// entries' bytes, and how many they are. Plain value type.
struct WholeCursor {
  std::string cursor;
  uint64_t bytes_since = 0;
  uint64_t frames_since = 0;
};

// The whole cursor after `last`, a frame of that log, put together of the frames from
// `last.cursor_from` on. Nothing if one of these is not there, as `at` sees it, which then stands
// where it should be. Moves `at`. Throws DamageError. Private to engine/log.
std::optional<WholeCursor> ReadWholeCursor(rocksdb::Iterator& at, const FrameHeader& last,
                                           const LogInfo& info);

// Whether a log may begin at `offset`, as `at` sees it: the frame there has a whole cursor, or
// there is none. Moves `at`. Throws DamageError. Private to engine/log.
bool MayBeginAt(rocksdb::Iterator& at, Offset offset, const LogInfo& info);

// How far capture has read, as the log's writer keeps it. A small cursor stands in each frame as it
// is. Of a large one a frame holds what has changed since the frame before, and now and then all of
// it, so that few frames have to be read to know it. The first frame that a log holds has a whole
// one: retention sees to that. FORMAT.md says where it all lies.
//
// Private to engine/log; belongs to the writing thread. Borrows the store.
class CursorChain {
 public:
  explicit CursorChain(LogStore& store) : store_(store) {}

  // Reads everything again; `last` is the log's last frame, none in a new log. Throws DamageError.
  void Read(const std::optional<FrameHeader>& last);

  // The one that was appended or saved last.
  const std::string& cursor() const { return saved_ ? *saved_ : cursor_; }

  // Puts the cursor into the header of the next frame; `cut_open`: the frame before did not close
  // its cut.
  void PutInto(FrameHeader& header, std::string cursor, bool cut_open);
  // The frame that was prepared last is in the log.
  void Appended(const FrameHeader& header);

  // What saves a cursor without a frame, to be written.
  void StageSave(const std::string& cursor, Offset next, rocksdb::WriteBatch& batch);
  // It was.
  void Saved(std::string cursor) { saved_ = std::move(cursor); }

 private:
  std::optional<std::string> ReadSaved(Offset next);
  bool WantsWhole(bool cut_open) const;

  LogStore& store_;
  std::string cursor_;                // after the last frame
  std::string next_;                  // after the one that PutInto has prepared
  std::optional<std::string> saved_;  // later than cursor_
  std::optional<Offset> whole_at_;    // the last frame with a whole one; none: there is no frame
  bool whole_in_cut_ = false;         // that frame does not begin a cut
  bool next_in_cut_ = false;          // nor does the one that PutInto has prepared
  uint64_t whole_bytes_ = 0;          // about what that takes there
  uint64_t bytes_since_ = 0;          // of the entries after it
  uint64_t frames_since_ = 0;
};

}  // namespace syncline
