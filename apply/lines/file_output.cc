#include "apply/lines/file_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "engine/base/crash_point.h"
#include "engine/base/error.h"

namespace syncline::apply {

FileOutput::FileOutput(std::filesystem::path path)
    : path_(std::move(path)), name_("jsonl:" + path_.string()) {}

uint64_t FileOutput::Length() const {
  struct stat status = {};
  if (::fstat(file_->get(), &status) != 0) throw FileError("looking at " + path_.string(), errno);
  if (!S_ISREG(status.st_mode)) {
    throw UsageError(path_.string() + " is no plain file",
                     "`jsonl:-` writes to stdout, where a pipe can take the lines.");
  }
  return static_cast<uint64_t>(status.st_size);
}

void FileOutput::CheckUntouched() const {
  constexpr char kNobodyElse[] =
      "Stop the pipeline before anything is done to its file. Put the file back, or let the "
      "pipeline "
      "write to another one.";
  if (const uint64_t length = Length(); length != written_) {
    throw StopError(
        fmt::format("{} has {} bytes, but {} were written: somebody else has changed it",
                    path_.string(), length, written_),
        kNobodyElse);
  }
  struct stat open = {}, named = {};
  if (::fstat(file_->get(), &open) != 0) throw FileError("looking at " + path_.string(), errno);
  const bool is_named = ::stat(path_.c_str(), &named) == 0;
  if (!is_named && errno != ENOENT) throw FileError("looking at " + path_.string(), errno);
  if (is_named && named.st_dev == open.st_dev && named.st_ino == open.st_ino) return;
  throw StopError(fmt::format("{} was {} while lines were written to it", path_.string(),
                              is_named ? "replaced by another file" : "moved or removed"),
                  kNobodyElse);
}

void FileOutput::Open() {
  Close();
  std::error_code error;
  const bool was_there = std::filesystem::exists(path_, error);
  if (error) throw FileError("looking at " + path_.string(), error.value());
  // What is refused makes no file.
  if (!was_there) CheckFits(path_, std::nullopt, ReadPositionFile(PositionFileOf(path_)));
  auto file =
      std::make_unique<file::Descriptor>(path_, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK, 0600);
  if (file->get() < 0) throw FileError("opening " + path_.string(), errno);
  if (::flock(file->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) throw FileError("locking " + path_.string(), errno);
    throw EnvironmentError("another process writes to " + path_.string(),
                           "One pipeline of one process writes to a file; stop the other one.");
  }
  file_ = std::move(file);
  try {
    const uint64_t length = Length();
    const std::optional<FilePosition> position = ReadPositionFile(PositionFileOf(path_));
    CheckFits(path_, length, position);
    CheckTail(path_, file_->get(), position);
    if (!was_there) file::SyncFolder(path_.parent_path());
    has_position_file_ = position.has_value();
    counted_ = position ? position->length : 0;
    if (position) counted_tail_ = position->tail;
    written_ = length;
    if (position && (position->lines.at.next > Offset() || position->lines.at.frame_hash > 0)) {
      position_ = position->lines;
    }
  } catch (const Error&) {
    Close();
    throw;
  }
}

void FileOutput::Close() noexcept {
  file_.reset();
  position_.reset();
  has_position_file_ = false;
  counted_ = written_ = 0;
  counted_tail_.reset();
}

void FileOutput::Begin() {
  CheckUntouched();
  if (written_ > counted_ && ::ftruncate(file_->get(), static_cast<off_t>(counted_)) != 0) {
    throw FileError("cutting off what was not committed of " + path_.string(), errno);
  }
  written_ = counted_;
  // Before the first line, so that lines without a position are never Syncline's.
  if (!has_position_file_) WritePositionFile(PositionFileOf(path_), {});
  has_position_file_ = true;
}

void FileOutput::Write(std::string_view lines) {
  while (!lines.empty()) {
    const ssize_t wrote = ::write(file_->get(), lines.data(), lines.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) throw FileError("writing to " + path_.string(), errno);
    written_ += static_cast<uint64_t>(wrote);
    lines.remove_prefix(static_cast<size_t>(wrote));
  }
}

void FileOutput::Commit(const LinesPosition& to, bool is_part) {
  CrashPoint("lines.written");
  CheckUntouched();
  if (::fsync(file_->get()) != 0) throw FileError("syncing " + path_.string(), errno);
  CrashPoint("lines.synced");
  const uint64_t counted = is_part ? counted_ : written_;
  const std::optional<uint64_t> tail = is_part ? counted_tail_ : TailOf(file_->get(), counted);
  WritePositionFile(PositionFileOf(path_), {.lines = to, .length = counted, .tail = tail});
  CrashPoint("lines.committed");
  has_position_file_ = true;
  counted_ = counted;
  counted_tail_ = tail;
  position_ = to;
}

}  // namespace syncline::apply
