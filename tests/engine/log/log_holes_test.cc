// The holes that RocksDB's secondary instance shows, made at will.
//
// Its TryCatchUpWithPrimary (7.8.3) first reads the MANIFEST, then lists the folder for WAL files,
// then reads those. When the writer flushes between the first two steps, it drops the WAL file that
// the secondary was reading; what the secondary had not read of it is in an SST file by now, which
// the MANIFEST did not name yet, and the next WAL file is read as if nothing had come before:
// frames are missing in the middle, until the next catch-up. That moment is the call of opendir,
// which this program catches.
#include <dirent.h>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>
#include <string>

#include "engine/log/rocks/open_log.h"
#include "engine/log/store/layout.h"
#include "engine/log/store/rocks_options.h"
#include "sample_rows.h"

namespace syncline {
namespace {

// What happens between the two steps of a catch-up; runs in the thread that catches up.
std::function<void(const std::string& folder)> before_listing;

}  // namespace
}  // namespace syncline

// Stands before the C library's for RocksDB too.
extern "C" DIR* opendir(const char* folder) {
  if (const auto hook = std::exchange(syncline::before_listing, nullptr)) {
    hook(folder);
    syncline::before_listing = hook;
  }
  using Function = DIR*(const char*);
  static auto* const next = reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, "opendir"));
  return next(folder);
}

namespace syncline {
namespace {

constexpr uint64_t kMemtableBytes = 64u << 10;

// What a reader would be that trusts the secondary: catches up, and takes what lies behind the last
// frame it has seen.
class NaiveReader {
 public:
  explicit NaiveReader(const std::filesystem::path& folder) {
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status = rocksdb::DB::OpenAsSecondary(
        rocksdb::Options(rocks::ReaderOptions(), rocks::FramesOptions(kMemtableBytes)), folder,
        folder / "unused", &db);
    if (!status.ok()) throw std::runtime_error(status.ToString());
    db_.reset(db);
  }

  // The offsets of the frames that are new to it.
  void Poll(std::vector<Offset>& delivered) {
    ASSERT_TRUE(db_->TryCatchUpWithPrimary().ok());
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(rocks::ScanOptions()));
    for (at->Seek(layout::FrameKey(next_)); at->Valid(); at->Next()) {
      const std::optional<Offset> base = layout::ParseFrameKey(at->key().ToStringView());
      if (!base) break;
      delivered.push_back(*base);
      next_ = *base + 1;
    }
    ASSERT_TRUE(at->status().ok());
  }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  Offset next_;
};

class LogHolesTest : public testing::Test {
 protected:
  ~LogHolesTest() override { before_listing = nullptr; }

  std::set<std::string> WalFiles() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      if (entry.path().extension() == ".log") names.insert(entry.path().filename());
    }
    return names;
  }

  void Append() {
    const auto id = static_cast<int64_t>(log_->next().value());
    log_->Append(ItemsDraft(id, 1, "cursor", true, name_));
    ++frames_;
  }

  // Until every WAL file of before is gone and the new one holds frames.
  void AppendThroughAFlush() {
    const std::set<std::string> before = WalFiles();
    for (int tries = 0; tries < 20'000; ++tries) {
      Append();
      const std::set<std::string> now = WalFiles();
      if (std::ranges::none_of(before, [&](const auto& name) { return now.contains(name); })) {
        Append();
        return;
      }
    }
    FAIL() << "the writer does not drop its WAL files";
  }

  TempFolder temp_;
  std::filesystem::path folder_ = temp_.path() / "log";
  SystemClock clock_;
  std::unique_ptr<ChangeLog> log_ =
      OpenRocksLog(folder_, kSource, clock_, {.memtable_bytes = kMemtableBytes});
  std::string name_ = [] {
    std::string noise(12'000, ' ');
    std::minstd_rand random(7);
    for (char& c : noise) c = static_cast<char>(' ' + random() % 95);
    return noise;
  }();
  size_t frames_ = 0;
};

// Invariant 2. Fails when ChainReader does not compare offsets, or takes what it sees for what
// comes next, as the naive reader does, which is seen to lose frames in the same run.
TEST_F(LogHolesTest, AReaderThatTrustsTheSecondarySkipsFramesAndOursDoesNot) {
  constexpr int kRounds = 10;
  Append();
  NaiveReader naive(folder_);
  const auto reader = OpenRocksLogReader(folder_, clock_);
  std::vector<Offset> naively;
  std::vector<Frame> frames;
  int listings = 0;
  for (int round = 0; round < kRounds; ++round) {
    Append();  // something that both find before the flush
    before_listing = [&](const std::string& folder) {
      if (folder != folder_) return;
      ++listings;
      AppendThroughAFlush();
    };
    naive.Poll(naively);
    before_listing = nullptr;
    int holes_left = 3;  // for a reader that comes back to fill them, one after the other
    before_listing = [&](const std::string& folder) {
      if (folder != folder_ || holes_left-- <= 0) return;
      ++listings;
      AppendThroughAFlush();
    };
    for (Frame& frame : Drain(*reader)) frames.push_back(std::move(frame));
    before_listing = nullptr;
  }
  naive.Poll(naively);
  for (Frame& frame : Drain(*reader)) frames.push_back(std::move(frame));

  EXPECT_GE(listings, 2 * kRounds);
  EXPECT_LT(naively.size(), frames_) << "the secondary has shown no hole: this test shows nothing";
  EXPECT_EQ(frames.size(), frames_);
  ExpectChain(frames, Offset(0), 0);
  std::printf("%zu frames: the naive reader skipped %zu, ours none\n", frames_,
              frames_ - naively.size());
}

}  // namespace
}  // namespace syncline
