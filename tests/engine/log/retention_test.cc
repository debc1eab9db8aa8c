#include "engine/log/retention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "engine/log/rocks/base_writer.h"
#include "engine/log/rocks/log_store.h"
#include "engine/log/rocks/open_log.h"
#include "sample_rows.h"

namespace syncline {
namespace {

using std::chrono::hours;

constexpr int kKeys = 30;

// What a target holds of a row, and how it takes a state: the rule of design and apply/README.
struct State {
  std::string bytes;
  int64_t version = 0;
  bool operator==(const State&) const = default;
};
using Table = std::map<int64_t, State>;  // by key

void Take(Table& table, Op op, const Row& row, const Value& version,
          const std::optional<Value>& highest_before) {
  const int64_t key = row[0].as_int();
  const auto at = table.find(key);
  const bool newer = at == table.end() || at->second.version < version.view().as_int() ||
                     (highest_before && at->second.version <= highest_before->view().as_int());
  if (!newer) return;
  if (op == Op::kDelete) {
    table.erase(key);
  } else {
    table[key] = {row.bytes(), version.view().as_int()};
  }
}

// A clock in whose next wait something happens.
class EventfulClock : public ManualClock {
 public:
  bool Sleep(Microseconds duration, std::stop_token stop) override {
    if (const auto event = std::exchange(event_, nullptr)) event();
    return ManualClock::Sleep(duration, std::move(stop));
  }
  void AtNextSleep(std::function<void()> event) { event_ = std::move(event); }

 private:
  std::function<void()> event_;
};

class RetentionTest : public testing::TestWithParam<bool> {
 protected:
  // A log whose frames are written an hour apart. Keys come again, versions step back and repeat,
  // rows go and come back; every third frame leaves its cut open.
  void Write(int frames) {
    for (int i = 0; i < frames; ++i) {
      CutWriter writer(*log_);
      for (int rows = 1 + static_cast<int>(random_() % 8); rows > 0; --rows) {
        const auto key = static_cast<int64_t>(random_() % kKeys);
        const auto stamp = static_cast<int64_t>((log_->next().value() + random_() % 20) / 10);
        if (random_() % 4 == 0) {
          writer.AddDeletion(table_, ItemKey(key), Stamp(stamp));
        } else {
          writer.Add(table_, Item(key, std::to_string(random_()), stamp));
        }
      }
      written_ += 1;
      written_ % 3 == 0 ? writer.Checkpoint("cursor") : writer.Close("cursor");
      clock_.Advance(hours(1));
    }
    for (const auto reader = log_->NewReader(); true;) {
      reader->Seek(Offset(history_.size()));
      std::optional<Frame> frame = reader->Next();
      if (!frame) break;
      for (Change& change : frame->changes) history_.push_back(std::move(change));
    }
  }

  // The table after the changes before `end`.
  Table StateAt(Offset end) const {
    Table table;
    for (uint64_t i = 0; i < end.value(); ++i) {
      const Change& change = history_[i];
      if (change.op == Op::kMark) continue;
      if (change.op == Op::kDelete) {
        table.erase(change.row[0].as_int());
      } else {
        table[change.row[0].as_int()] = {change.row.bytes(), change.version.view().as_int()};
      }
    }
    return table;
  }

  std::unique_ptr<LogReader> NewReader() {
    return GetParam() ? OpenRocksLogReader(folder_, system_clock_) : log_->NewReader();
  }

  std::vector<BaseEntry> ReadBase(BaseReader& base) {
    std::vector<BaseEntry> all;
    for (;;) {
      const std::vector<BaseEntry> some = base.Next(7);
      if (some.empty()) return all;
      all.insert(all.end(), some.begin(), some.end());
    }
  }

