#include "engine/log/rocks/secondary_view.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/log/folder/log_folder.h"
#include "engine/log/store/layout.h"
#include "engine/log/store/rocks_options.h"
#include "engine/log/store/rocks_status.h"

namespace syncline {
namespace {

// One catch-up fills a hole. The looks after it are for a writer that flushes again and again, and
// for files that come and go while the store is being opened.
constexpr int kCatchUpTries = 1;
constexpr int kViewTriesMax = 8;
constexpr uint64_t kViewMemtable = 64u << 20;
constexpr Microseconds kReopenPause = std::chrono::milliseconds(2);

Error NoLog(const std::filesystem::path& folder) {
  return EnvironmentError(fmt::format("there is no log in {}", folder.string()),
                          "start `syncline capture` or `syncline run` first, or check `log:`");
}

}  // namespace

SecondaryView::SecondaryView(std::filesystem::path folder, Clock& clock)
    : folder_(std::move(folder)), clock_(clock), watch_(log_folder::MarkPath(folder_)) {
  Reopen();
}

// A log that is being made has its mark first, at offset 0, and its meta record last.
void SecondaryView::Reopen() {
  Close();
  const std::optional<Mark> mark = ReadMark(log_folder::MarkPath(folder_));
  const bool holds_frames = mark && mark->next > Offset(0);
  if (log_folder::Inspect(folder_) != log_folder::State::kStore) {
    throw holds_frames ? log_folder::IncompleteError(folder_) : NoLog(folder_);
  }
  for (int tries = 0;; ++tries) {
    const rocksdb::Status status = Open();
    std::optional<LogInfo> info;
    if (status.ok()) info = layout::ReadMeta(*NewIterator());
    if (info && !mark) throw log_folder::IncompleteError(folder_);
    if (info) {
      info_ = *std::move(info);
      return;
    }
    if (status.ok() && !holds_frames) throw NoLog(folder_);
    if (Mend(tries, /*broken=*/true)) continue;
    // TryAgain: the MANIFEST that CURRENT names is not there, and none has come in its place.
    if (!status.IsTryAgain()) {
      ThrowIfBad(status, fmt::format("opening the log in {}", folder_.string()));
    }
    throw log_folder::IncompleteError(folder_);
  }
}

void SecondaryView::Close() {
  frames_.family.reset();
  frames_.db.reset();
}

rocksdb::Status SecondaryView::OpenFamily(const std::string& name, Opened& opened) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, rocks::FramesOptions(kViewMemtable)}};
  if (name != rocksdb::kDefaultColumnFamilyName) {
    families.emplace_back(name, rocks::BaseOptions(kViewMemtable));
  }
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  // The second path would hold an info log; ReaderOptions has none, so nothing is ever written
  // there.
  rocksdb::Status status = rocksdb::DB::OpenAsSecondary(
      rocks::ReaderOptions(), folder_, folder_ / "unused", families, &handles, &db);
  opened.still = status.IsCorruption();
  if (opened.still) {
    opened.shows_until = mark().next;
    // A secondary instance takes the torn end that a power cut leaves in a WAL file for damage. A
    // read-only one shows what lies before it, as the writer does; should something be missing that
    // was acknowledged, ChainReader finds out.
    status = rocksdb::DB::OpenForReadOnly(rocks::ReaderOptions(), folder_, families, &handles, &db);
  }
  if (!status.ok()) return status;
  opened.db.reset(db);
  opened.family.reset(handles.back());
  if (handles.size() > 1) delete handles.front();
  return status;
}

rocksdb::Status SecondaryView::Open() {
  Close();
  return OpenFamily(rocksdb::kDefaultColumnFamilyName, frames_);
}

// A store of its own, opened afresh: it shows one moment, and the one that frames are read from
// stays as it is.
LogView::BaseSight SecondaryView::OpenBase() {
  auto opened = std::make_shared<Opened>();
  rocksdb::Status status;
  for (int tries = 0;; ++tries) {
    status = OpenFamily(layout::kBaseFamily, *opened);
    if (status.ok() || tries == kViewTriesMax) break;
    clock_.Sleep(kReopenPause * (1 << tries), {});
  }
  ThrowIfBad(status, fmt::format("opening the log in {}", folder_.string()));
  std::unique_ptr<rocksdb::Iterator> entries(
      opened->db->NewIterator(rocks::ScanOptions(), opened->family.get()));
  return {std::move(opened), std::move(entries)};
}

Mark SecondaryView::mark() {
  std::optional<Mark> mark = ReadMark(log_folder::MarkPath(folder_));
  if (!mark) throw log_folder::IncompleteError(folder_);
  return *mark;
}

// Any process may sync a file that it can read.
void SecondaryView::SyncMark() {
  const file::Descriptor mark(log_folder::MarkPath(folder_), O_RDONLY);
  if (mark.get() < 0 || ::fdatasync(mark.get()) != 0) {
    throw RetryError(
        fmt::format("syncing the durable mark in {}: {}", folder_.string(), std::strerror(errno)));
  }
}

rocksdb::Status SecondaryView::CatchUp() {
  if (!frames_.db) return Open();
  if (!frames_.still) return frames_.db->TryCatchUpWithPrimary();
  if (mark().next == frames_.shows_until) return rocksdb::Status::OK();
  outdated_.push_back(std::move(frames_));
  return Open();
}

std::unique_ptr<rocksdb::Iterator> SecondaryView::NewIterator() {
  return std::unique_ptr<rocksdb::Iterator>(
      frames_.db->NewIterator(rocks::ScanOptions(), frames_.family.get()));
}

bool SecondaryView::Mend(int tries, bool broken) {
  if (tries >= kViewTriesMax) return false;
  if (tries < kCatchUpTries && !broken) return true;  // the next look begins with a catch-up
  clock_.Sleep(kReopenPause * (1 << tries), {});
  Close();  // the next look begins with opening it again
  return true;
}

bool SecondaryView::Wait(Offset position, Microseconds duration, std::stop_token stop) {
  const auto moved = [&] {
    try {
      const Mark now = mark();
      return now.next > position || now.epoch != info_.epoch || now.log_id != info_.id;
    } catch (const Error&) {
      return true;  // the reader's next look deals with it
    }
  };
  return watch_.WaitUntil(moved, duration, std::move(stop));
}

}  // namespace syncline
