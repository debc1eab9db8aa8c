#include "engine/log/folder/poll_note_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <limits>
#include <utility>

#include "engine/base/file.h"
#include "engine/log/big_endian.h"
#include "engine/log/folder/log_folder.h"
#include "engine/model/checksum.h"

namespace syncline {
namespace {

constexpr char kNoteMagic[8] = {'S', 'L', 'P', 'O',
                                'L', 'L', 0,   1};  // the last one: format version
constexpr size_t kNoteNumberBytes = 8;
constexpr size_t kNoteBytes = sizeof kNoteMagic + sizeof(LogId::bytes) + 4 * kNoteNumberBytes;
constexpr int64_t kNever = std::numeric_limits<int64_t>::min();
// A reader may see a note half overwritten; an overwrite takes about as long as a read.
constexpr int kNoteReadTries = 100;

int64_t Count(WallTime time) { return time.time_since_epoch().count(); }
WallTime Time(int64_t count) { return WallTime(Microseconds(count)); }

bool IsRegular(int fd) {
  struct stat status = {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

std::string EncodePollNote(const LogId& id, const PollNote& note) {
  std::string bytes(kNoteMagic, sizeof kNoteMagic);
  bytes.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
  const int64_t polled = note.polled ? Count(*note.polled) : kNever;
  layout::AppendBigEndian64(bytes, static_cast<uint64_t>(Count(note.started)));
  layout::AppendBigEndian64(bytes, static_cast<uint64_t>(polled));
  layout::AppendBigEndian64(bytes, note.loading);
  layout::AppendBigEndian64(bytes, Checksum64(bytes));
  return bytes;
}

std::optional<PollNote> DecodePollNote(const LogId& id, std::string_view bytes) {
  if (bytes.size() != kNoteBytes || !bytes.starts_with({kNoteMagic, sizeof kNoteMagic})) return {};
  const char* const at = bytes.data() + sizeof kNoteMagic;
  const char* const numbers = at + id.bytes.size();
  const size_t summed = kNoteBytes - kNoteNumberBytes;
  if (std::memcmp(at, id.bytes.data(), id.bytes.size()) != 0) return {};
  if (layout::ReadBigEndian64(bytes.data() + summed) != Checksum64(bytes.substr(0, summed))) {
    return {};
  }
  const auto number = [numbers](size_t i) {
    return layout::ReadBigEndian64(numbers + i * kNoteNumberBytes);
  };
  PollNote note{.started = Time(static_cast<int64_t>(number(0))), .loading = number(2)};
  const auto polled = static_cast<int64_t>(number(1));
  if (polled != kNever) note.polled = Time(polled);
  return note;
}

std::unique_ptr<PollNoteFile> PollNoteFile::Open(const std::filesystem::path& folder,
                                                 const LogId& id) {
  const std::filesystem::path path = folder / log_folder::kPolledName;
  constexpr int kFlags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  const int file = ::open(path.c_str(), kFlags, 0600);
  if (file < 0) return nullptr;
  std::unique_ptr<PollNoteFile> opened(new PollNoteFile(file, id));
  return IsRegular(file) ? std::move(opened) : nullptr;
}

PollNoteFile::~PollNoteFile() { ::close(file_); }

void PollNoteFile::Write(const PollNote& note) noexcept {
  try {
    const std::string bytes = EncodePollNote(id_, note);
    const ssize_t written = ::pwrite(file_, bytes.data(), bytes.size(), 0);
    static_cast<void>(written);
  } catch (const std::exception&) {  // no memory: the next poll has its own note
  }
}

std::optional<PollNote> ReadPollNote(const std::filesystem::path& folder, const LogId& id) {
  const file::Descriptor opened(folder / log_folder::kPolledName,
                                O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (opened.get() < 0 || !IsRegular(opened.get())) return {};
  for (int tries = 0; tries < kNoteReadTries; ++tries) {
    char bytes[kNoteBytes + 1];  // one more, to see that there is no more
    const ssize_t size = ::pread(opened.get(), bytes, sizeof bytes, 0);
    if (size < 0) return {};
    if (auto note = DecodePollNote(id, {bytes, static_cast<size_t>(size)})) return note;
  }
  return {};
}

}  // namespace syncline