  // From wherever the base can help, a target comes to the state as of the base's end, and by the
  // frames to that of the log.
  void ExpectWhole() {
    const auto reader = NewReader();
    const auto base = reader->OpenBase();
    const BaseInfo info = base->info();
    ASSERT_EQ(info.as_of, reader->begin());
    const std::vector<BaseEntry> entries = ReadBase(*base);
    ASSERT_EQ(entries.size(), info.entries);
    for (uint64_t from = 0; from <= info.as_of.value(); ++from) {
      if (from > 0 && Offset(from) < info.deletions_from) continue;
      Table table = StateAt(Offset(from));
      for (const BaseEntry& entry : entries) {
        EXPECT_EQ(*entry.table, *table_);
        if (entry.offset >= Offset(from)) {
          Take(table, entry.op, entry.row, entry.version, entry.highest_before);
        }
      }
      ASSERT_EQ(table, StateAt(info.as_of)) << "from " << from << " to " << info.as_of;
    }
    reader->Seek(info.as_of, info.as_of == Offset(0) ? 0 : info.hash);
    const std::vector<Frame> frames = Drain(*reader);
    ASSERT_FALSE(frames.empty());
    ExpectChain(frames, info.as_of, info.hash);
    EXPECT_EQ(frames.back().header.end(), log_->next());
  }

  uint64_t BytesOnDisk() const {
    uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      if (entry.path().extension() == ".sst") bytes += entry.file_size();
    }
    return bytes;
  }

