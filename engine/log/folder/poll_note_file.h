#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/log/poll_note.h"
#include "engine/model/frame.h"

namespace syncline {

// The note of a log's writer in a small file of the log's folder, overwritten in place. Writing
// costs one pwrite and is not waited for on the disk. A crash of the machine may take notes back:
// an older one says less than is true. Private to engine/log. Threads: one, as PollNoteWriter says.
class PollNoteFile : public PollNoteWriter {
 public:
  // Opens the file of the log `id` in `folder`, or makes it. Null where that is impossible.
  static std::unique_ptr<PollNoteFile> Open(const std::filesystem::path& folder, const LogId& id);
  ~PollNoteFile() override;

  void Write(const PollNote& note) noexcept override;

 private:
  PollNoteFile(int file, const LogId& id) : id_(id), file_(file) {}

  const LogId id_;
  const int file_;  // its descriptor
};

// What the file in `folder` says of the log `id`. Nothing where there is no such note: the file is
// missing, cannot be read, is damaged, or belongs to another log.
std::optional<PollNote> ReadPollNote(const std::filesystem::path& folder, const LogId& id);

// The file's bytes: 8 of magic, 16 of log id, started and polled in microseconds (polled is the
// smallest number when there is none), the number of tables, XXH3-64 of all that; big-endian.
std::string EncodePollNote(const LogId& id, const PollNote& note);
std::optional<PollNote> DecodePollNote(const LogId& id, std::string_view bytes);

}  // namespace syncline
