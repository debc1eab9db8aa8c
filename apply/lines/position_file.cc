#include "apply/lines/position_file.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>

#include "engine/base/crash_point.h"
#include "engine/base/error.h"
#include "engine/base/file.h"
#include "engine/model/checksum.h"

namespace syncline::apply {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFirstLine = "syncline position 2";
constexpr std::string_view kFirstLineOfEarlierBuilds = "syncline position 1";
constexpr std::string_view kCheck = "check ";  // begins the last line
constexpr uint64_t kPositionBytesMax = 4096;
constexpr uint64_t kTailBytes = 4096;

Error NoPosition(const fs::path& file) {
  return StopError(fmt::format("{} is no position of a file of lines", file.string()),
                   "Somebody else wrote to it. Put back the file that Syncline wrote, or let the "
                   "pipeline write to another file.");
}

uint64_t NumberOf(const std::string& text, int base, const fs::path& file) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number, base);
  if (error != std::errc() || at != end || text.empty()) throw NoPosition(file);
  return number;
}

fs::path TemporaryOf(const fs::path& file) { return file.string() + ".new"; }

std::string Now() {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}+00",
                     std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
}

}  // namespace

Error FileError(const std::string& what, int error) {
  const std::string message = fmt::format("{}: {}", what, std::strerror(error));
  if (error == ENOSPC || error == EDQUOT || error == EINTR || error == EAGAIN) {
    return RetryError(message, "It goes on when there is room again.");
  }
  return EnvironmentError(message, "Look at the file, its folder and their rights.");
}

fs::path PositionFileOf(const fs::path& output) { return output.string() + ".position"; }

std::vector<fs::path> PositionFilesOf(const fs::path& output) {
  const fs::path file = PositionFileOf(output);
  return {file, TemporaryOf(file)};
}

std::string EncodePosition(const FilePosition& position) {
  const Progress& at = position.lines.at;
  std::string text = fmt::format(
      "{}\npipeline {}\nlog_id {}\nepoch {}\nnext_offset {}\nframe_hash {:016x}\ncut_open {}\n"
      "length {}\nupdated_at {}\n",
      kFirstLine, at.pipeline, at.log_id, at.epoch, at.next.value(), at.frame_hash,
      position.lines.cut_open ? 1 : 0, position.length,
      at.updated_at.empty() ? Now() : at.updated_at);
  if (position.tail) text += fmt::format("tail {:016x}\n", *position.tail);
  return text + fmt::format("{}{:016x}\n", kCheck, Checksum64(text));
}

FilePosition DecodePosition(const std::string& text, const fs::path& file) {
  const size_t check = text.rfind(fmt::format("\n{}", kCheck));
  const bool is_checked = text.starts_with(kFirstLine);
  const std::string members_text = is_checked ? text.substr(0, check + 1) : text;
  if (is_checked && text.substr(members_text.size()) !=
                        fmt::format("{}{:016x}\n", kCheck, Checksum64(members_text))) {
    throw NoPosition(file);
  }
  std::istringstream in(members_text);
  std::string line;
  if (!std::getline(in, line) || (line != kFirstLine && line != kFirstLineOfEarlierBuilds)) {
    throw NoPosition(file);
  }
  std::map<std::string, std::string> members;
  while (std::getline(in, line)) {
    const size_t blank = line.find(' ');
    if (blank == std::string::npos) throw NoPosition(file);
    if (!members.emplace(line.substr(0, blank), line.substr(blank + 1)).second) {
      throw NoPosition(file);
    }
  }
  const auto member = [&](const char* name) -> const std::string& {
    const auto found = members.find(name);
    if (found == members.end()) throw NoPosition(file);
    return found->second;
  };
  FilePosition position;
  Progress& at = position.lines.at;
  at.pipeline = member("pipeline");
  at.log_id = member("log_id");
  at.epoch = NumberOf(member("epoch"), 10, file);
  at.next = Offset(NumberOf(member("next_offset"), 10, file));
  at.reached = at.next;
  at.frame_hash = NumberOf(member("frame_hash"), 16, file);
  at.updated_at = member("updated_at");
  position.lines.cut_open = NumberOf(member("cut_open"), 10, file) != 0;
  position.length = NumberOf(member("length"), 10, file);
  if (members.contains("tail")) position.tail = NumberOf(member("tail"), 16, file);
  return position;
}

