// A killed process leaves what it has written to the kernel; a power cut leaves what was synced. So
// this program stands between the log and the C library, and knows of every file whether all that
// was written to it has been synced.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "engine/log/folder/mark.h"
#include "engine/log/retention.h"
#include "engine/log/rocks/open_log.h"
#include "index_oracle.h"
#include "sample_rows.h"

namespace syncline {
namespace {

template <typename Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

// What happens to the files of one folder. RocksDB writes on threads of its own.
class SyncWatch {
 public:
  explicit SyncWatch(std::string folder) : folder_(std::move(folder)) {
    const std::lock_guard lock(mutex_);
    current_ = this;
  }
  ~SyncWatch() {
    const std::lock_guard lock(mutex_);
    current_ = nullptr;
  }

  // Names of files with that ending that a power cut can take something from.
  std::vector<std::string> Unsynced(std::string_view ending) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, unsynced] : unsynced_) {
      if (unsynced && name.ends_with(ending)) names.push_back(name);
    }
    return names;
  }
  // Files of the store that this thread has deleted, and how many of them while the durable mark on
  // the disk said of another beginning than the one in memory. RocksDB's own threads delete what
  // they have rewritten, at any time.
  int deleted() const { return deleted_; }
  int deleted_too_early() const { return deleted_too_early_; }
  int begins_too_early() const { return begins_too_early_; }
  // Files that have got their name before their bytes were synced.
  std::vector<std::string> named_too_early() const { return named_too_early_; }

  template <typename Body>
  static void With(int fd, Body&& body) {
    char name[PATH_MAX] = {};
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    if (::readlink(link.c_str(), name, sizeof name - 1) > 0) With(name, body);
  }
  static int Sync(int fd, int (*next)(int)) {
    if (Fails(Call::kSync, fd)) return -1;
    const int result = next(fd);
    With(fd, [](SyncWatch& watch, const std::string& name) { watch.Synced(name); });
    return result;
  }
  template <typename Body>
  static void With(const char* path, Body&& body) {
    const std::lock_guard lock(mutex_);
    if (current_ == nullptr || !std::string_view(path).starts_with(current_->folder_)) return;
    body(*current_, std::string(path).substr(current_->folder_.size()));
  }

  enum class Call { kWrite, kSync };
  // The next such call on a file with that ending fails, as on a disk that has a bad day.
  void FailNext(Call call, std::string ending) {
    const std::lock_guard lock(mutex_);
    failing_ = std::pair(call, std::move(ending));
  }
  static bool Fails(Call call, int fd) {
    bool fails = false;
    With(fd, [&](SyncWatch& watch, const std::string& name) {
      fails =
          watch.failing_ && watch.failing_->first == call && name.ends_with(watch.failing_->second);
      if (fails) watch.failing_.reset();
    });
    if (fails) errno = EIO;
    return fails;
  }

  void Written(const std::string& name, const void* bytes, size_t length) {
    unsynced_[name] = true;
    if (name.ends_with(".log")) records_ = name;
    if (name != "/durable") return;
    const auto mark = DecodeMark({static_cast<const char*>(bytes), length});
    if (!mark || mark->begin == begin_) return;
    begin_ = mark->begin;
    // Where the log begins is told when the base that holds the rest is on the disk. What came
    // before the last file of records may be in tables, and is then never synced there.
    begins_too_early_ += unsynced_[records_];
  }
  void Synced(const std::string& name) {
    unsynced_[name] = false;
    if (name == "/durable") synced_begin_ = begin_;
  }
  void Renamed(const std::string& name, std::string_view to) {
    if (unsynced_[name]) named_too_early_.emplace_back(to);
    if (to.starts_with(folder_))
      unsynced_[std::string(to.substr(folder_.size()))] = unsynced_[name];
    unsynced_.erase(name);
  }
  void Deleted(const std::string& name) {
    unsynced_.erase(name);
    if (!name.ends_with(".sst") || std::this_thread::get_id() != thread_) return;
    ++deleted_;
    deleted_too_early_ += begin_ != synced_begin_;
  }

 private:
  static inline std::mutex mutex_;
  static inline SyncWatch* current_ = nullptr;

  const std::string folder_;
  const std::thread::id thread_ = std::this_thread::get_id();
  std::map<std::string, bool> unsynced_;
  std::string records_;  // the file that records were written to last
  std::optional<Offset> begin_, synced_begin_;
  std::optional<std::pair<Call, std::string>> failing_;
  std::vector<std::string> named_too_early_;
  int deleted_ = 0;
  int deleted_too_early_ = 0;
  int begins_too_early_ = 0;
};

}  // namespace
}  // namespace syncline

