// What a writer and a reader say to a log that has lost something: never silently less.
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "engine/log/folder/mark.h"
#include "engine/log/rocks/open_log.h"
#include "sample_rows.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class LogDamageTest : public testing::Test {
 protected:
  LogDamageTest() {
    const auto log = Open();
    for (int i = 0; i < 50; ++i) log->Append(ItemsDraft(10 * i, 10));
  }

  std::unique_ptr<ChangeLog> Open() { return OpenRocksLog(folder_, kSource, clock_); }

  std::vector<fs::path> Files(std::string_view ending) const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (entry.path().string().ends_with(ending)) files.push_back(entry.path());
    }
    return files;
  }
  fs::path Wal() const {
    fs::path largest;
    for (const fs::path& file : Files(".log")) {
      if (largest.empty() || fs::file_size(file) > fs::file_size(largest)) largest = file;
    }
    return largest;
  }
  std::map<fs::path, std::string> Contents() const {
    std::map<fs::path, std::string> contents;
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      contents[entry.path()] = {std::istreambuf_iterator<char>(file), {}};
    }
    return contents;
  }

  // Leaves what a crash leaves, with ten frames behind the mark; where that stands. (A log that was
  // closed has flushed its index behind the WAL, so a copy of an open one takes its place.)
  Offset CrashBehindTheMark() {
    const fs::path crashed = temp_.path() / "crashed";
    Mark earlier;
    {
      const auto log = Open();
      for (int i = 0; i < 50; ++i) {
        if (i == 40) earlier = *ReadMark(folder_ / "durable");
        log->Append(ItemsDraft(10 * i, 10));
      }
      fs::copy(folder_, crashed);
    }
    fs::remove_all(folder_);
    fs::rename(crashed, folder_);
    MarkFile::Open(folder_ / "durable", earlier);
    return earlier.next;
  }

  // Writer and reader stop with exit code 4 and a way out, and the writer leaves everything as it
  // is.
  void ExpectDamage() {
    const auto before = Contents();
    for (int tries = 0; tries < 2; ++tries) {
      const Error error = ErrorOf([&] { Open(); });
      EXPECT_EQ(error.exit_code(), 4) << error.message();
      EXPECT_FALSE(error.hint().empty()) << error.message();
    }
    EXPECT_EQ(ErrorOf([&] {
                const auto reader = OpenRocksLogReader(folder_, clock_);
                while (reader->Next()) {
                }
              }).exit_code(),
              4);
    EXPECT_EQ(Contents(), before);
  }

  TempFolder temp_;
  const fs::path folder_ = temp_.path() / "log";
  SystemClock clock_;
};

// Fails without the mark: RocksDB opens quietly with what is left.
TEST_F(LogDamageTest, ACutWalIsDamage) {
  for (const double part : {0.9, 0.5, 0.0}) {
    fs::resize_file(Wal(),
                    static_cast<uintmax_t>(part * static_cast<double>(fs::file_size(Wal()))));
    ExpectDamage();
  }
}

// What lies behind the mark was never acknowledged: the ordinary torn tail of a crash.
TEST_F(LogDamageTest, ATailBehindTheMarkMayBeTorn) {
  CrashBehindTheMark();
  fs::resize_file(Wal(), fs::file_size(Wal()) - 10);
  EXPECT_EQ(Open()->next(), Offset(990));
  EXPECT_EQ(ReadMark(folder_ / "durable")->next, Offset(990));
}

// After a power cut a record may be there in parts. Whoever reads before the writer has opened the
// log reads what was acknowledged, and goes on when the writer does. Fails where RocksDB's
// secondary instance has the last word: seen so.
TEST_F(LogDamageTest, ARecordBehindTheMarkMayHaveHoles) {
  const Offset acknowledged = CrashBehindTheMark();
  {
    std::fstream wal(Wal(), std::ios::in | std::ios::out | std::ios::binary);
    wal.seekp(-200, std::ios::end);
    wal << std::string(100, '\0');
  }
  const auto reader = OpenRocksLogReader(folder_, clock_);
  Offset read;
  const auto read_on = [&] {
    while (const auto frame = reader->Next()) read = frame->header.end();
  };
  read_on();
  EXPECT_EQ(read, acknowledged);
  const auto log = Open();
  log->Append(ItemsDraft(5000, 10));
  read_on();
  EXPECT_EQ(read, log->next());
}

TEST_F(LogDamageTest, ALostWalIsDamage) {
  for (const fs::path& file : Files(".log")) fs::remove(file);
  ExpectDamage();
}

TEST_F(LogDamageTest, ALostFileIsDamage) {
  Open();  // moves the WAL's content into a file
  for (const fs::path& file : Files(".sst")) fs::remove(file);
  ExpectDamage();
}

// Fails when a folder that has lost CURRENT counts as empty: a new log would be made in it.
TEST_F(LogDamageTest, ALostStoreIsDamage) {
  fs::remove(folder_ / "CURRENT");
  ExpectDamage();
  for (const auto& [file, bytes] : Contents()) {
    if (file.filename() != "durable") fs::remove(file);
  }
  ExpectDamage();
}

TEST_F(LogDamageTest, ALostManifestIsDamage) {
  for (const auto& [file, bytes] : Contents()) {
    if (file.filename().string().starts_with("MANIFEST")) fs::remove(file);
  }
  ExpectDamage();
}

TEST_F(LogDamageTest, ALostOrDamagedMarkIsDamage) {
  const fs::path mark = folder_ / "durable";
  fs::resize_file(mark, 20);
  ExpectDamage();
  fs::remove(mark);
  ExpectDamage();
}

TEST_F(LogDamageTest, AMarkOfAnotherLogOrHistoryIsDamage) {
  const fs::path path = folder_ / "durable";
  const Mark right = *ReadMark(path);
  Mark wrong = right;
  wrong.log_id = LogId::Random();
  MarkFile::Open(path, wrong);
  ExpectDamage();
  wrong = right;
  ++wrong.epoch;
  MarkFile::Open(path, wrong);
  ExpectDamage();
  wrong = right;
  ++wrong.hash;
  MarkFile::Open(path, wrong);
  ExpectDamage();
  MarkFile::Open(path, right);
  EXPECT_EQ(Open()->next(), Offset(500));
}

}  // namespace
}  // namespace syncline
