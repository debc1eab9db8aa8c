#include "engine/log/secondary_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/log/layout.h"
#include "engine/log/log_folder.h"
#include "engine/log/rocks_options.h"
#include "engine/log/rocks_status.h"

namespace syncline {
namespace {

using std::chrono::milliseconds;

constexpr Microseconds kPauseMin = milliseconds(1);
constexpr Microseconds kPauseMax = milliseconds(20);
// One catch-up fills a hole. The looks after it are for a writer that flushes again and again, and
// for files that come and go while the store is being opened.
constexpr int kCatchUpTries = 2;
constexpr int kTriesMax = 8;
constexpr Microseconds kReopenPause = milliseconds(2);

Error NoLog(const std::filesystem::path& folder) {
  return EnvironmentError(fmt::format("there is no log in {}", folder.string()),
                          "start `syncline capture` or `syncline run` first, or check `log:`");
}

}  // namespace

SecondaryView::SecondaryView(std::filesystem::path folder, Clock& clock)
    : folder_(std::move(folder)), clock_(clock), pause_(kPauseMin) {
  if (log_folder::Inspect(folder_) != log_folder::State::kStore) throw NoLog(folder_);
  rocksdb::Status status = Reopen();
  for (int tries = 0; !status.ok(); ++tries, status = Reopen()) {
    const Error error = ToError(status, fmt::format("opening the log in {}", folder_.string()));
    if (error.reaction() == Reaction::kStop || !Mend(tries)) throw error;
  }
  std::optional<LogInfo> info = layout::ReadMeta(*NewIterator());
  if (!info) throw NoLog(folder_);
  info_ = *std::move(info);
}

void SecondaryView::Close() {
  frames_.reset();
  db_.reset();
}

rocksdb::Status SecondaryView::Reopen() {
  Close();
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  // The second path would hold an info log; ReaderOptions has none, so nothing is ever written
  // there.
  const rocksdb::Status status = rocksdb::DB::OpenAsSecondary(
      rocks::ReaderOptions(), folder_, folder_ / "unused",
      {{rocksdb::kDefaultColumnFamilyName, rocks::FramesOptions(/*memtable_bytes=*/64u << 20)}},
      &handles, &db);
  if (!status.ok()) return status;
  db_.reset(db);
  frames_.reset(handles[0]);
  return status;
}

rocksdb::Status SecondaryView::CatchUp() { return db_ ? db_->TryCatchUpWithPrimary() : Reopen(); }

std::unique_ptr<rocksdb::Iterator> SecondaryView::NewIterator() {
  seen_ = db_->GetLatestSequenceNumber();
  return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(rocks::ScanOptions(), frames_.get()));
}

Offset SecondaryView::limit() const {
  return Offset(uint64_t{1} << 63);  // offsets end there
}

bool SecondaryView::Mend(int tries) {
  if (tries >= kTriesMax) return false;
  if (tries < kCatchUpTries && db_) return true;  // the next look begins with a catch-up
  clock_.Sleep(kReopenPause * (1 << tries), {});
  Close();  // the next look begins with opening it again
  return true;
}

bool SecondaryView::Wait(Offset /*position*/, Microseconds duration, std::stop_token stop) {
  const Microseconds until = clock_.Monotonic() + duration;
  while (!stop.stop_requested()) {
    // After a bad status there may be anything: the reader's next look deals with it.
    if (!db_ || !db_->TryCatchUpWithPrimary().ok() || db_->GetLatestSequenceNumber() != seen_) {
      pause_ = kPauseMin;
      return true;
    }
    const Microseconds left = until - clock_.Monotonic();
    if (left <= Microseconds(0)) return true;
    if (!clock_.Sleep(std::min(pause_, left), stop)) return false;
    pause_ = std::min(pause_ * 2, kPauseMax);
  }
  return false;
}

}  // namespace syncline
