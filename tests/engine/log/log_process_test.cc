// The log under processes that die and readers in another process.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <random>
#include <string>

#include "engine/log/rocks/open_log.h"
#include "index_oracle.h"
#include "sample_rows.h"

namespace syncline {
namespace {

// A log_writer as a child process.
class WriterProcess {
 public:
  // Of `items`, if that is not 0: see log_writer.cc.
  WriterProcess(const std::filesystem::path& folder, uint64_t changes, int memtable_kib,
                int items = 0, int index_kib = 0) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("pipe");
    const std::string count = std::to_string(changes), kib = std::to_string(memtable_kib);
    const std::string item_count = std::to_string(items), index = std::to_string(index_kib);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::close(ends[0]);
      ::close(ends[1]);
      const char* const other = ::getenv("SYNCLINE_LOG_WRITER");  // as tests/mutate makes it
      ::execl(other != nullptr ? other : LOG_WRITER, "log_writer", folder.c_str(), count.c_str(),
              kib.c_str(), items == 0 ? nullptr : item_count.c_str(), index.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    output_ = ::fdopen(ends[0], "r");
  }
  ~WriterProcess() {
    Kill();
    ::fclose(output_);
  }

  // The next offset that the writer acknowledged; 0 when it has gone and all was read.
  uint64_t ReadAcknowledged() {
    char line[32];
    if (std::fgets(line, sizeof line, output_) == nullptr) return 0;
    return std::strtoull(line, nullptr, 10);
  }
  void Kill() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    Join();
  }
  // Lets the writer come to its end; its exit status. Reads what it says, or it would wait in a
  // full pipe.
  int Finish() {
    while (ReadAcknowledged() != 0) {
    }
    return Join();
  }

 private:
  int Join() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

  pid_t pid_ = -1;
  std::FILE* output_ = nullptr;
};

class LogProcessTest : public testing::Test {
 protected:
  std::filesystem::path folder() const { return temp_.path() / "log"; }

  TempFolder temp_;
  SystemClock clock_;
};

// Invariants 1 and 2 under kill -9. Fails when Append returns before the frame is written (sync is
// another matter: a killed process takes nothing from the page cache), or when frame, cursor and
// index can come apart.
TEST_F(LogProcessTest, AcknowledgedFramesSurviveKillsAtRandomMoments) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  for (int round = 0; round < 12; ++round) {
    uint64_t acknowledged = 0;
    {
      WriterProcess writer(folder(), UINT64_MAX, /*memtable_kib=*/64);
      for (unsigned left = 1 + random() % 150; left > 0; --left) {
        acknowledged = writer.ReadAcknowledged();
        ASSERT_NE(acknowledged, 0) << "the writer ended";
      }
      writer.Kill();
      while (const uint64_t more = writer.ReadAcknowledged()) acknowledged = more;
    }
    const auto log = OpenRocksLog(folder(), kSource, clock_);
    ASSERT_GE(log->next(), Offset(acknowledged));
    const std::vector<Frame> frames = Drain(*log->NewReader());
    ExpectChain(frames, Offset(0), 0);
    ASSERT_EQ(frames.back().header.end(), log->next());
    for (const Frame& frame : frames) {
      for (size_t i = 0; i < frame.changes.size(); ++i) {
        ASSERT_EQ(frame.changes[i].row[0].as_int(), (frame.header.base + i).value());
      }
    }
    const Frame& last = frames.back();
    ASSERT_EQ(log->cursor(), LongCursor(last.header.base.value()));
    ASSERT_EQ(log->cut_open(), !last.header.closes_cut);
    const auto entry =
        log->Lookup(ItemsTable()->table, {Project(last.changes.back().row, {0})}).front();
    ASSERT_TRUE(entry);
    ASSERT_EQ(entry->offset.value() + 1, log->next().value());
    ASSERT_EQ(entry->fingerprint, last.changes.back().row.fingerprint());
  }
}

// The index after kill -9, in the midst of writing its entries (4 KiB of them wait in memory, so
// that every few frames some are written): it tells exactly about the frames. Fails when the files
// of the index say more than they hold, and when Open does not read the frames behind them.
TEST_F(LogProcessTest, TheIndexTellsAboutTheFramesAfterKillsAtRandomMoments) {
  constexpr int kItems = 3000;
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  for (int round = 0; round < 12; ++round) {
    {
      WriterProcess writer(folder(), UINT64_MAX, /*memtable_kib=*/64, kItems, /*index_kib=*/4);
      for (unsigned left = 1 + random() % 150; left > 0; --left) {
        ASSERT_NE(writer.ReadAcknowledged(), 0) << "the writer ended";
      }
      writer.Kill();
    }
    ExpectIndexTellsAboutTheFrames(*OpenRocksLog(folder(), kSource, clock_), kItems);
  }
}

// Invariant 2 over the secondary instance, beside a writer that flushes and drops WAL files all the
// time. Fails when the reader does not survive that; that it does not follow a jump is
// ChainReaderTest's, because RocksDB shows one too rarely.
TEST_F(LogProcessTest, AReaderInAnotherProcessSeesAChainWhileTheWriterFlushes) {
  constexpr uint64_t kChanges = 20'000;
  WriterProcess writer(folder(), kChanges, /*memtable_kib=*/64);
  ASSERT_NE(writer.ReadAcknowledged(), 0);
  const auto reader = OpenRocksLogReader(folder(), clock_);
  std::future<int> exit_status = std::async(std::launch::async, [&] { return writer.Finish(); });
  std::vector<Frame> frames;
  while (frames.empty() || frames.back().header.end() < Offset(kChanges)) {
    ASSERT_TRUE(reader->Wait(std::chrono::seconds(60), {}));
    for (Frame& frame : Drain(*reader)) frames.push_back(std::move(frame));
  }
  ExpectChain(frames, Offset(0), 0);
  EXPECT_EQ(exit_status.get(), 0);
}

// Fails when the reader locks the log, or cannot read one without a writer.
TEST_F(LogProcessTest, AReaderAndLaterWritersLiveSideBySide) {
  WriterProcess(folder(), 100, 64).Finish();
  const auto reader = OpenRocksLogReader(folder(), clock_);
  const size_t first = Drain(*reader).size();
  EXPECT_GT(first, 0);
  WriterProcess(folder(), 5000, 64).Finish();
  WriterProcess(folder(), 10'000, 64).Finish();
  EXPECT_GT(Drain(*reader).size(), first);
  EXPECT_EQ(reader->end(), OpenRocksLog(folder(), kSource, clock_)->next());
}

}  // namespace
}  // namespace syncline
