#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "apply/batch/batch.h"
#include "engine/log/log_reader.h"

namespace syncline::apply {

// Groups the frames of a log into batches. A batch ends where a cut is closed, as long as the cut
// fits: the target then moves from one consistent state of the source to the next. Only a cut that
// is larger than the limits is split, between two frames. The reader never waits to fill a batch:
// what is closed goes out at once, and what belongs to an open cut is kept for the next batch. Nor
// does it join cuts between which a table has got another schema: what came before is on the target
// when the new schema is looked at.
//
// Holds at most the limits and one frame in memory. Belongs to one thread; borrows the log's
// reader, which nobody else may move.
class BatchReader {
 public:
  struct Limits {
    uint64_t changes = 0;
    uint64_t bytes = 0;  // of row data
  };
  // Where to stop. Whatever comes first; neither is part of the last batch.
  struct End {
    std::optional<Offset> offset;
    std::optional<WallTime> time;  // the first frame written after this
  };

  BatchReader(LogReader& log, Limits limits) : log_(log), limits_(limits) {}

  // The next batch starts at `next`; `frame_hash` is that of the frame that ends there, 0 when not
  // known. Forgets what was read ahead.
  void Seek(Offset next, uint64_t frame_hash, End end);

  // Nothing when the log has no more for now (wait, then ask again) or when the end is reached. At
  // the end a batch may stop inside of a cut, and with End::offset inside of a frame.
  std::optional<Batch> Next();

  // True when End was met and everything before it was handed out.
  bool finished() const { return at_end_ && frames_.empty(); }

 private:
  bool full() const { return changes_ >= limits_.changes || bytes_ >= limits_.bytes; }
  void Fill();
  bool TakeFrame();
  size_t OfOneSchema(size_t frames) const;
  Batch Pop(size_t frames);

  LogReader& log_;
  const Limits limits_;
  End end_;
  Offset handed_out_;  // the next batch starts here
  Offset read_;        // the next frame from the log is cut off before this
  bool at_end_ = false;
  std::deque<Frame> frames_;  // read, not handed out
  uint64_t changes_ = 0;      // in frames_
  uint64_t bytes_ = 0;        // in frames_
};

}  // namespace syncline::apply
