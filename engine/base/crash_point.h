#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace syncline {

// Places at which a test can let the program die as if by kill -9, to see what it leaves behind:
// the environment variable SYNCLINE_CRASH_AT=NAME[:COUNT] ends the process the COUNT-th time (1
// where none is given) that it passes the point. In the order in which a change passes them.
inline constexpr std::array<std::string_view, 22> kCrashPoints = {
    "log.made",               // the store is there, its meta record is not
    "log.named",              // the meta record is there, nothing else
    "load.range_begun",       // before the snapshot that a range is read in
    "load.range_read",        // before the range's last frame, which carries the cursor
    "load.range_logged",      // after it
    "poll.begun",             // before the snapshot
    "poll.read",              // the rows are read, the last frame and the cursor are not written
    "poll.logged",            // the cut is closed
    "cut.frame_logged",       // in the middle of a cut, after one of its frames
    "append.before_write",    // the batch is put together
    "append.before_publish",  // the frame is on disk, and no reader of this process knows of it
    "append.published",       // readers know
    "cursor.saved",           // a cursor without a frame, not synced
    "apply.before_begin",     // a batch is read
    "apply.progress_moved",   // in the transaction, before the rows
    "apply.rows_written",     // in the transaction, before its commit
    "apply.committed",        // the stage does not know of the commit yet
    "apply.noted",            // it does
    "lines.written",          // of a file of lines: they are in the file, not synced
    "lines.synced",           // their position is not there
    "lines.position_made",    // it is, under another name
    "lines.committed",        // the stage does not know yet
};

namespace internal {

// Place in kCrashPoints; kCrashPoints.size() if nothing is armed. Written once, before there are
// threads.
extern size_t armed_crash_point;

void PassArmedCrashPoint();

// A name that is not in the list does not compile.
struct CrashPointIndex {
  consteval CrashPointIndex(const char* name) {  // NOLINT: made from a literal
    while (kCrashPoints.at(index) != name) ++index;
  }
  size_t index = 0;
};

}  // namespace internal

// Marks such a place. Costs a comparison of one number when nothing is armed. Thread-safe.
inline void CrashPoint(internal::CrashPointIndex point) {
  if (internal::armed_crash_point == point.index) [[unlikely]]
    internal::PassArmedCrashPoint();
}

// Arms what SYNCLINE_CRASH_AT says, if it is set. Throws UsageError for a name that is not in the
// list, which it shows. For the start of main.
void ArmCrashPoint();

}  // namespace syncline
