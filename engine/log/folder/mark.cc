#include "engine/log/folder/mark.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/error.h"
#include "engine/base/private_folder.h"
#include "engine/log/big_endian.h"
#include "engine/log/log_damage.h"
#include "engine/log/log_info.h"
#include "engine/model/checksum.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

constexpr char kMarkMagic[8] = {'S', 'L', 'M', 'A',
                                'R', 'K', 0,   1};  // the last one: format version
constexpr size_t kMarkNumberBytes = 8;
constexpr size_t kMarkBytes = sizeof kMarkMagic + sizeof(LogId::bytes) + 5 * kMarkNumberBytes;
// A reader may see a mark half overwritten; so often it looks again. An overwrite takes less than a
// microsecond, a read about as long.
constexpr int kMarkReadTries = 100;

std::string Trouble(std::string_view doing, const fs::path& path) {
  return fmt::format("{} {}: {}", doing, path.string(), std::strerror(errno));
}

void WriteAll(int fd, std::string_view bytes, const fs::path& path) {
  if (::pwrite(fd, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw RetryError(Trouble("writing", path), "check the disk and the folder");
  }
}

// Whole and durable under its name, or not there at all.
void Make(const fs::path& path, const Mark& mark) {
  const fs::path draft = path.string() + ".new";
  {
    ::unlink(draft.c_str());  // of a making that was cut off
    const file::Descriptor made(MakePrivateFile(draft));
    if (made.get() < 0) {
      throw EnvironmentError(Trouble("making", draft),
                             "give the user that runs syncline write access to the folder");
    }
    WriteAll(made.get(), EncodeMark(mark), draft);
    if (::fsync(made.get()) != 0) throw EnvironmentError(Trouble("syncing", draft));
  }
  if (::rename(draft.c_str(), path.c_str()) != 0) throw EnvironmentError(Trouble("making", path));
  file::SyncFolder(path.parent_path());
}

}  // namespace

std::string EncodeMark(const Mark& mark) {
  std::string bytes(kMarkMagic, sizeof kMarkMagic);
  bytes.append(reinterpret_cast<const char*>(mark.log_id.bytes.data()), mark.log_id.bytes.size());
  layout::AppendBigEndian64(bytes, mark.epoch);
  layout::AppendBigEndian64(bytes, mark.begin.value());
  layout::AppendBigEndian64(bytes, mark.next.value());
  layout::AppendBigEndian64(bytes, mark.hash);
  layout::AppendBigEndian64(bytes, Checksum64(bytes));
  return bytes;
}

std::optional<Mark> DecodeMark(std::string_view bytes) {
  if (bytes.size() != kMarkBytes || !bytes.starts_with({kMarkMagic, sizeof kMarkMagic})) return {};
  const char* at = bytes.data() + kMarkBytes - kMarkNumberBytes;
  if (layout::ReadBigEndian64(at) != Checksum64(bytes.substr(0, kMarkBytes - kMarkNumberBytes)))
    return {};
  Mark mark;
  at = bytes.data() + sizeof kMarkMagic;
  std::memcpy(mark.log_id.bytes.data(), at, mark.log_id.bytes.size());
  at += mark.log_id.bytes.size();
  mark.epoch = layout::ReadBigEndian64(at);
  mark.begin = Offset(layout::ReadBigEndian64(at + kMarkNumberBytes));
  mark.next = Offset(layout::ReadBigEndian64(at + 2 * kMarkNumberBytes));
  mark.hash = layout::ReadBigEndian64(at + 3 * kMarkNumberBytes);
  if (mark.epoch > kEpochMax || mark.begin > mark.next || mark.next > kOffsetsEnd) return {};
  return mark;
}

std::optional<Mark> ReadMark(const fs::path& path) {
  // Never through a link, and never waiting for the other end of a pipe.
  const file::Descriptor opened(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (opened.get() < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return {};
    throw EnvironmentError(Trouble("opening", path),
                           "give the user that runs syncline read access to the folder");
  }
  for (int tries = 0; tries < kMarkReadTries; ++tries) {
    char bytes[kMarkBytes + 1];  // one more, to see that there is no more
    const ssize_t size = ::pread(opened.get(), bytes, sizeof bytes, 0);
    if (size < 0) throw EnvironmentError(Trouble("reading", path));
    std::optional<Mark> mark = DecodeMark({bytes, static_cast<size_t>(size)});
    if (mark) return mark;
  }
  throw LogDamage(fmt::format("the mark in {} is damaged", path.string()));
}

MarkFile::MarkFile(const fs::path& path)
    : path_(path), file_(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK) {}

std::unique_ptr<MarkFile> MarkFile::Open(const fs::path& path, const Mark& mark) {
  std::error_code error;
  if (!fs::exists(path, error)) Make(path, mark);
  std::unique_ptr<MarkFile> opened(new MarkFile(path));
  if (opened->file_.get() < 0) {
    throw EnvironmentError(Trouble("opening", path),
                           "give the user that runs syncline write access to the folder");
  }
  opened->Write(mark);
  return opened;
}

void MarkFile::Write(const Mark& mark) { WriteAll(file_.get(), EncodeMark(mark), path_); }

void MarkFile::Sync() {
  if (::fdatasync(file_.get()) != 0) throw RetryError(Trouble("syncing", path_));
}
}  // namespace syncline
