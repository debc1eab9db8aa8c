#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>

#include "engine/base/clock.h"
#include "engine/base/file.h"

namespace syncline {

// Waits for another process to move a mark: the kernel tells of the write (inotify), so waiting
// costs nothing. Where it does not tell (a network file system, no more watches) the mark is looked
// at every 20 ms. Private to engine/log; belongs to one thread.
class MarkWatch {
 public:
  explicit MarkWatch(std::filesystem::path file);

  // Returns as soon as `moved` says so, after `duration`, or at a stop; false for the latter.
  // `moved` is asked once before waiting and then whenever the file may have been written.
  bool WaitUntil(const std::function<bool()>& moved, Microseconds duration, std::stop_token stop);

 private:
  bool Listen();

  const std::filesystem::path file_;
  const file::Descriptor events_;  // of inotify; negative: none to be had
  const file::Descriptor stopped_;
};

}  // namespace syncline