std::optional<FilePosition> ReadPositionFile(const fs::path& file) {
  const file::Descriptor in(file, O_RDONLY | O_NONBLOCK);
  if (in.get() < 0) {
    if (errno == ENOENT) return std::nullopt;
    throw FileError("reading " + file.string(), errno);
  }
  std::string text(kPositionBytesMax + 1, '\0');
  const ssize_t got = ::read(in.get(), text.data(), text.size());
  if (got < 0) throw FileError("reading " + file.string(), errno);
  text.resize(static_cast<size_t>(got));
  if (text.size() > kPositionBytesMax) throw NoPosition(file);
  return DecodePosition(text, file);
}

void WritePositionFile(const fs::path& file, const FilePosition& position) {
  const std::string text = EncodePosition(position);
  const fs::path temporary = TemporaryOf(file);
  {
    const file::Descriptor out(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (out.get() < 0) throw FileError("making " + temporary.string(), errno);
    const ssize_t wrote = ::write(out.get(), text.data(), text.size());
    if (wrote < 0) throw FileError("writing " + temporary.string(), errno);
    if (static_cast<size_t>(wrote) != text.size()) {
      throw FileError("writing " + temporary.string(), ENOSPC);
    }
    if (::fsync(out.get()) != 0) throw FileError("syncing " + temporary.string(), errno);
  }
  CrashPoint("lines.position_made");
  if (::rename(temporary.c_str(), file.c_str()) != 0) {
    throw FileError("renaming " + temporary.string(), errno);
  }
  file::SyncFolder(file.parent_path());
}

void CheckFits(const fs::path& output, std::optional<uint64_t> length,
               const std::optional<FilePosition>& position) {
  const std::string name = output.string();
  if (!position) {
    if (length.value_or(0) == 0) return;
    throw UsageError(
        fmt::format("{} is not empty, and there is no {} to say which of its lines count", name,
                    PositionFileOf(output).string()),
        "Let the pipeline write to a file that is not there yet, or put back the position file "
        "that belongs to this one.");
  }
  if (length.value_or(0) >= position->length) return;
  throw UsageError(
      fmt::format("{} {} bytes, but {} says that {} were written", name,
                  length ? fmt::format("has only {}", *length) : std::string("is not there: 0"),
                  PositionFileOf(output).string(), position->length),
      "Put the file back as it was, or let the pipeline write to another file, which begins with "
      "what the log still holds.");
}

uint64_t TailOf(int fd, uint64_t length) {
  std::string tail(std::min(length, kTailBytes), '\0');
  for (size_t done = 0; done < tail.size();) {
    const ssize_t got = ::pread(fd, tail.data() + done, tail.size() - done,
                                static_cast<off_t>(length - tail.size() + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw FileError("reading the end of the lines", errno);
    if (got == 0) break;  // it was shortened just now: the checksum will be another one
    done += static_cast<size_t>(got);
  }
  return Checksum64(tail);
}

void CheckTail(const fs::path& output, int fd, const std::optional<FilePosition>& position) {
  if (!position || !position->tail || TailOf(fd, position->length) == *position->tail) return;
  throw UsageError(
      fmt::format("{} is not the file that {} was written for: other bytes stand before its "
                  "position",
                  output.string(), PositionFileOf(output).string()),
      "Put the file back as it was, or let the pipeline write to another file, which begins with "
      "what the log still holds.");
}

std::optional<Progress> ReadLinesProgress(const fs::path& output) {
  const std::optional<FilePosition> position = ReadPositionFile(PositionFileOf(output));
  std::error_code error;
  const uint64_t length = fs::file_size(output, error);
  CheckFits(output, error ? std::nullopt : std::optional<uint64_t>(length), position);
  if (!position) return std::nullopt;
  // Who may not read the output is told the position all the same.
  const file::Descriptor lines(output, O_RDONLY | O_NONBLOCK);
  if (lines.get() >= 0) CheckTail(output, lines.get(), position);
  const Progress& at = position->lines.at;
  if (at.next == Offset() && at.frame_hash == 0) return std::nullopt;
  return at;
}

}  // namespace syncline::apply