// These stand before the C library's for RocksDB, too. What is written counts as unsynced before it
// is, and as synced after it is.
extern "C" {

ssize_t write(int fd, const void* bytes, size_t length) {
  static auto* const next = syncline::Real<ssize_t(int, const void*, size_t)>("write");
  syncline::SyncWatch::With(
      fd, [&](auto& watch, const std::string& name) { watch.Written(name, bytes, length); });
  return next(fd, bytes, length);
}

ssize_t pwrite(int fd, const void* bytes, size_t length, off_t offset) {
  static auto* const next = syncline::Real<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  if (syncline::SyncWatch::Fails(syncline::SyncWatch::Call::kWrite, fd)) return -1;
  syncline::SyncWatch::With(
      fd, [&](auto& watch, const std::string& name) { watch.Written(name, bytes, length); });
  return next(fd, bytes, length, offset);
}

int fsync(int fd) {
  static auto* const next = syncline::Real<int(int)>("fsync");
  return syncline::SyncWatch::Sync(fd, next);
}

int fdatasync(int fd) {
  static auto* const next = syncline::Real<int(int)>("fdatasync");
  return syncline::SyncWatch::Sync(fd, next);
}

int rename(const char* from, const char* to) {
  static auto* const next = syncline::Real<int(const char*, const char*)>("rename");
  syncline::SyncWatch::With(from,
                            [&](auto& watch, const std::string& name) { watch.Renamed(name, to); });
  return next(from, to);
}

int unlink(const char* path) {
  static auto* const next = syncline::Real<int(const char*)>("unlink");
  syncline::SyncWatch::With(path,
                            [&](auto& watch, const std::string& name) { watch.Deleted(name); });
  return next(path);
}

}  // extern "C"

namespace syncline {
namespace {

using Names = std::vector<std::string>;

class LogSyncTest : public testing::Test {
 protected:
  Names UnsyncedFrames() const { return watch_.Unsynced(".log"); }
  Names UnsyncedMark() const { return watch_.Unsynced("/durable"); }

  TempFolder temp_;
  const std::filesystem::path folder_ = temp_.path() / "log";
  SyncWatch watch_{folder_.string()};
  ManualClock clock_;
  std::unique_ptr<ChangeLog> log_ =
      OpenRocksLog(folder_, kSource, clock_, {.memtable_bytes = 64u << 10});
};

// Invariant 1. Seen to fail when Append, and when Prepare writes without syncing. What is only
// saved so that less is read again, a cursor between two cuts and the place of a batch that changed
// nothing, need not be synced: it shows that this test sees what is not.
TEST_F(LogSyncTest, WhatTheLogHasTakenIsOnTheDisk) {
  EXPECT_EQ(UnsyncedFrames(), Names());
  log_->SaveCursor("between");
  EXPECT_EQ(UnsyncedFrames().size(), 1);
  log_->Append(ItemsDraft(0, 3));
  EXPECT_EQ(UnsyncedFrames(), Names());
  log_->NoteApplied("pipeline", "token");
  EXPECT_EQ(UnsyncedFrames().size(), 1);
  log_->Prepare(ItemsDraft(3, 3), "pipeline", "token");
  EXPECT_EQ(UnsyncedFrames(), Names());
  log_->AppendPrepared();
  EXPECT_EQ(UnsyncedFrames(), Names());
  log_->Prepare(ItemsDraft(6, 3), "pipeline", "token");
  log_->DropPrepared();
  EXPECT_EQ(UnsyncedFrames(), Names());
}

// A mark is whole under its name, or not there at all. Seen to fail when a new one is renamed
// without being synced.
TEST_F(LogSyncTest, AFileHasItsBytesBeforeItsName) {
  EXPECT_TRUE(log_->NewReader()->Acknowledge("one", Offset(0)));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "durable"));
  EXPECT_EQ(watch_.named_too_early(), Names());
}