  const unsigned seed_ = std::random_device{}();
  std::minstd_rand random_{seed_};
  TempFolder temp_;
  const std::filesystem::path folder_ = temp_.path() / "log";
  EventfulClock clock_;
  SystemClock system_clock_;
  const std::shared_ptr<const TableSchema> table_ = ItemsTable();
  std::unique_ptr<ChangeLog> log_ =
      OpenRocksLog(folder_, kSource, clock_, {.memtable_bytes = 64u << 10});
  std::vector<Change> history_;
  int written_ = 0;
};

INSTANTIATE_TEST_SUITE_P(, RetentionTest, testing::Bool(), [](const auto& info) {
  return info.param ? "OverTheSecondary" : "OverTheWriter";
});

// Fails when versions that were passed are not known (rows whose stamps stepped back stay as they
// were), also when only those are kept that the next state did not exceed, and when deletions are
// dropped that somebody has not seen.
TEST_P(RetentionTest, ATargetAnywhereInTheFoldedPartCatchesUpThroughTheBase) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  Offset consumed;
  for (int round = 0; round < 12; ++round) {
    Write(10);
    // A consumer somewhere, never going back.
    consumed = consumed + random_() % (log_->next() - consumed + 1);
    ASSERT_TRUE(NewReader()->Acknowledge("one", consumed));
    const RetentionPolicy by_age{.keep_for = hours(random_() % 20)};
    const RetentionPolicy by_size{.keep_bytes = random_() % 20'000};
    const Retention::Pass pass = log_->NewRetention(round % 2 == 0 ? by_age : by_size)->Run({});
    EXPECT_EQ(NewReader()->begin(), pass.begin);
    EXPECT_LE(NewReader()->OpenBase()->info().deletions_from, consumed);
    ExpectWhole();
    if (round % 4 == 3) {
      log_.reset();
      log_ = OpenRocksLog(folder_, kSource, clock_, {.memtable_bytes = 64u << 10});
      ExpectWhole();
    }
  }
}

// Fails when a table is counted twice or runs over into the next one, and when nobody notices that
// one is missing.
TEST_P(RetentionTest, ABaseCanBeReadTableByTableInAnyOrder) {
  std::vector<std::shared_ptr<const TableSchema>> tables;
  for (const char* name : {"a", "b", "c"}) {
    auto table = std::make_shared<TableSchema>(*table_);
    table->table.name = name;
    CutWriter writer(*log_);
    for (int64_t key = 0; key < 20; ++key) writer.Add(table, Item(key, name, 1));
    writer.Close("cursor");
    tables.push_back(std::move(table));
  }
  CutWriter last(*log_);  // the last frame always stays
  last.Add(table_, Item(1, "last", 1));
  last.Close("cursor");
  clock_.Advance(hours(1));
  // By age: what a few frames in a memtable take is RocksDB's estimate, and can be nothing.
  log_->NewRetention({.keep_for = hours(0)})->Run({});
  const auto reader = NewReader();
  const auto base = reader->OpenBase();
  ASSERT_EQ(base->Tables().size(), 3u);
  for (const size_t table : {2, 0, 2}) {
    base->SeekTable(tables[table]->table);
    const std::vector<BaseEntry> entries = ReadBase(*base);
    EXPECT_EQ(entries.size(), 20u);
    for (const BaseEntry& entry : entries) EXPECT_EQ(*entry.table, *tables[table]);
  }
  EXPECT_THROW(base->CheckWhole(), Error);
  base->SeekTable(tables[1]->table);
  EXPECT_EQ(ReadBase(*base).size(), 20u);
  base->CheckWhole();
}

TEST_P(RetentionTest, WithoutAPolicyNothingGoes) {
  Write(10);
  const Retention::Pass pass = log_->NewRetention({})->Run({});
  EXPECT_EQ(pass.frames, 0);
  EXPECT_EQ(pass.begin, Offset(0));
  ExpectWhole();
}

// Fails when frames go that are not old enough, when old ones stay, when the last one goes, or one
// of a cut that is still open.
TEST_P(RetentionTest, AgeCountsAndWholeCutsGo) {
  Write(20);
  const auto reader = NewReader();
  const std::vector<Frame> frames = Drain(*reader);
  for (int age = 18; age >= 0; --age) {
    Offset expected;
    for (size_t i = 0; i + 1 < frames.size(); ++i) {
      const FrameHeader& header = frames[i].header;
      if (header.written_at + hours(age) >= clock_.Now()) break;
      if (header.closes_cut) expected = header.end();
    }
    const Retention::Pass pass = log_->NewRetention({.keep_for = hours(age)})->Run({});
    ASSERT_EQ(pass.begin, expected) << "age " << age << ", seed " << seed_;
  }
  ExpectWhole();
}

// Fails when retention does not wait, or waits for ever though the disk fills.
TEST_P(RetentionTest, AConsumerHoldsTheOldButNotTheLarge) {
  Write(40);
  const auto reader = NewReader();
  EXPECT_TRUE(reader->Acknowledge("slow/ä", Offset(3)));
  EXPECT_TRUE(reader->Acknowledge("fast", log_->next()));
  EXPECT_EQ(reader->Consumers(),
            (std::vector<Consumer>{{"fast", log_->next()}, {"slow/ä", Offset(3)}}));
  EXPECT_LE(log_->NewRetention({.keep_for = hours(1)})->Run({}).begin, Offset(3));
  const Retention::Pass pass =
      log_->NewRetention({.keep_for = hours(1), .keep_bytes = 1000})->Run({});
  EXPECT_GT(pass.begin, Offset(3));
  EXPECT_EQ(pass.overtaken, std::vector<std::string>{"slow/ä"});
  EXPECT_LE(NewReader()->OpenBase()->info().deletions_from, Offset(3));
  ExpectWhole();
  reader->Forget("slow/ä");
  EXPECT_EQ(reader->Consumers().size(), 1);
}

// It has read the base as of then, and catches up through the base later. Seen to fail when the
// consumers are looked for at the beginning of a pass only: the deletions that it lacks are gone
// then, and its rows stay for ever.
TEST_P(RetentionTest, AConsumerThatComesInTheMiddleOfAPassFindsTheDeletionsThatItLacks) {
  log_->Append(ItemsDraft(0, 10, "cursor"));
  CutWriter writer(*log_);
  for (int64_t key = 0; key < 5; ++key) writer.AddDeletion(table_, ItemKey(key), Stamp(100));
  writer.Close("cursor");
  log_->Append(ItemsDraft(20, 1, "cursor"));
  clock_.Advance(hours(1));
  clock_.AtNextSleep([&] { ASSERT_TRUE(NewReader()->Acknowledge("new", Offset(10))); });
  const Retention::Pass pass = log_->NewRetention({.keep_for = hours(0)})->Run({});
  EXPECT_EQ(pass.begin, Offset(15));
  const auto reader = NewReader();
  EXPECT_EQ(reader->Consumers(), (std::vector<Consumer>{{"new", Offset(10)}}));
  const auto base = reader->OpenBase();
  EXPECT_LE(base->info().deletions_from, Offset(10));
  std::set<int64_t> deleted;
  for (const BaseEntry& entry : ReadBase(*base)) {
    if (entry.op == Op::kDelete) deleted.insert(entry.row[0].as_int());
  }
  EXPECT_EQ(deleted, (std::set<int64_t>{0, 1, 2, 3, 4}));
}

// Fails when folded frames stay on disk.
TEST_P(RetentionTest, SpaceComesBack) {
  for (int i = 0; i < 200; ++i) {
    std::string noise(20'000, ' ');
    for (char& c : noise) c = static_cast<char>(' ' + random_() % 95);
    log_->Append(ItemsDraft(i % 10, 1, "cursor", true, noise));
  }
  const uint64_t before = BytesOnDisk();
  const auto retention = log_->NewRetention({.keep_bytes = 300'000});
  retention->Run({});
  EXPECT_LT(BytesOnDisk(), before / 3);  // though retention is still there, with its readers
}

TEST_P(RetentionTest, AStopEndsAPassBetweenTwoFrames) {
  Write(30);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(log_->NewRetention({.keep_bytes = 0})->Run(stop.get_token()).frames, 0);
  ExpectWhole();
}

// Readers, the writer and retention at once. Also what TSan is for.
TEST_P(RetentionTest, ReadersAndTheWriterGoOnMeanwhile) {
  const auto reader = NewReader();
  const auto retention = log_->NewRetention({.keep_bytes = 20'000});
  std::jthread folding([&](std::stop_token stop) {
    while (!stop.stop_requested()) retention->Run(stop);
  });
  std::jthread writing([&] {
    for (int i = 0; i < 300; ++i) log_->Append(ItemsDraft(i % 17, 5, "c", true, std::to_string(i)));
  });
  Offset at;
  while (at < Offset(1500)) {
    try {
      if (at < reader->begin()) {
        const auto base = reader->OpenBase();
        std::map<int64_t, Offset> last;
        for (const BaseEntry& entry : ReadBase(*base)) last[entry.row[0].as_int()] = entry.offset;
        for (const auto& [id, offset] : last) ASSERT_LT(offset, base->info().as_of);
        at = base->info().as_of;
      }
      reader->Seek(at);
      while (std::optional<Frame> frame = reader->Next()) at = frame->header.end();
      reader->Wait(std::chrono::milliseconds(5), {});
    } catch (const Error& error) {
      ASSERT_EQ(error.reaction(), Reaction::kRestart) << error.message();
    }
  }
}

// Fails when who is rebuilt from a base takes it for a cut of the source that it is not.
TEST(BaseWriterTest, ABaseSaysWhetherItEndsInTheMiddleOfACut) {
  TempFolder temp;
  SystemClock clock;
  std::vector<Frame> frames;
  {
    const auto log = OpenRocksLog(temp.path() / "log", kSource, clock);
    log->Append(ItemsDraft(1, 2, "c", /*closes_cut=*/false));
    log->Append(ItemsDraft(3, 2, "c", /*closes_cut=*/true));
    const auto reader = log->NewReader();
    while (auto frame = reader->Next()) frames.push_back(std::move(*frame));
  }
  const auto store = LogStore::Open(temp.path() / "log", kSource, 1u << 20);
  for (const Frame& frame : frames) {
    BaseWriter(store->db(), store->base()).Fold(frame);
    const BaseInfo info = BaseWriter(store->db(), store->base()).info();
    EXPECT_EQ(info.as_of, frame.header.end());
    EXPECT_EQ(info.cut_open, !frame.header.closes_cut);
  }
}

}  // namespace
}  // namespace syncline