// Invariant 2. Seen to fail when Secure, in the writer's process or in another, does not sync, and
// when the mark is not synced by itself after a second.
TEST_F(LogSyncTest, TheMarkIsOnTheDiskWhenATargetMayGoBeyondIt) {
  EXPECT_EQ(UnsyncedMark(), Names());
  std::vector<std::unique_ptr<LogReader>> readers;
  readers.push_back(log_->NewReader());
  readers.push_back(OpenRocksLogReader(folder_, clock_));
  for (const auto& reader : readers) {
    log_->Append(ItemsDraft(0, 3));
    EXPECT_EQ(UnsyncedMark().size(), 1);
    reader->Secure(log_->next());
    EXPECT_EQ(UnsyncedMark(), Names());
  }
  log_->Append(ItemsDraft(0, 3));
  EXPECT_EQ(UnsyncedMark().size(), 1);
  clock_.Advance(std::chrono::seconds(1));
  log_->Append(ItemsDraft(0, 3));
  EXPECT_EQ(UnsyncedMark(), Names());
  log_->Append(ItemsDraft(0, 3));
  EXPECT_EQ(UnsyncedMark().size(), 1);
  readers.clear();
  log_.reset();
  EXPECT_EQ(UnsyncedMark(), Names());
}

// Seen to fail when the log's new beginning is not synced before the files go: a power cut leaves a
// mark then that asks for frames which are gone. And when the base is not synced before the mark
// says that frames are in it.
TEST_F(LogSyncTest, FilesGoWhenTheMarkOnTheDiskSaysSo) {
  std::minstd_rand random(7);
  for (int i = 0; i < 200; ++i) {
    std::string noise(20'000, ' ');
    for (char& c : noise) c = static_cast<char>(' ' + random() % 95);
    log_->Append(ItemsDraft(i % 10, 1, "cursor", true, noise));
  }
  const int before = watch_.deleted();
  log_->NewRetention({.keep_bytes = 300'000})->Run({});
  EXPECT_GT(watch_.deleted(), before);
  EXPECT_EQ(watch_.deleted_too_early(), 0);
  EXPECT_EQ(watch_.begins_too_early(), 0);
}

// The frame is durable and the mark could not be moved: the next call finds it, says so once, and
// all goes on behind it. Seen to fail when the log's end is not read again (a second frame takes
// the place of the first), and when the index does not follow (what the frame holds is logged
// again).
TEST_F(LogSyncTest, AFrameThatNobodyWasToldOfIsFoundByTheNextCall) {
  log_->Append(ItemsDraft(0, 3, "before"));
  watch_.FailNext(SyncWatch::Call::kWrite, "/durable");
  EXPECT_EQ(ErrorOf([&] { log_->Append(ItemsDraft(3, 3, "after")); }).reaction(), Reaction::kRetry);
  EXPECT_EQ(log_->next(), Offset(3));
  const auto look = [&] { return log_->Lookup(ItemsTable()->table, {ItemKey(3)}).front(); };
  EXPECT_EQ(ErrorOf(look).reaction(), Reaction::kRestart);
  EXPECT_EQ(log_->next(), Offset(6));
  EXPECT_EQ(log_->cursor(), "after");
  EXPECT_EQ(look()->offset, Offset(3));
  EXPECT_EQ(log_->Append(ItemsDraft(6, 1)), Offset(6));
  ExpectIndexTellsAboutTheFrames(*log_, 10);
  const std::vector<Frame> frames = Drain(*log_->NewReader());
  EXPECT_EQ(frames.size(), 3);
  ExpectChain(frames, Offset(0), 0);
}

// What the kernel has dropped nobody can sync again: the log is of no use until it is opened anew,
// and the frame is then there whole or not at all. Seen to fail when Append takes what could not be
// synced for written.
TEST_F(LogSyncTest, AfterASyncThatFailedTheLogHasToBeOpenedAnew) {
  log_->Append(ItemsDraft(0, 3));
  watch_.FailNext(SyncWatch::Call::kSync, ".log");
  const Error first = ErrorOf([&] { log_->Append(ItemsDraft(3, 3)); });
  EXPECT_NE(first.message().find("fdatasync"), std::string::npos) << first.message();
  const Error again = ErrorOf([&] { log_->Append(ItemsDraft(3, 3)); });
  EXPECT_EQ(again.exit_code(), 3) << again.message();
  EXPECT_NE(again.hint().find("start again"), std::string::npos) << again.hint();
  EXPECT_EQ(ReadMark(folder_ / "durable")->next, Offset(3));
  log_.reset();
  log_ = OpenRocksLog(folder_, kSource, clock_, {.memtable_bytes = 64u << 10});
  EXPECT_TRUE(log_->next() == Offset(3) || log_->next() == Offset(6)) << log_->next();
  ExpectIndexTellsAboutTheFrames(*log_, 10);
}

}  // namespace
}  // namespace syncline
