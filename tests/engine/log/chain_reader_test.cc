#include "engine/log/rocks/chain_reader.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <string>

#include "engine/log/store/layout.h"
#include "sample_rows.h"

namespace syncline {
namespace {

using Store = std::map<std::string, std::string>;

class MapIterator : public rocksdb::Iterator {
 public:
  MapIterator(Store store, rocksdb::Status status)
      : store_(std::move(store)), at_(store_.end()), status_(std::move(status)) {}

  bool Valid() const override { return status_.ok() && at_ != store_.end(); }
  void SeekToFirst() override { at_ = store_.begin(); }
  void SeekToLast() override { at_ = store_.empty() ? store_.end() : std::prev(store_.end()); }
  void Seek(const rocksdb::Slice& key) override { at_ = store_.lower_bound(key.ToString()); }
  void SeekForPrev(const rocksdb::Slice& key) override {
    at_ = store_.upper_bound(key.ToString());
    at_ = at_ == store_.begin() ? store_.end() : std::prev(at_);
  }
  void Next() override { ++at_; }
  void Prev() override { at_ = at_ == store_.begin() ? store_.end() : std::prev(at_); }
  rocksdb::Slice key() const override { return at_->first; }
  rocksdb::Slice value() const override { return at_->second; }
  rocksdb::Status status() const override { return status_; }

 private:
  const Store store_;
  Store::const_iterator at_;
  const rocksdb::Status status_;
};

// A view that shows, catch-up after catch-up, what the test has laid out; the last one stays.
class ScriptedView : public LogView {
 public:
  struct Sight {
    Store store;
    rocksdb::Status status;
  };

  ScriptedView(LogInfo info, Mark mark, std::deque<Sight> sights, int mends)
      : info_(std::move(info)), mark_(mark), sights_(std::move(sights)), mends_(mends) {}

  const LogInfo& info() const override { return info_; }
  rocksdb::Status CatchUp() override {
    if (shown_ && sights_.size() > 1) sights_.pop_front();
    shown_ = true;
    return rocksdb::Status::OK();
  }
  std::unique_ptr<rocksdb::Iterator> NewIterator() override {
    return std::make_unique<MapIterator>(sights_.front().store, sights_.front().status);
  }
  Mark mark() override { return mark_; }
  void SyncMark() override { ++syncs_; }
  bool Mend(int tries, bool) override { return tries < mends_; }
  BaseSight OpenBase() override { return {}; }
  const std::filesystem::path& folder() const override { return folder_; }
  void Reopen() override { info_.epoch = mark_.epoch; }
  bool Wait(Offset, Microseconds, std::stop_token) override { return true; }

  void Move(const Mark& mark) { mark_ = mark; }
  int syncs() const { return syncs_; }

 private:
  const std::filesystem::path folder_;
  LogInfo info_;
  Mark mark_;
  int syncs_ = 0;
  std::deque<Sight> sights_;
  bool shown_ = false;
  const int mends_;
};

class ChainReaderTest : public testing::Test {
 protected:
  using Sights = std::deque<ScriptedView::Sight>;
  static constexpr int kMends = 2;

  ChainReaderTest() {
    whole_[layout::SchemaKey(ItemsTable()->id())] = EncodeSchema(*ItemsTable());
    for (int i = 0; i < 5; ++i) mark_.hash = Put(whole_, 3 * i, mark_.hash);
  }

  // Three changes at `base`; the hash of their frame.
  uint64_t Put(Store& store, uint64_t base, uint64_t previous_hash,
               std::optional<LogId> log_id = {}) {
    FrameHeader header{
        .log_id = log_id.value_or(info_.id), .base = Offset(base), .previous_hash = previous_hash};
    header.schemas = {ItemsTable()->id()};
    store[layout::FrameKey(Offset(base))] =
        EncodeFrame(header, ItemsDraft(static_cast<int64_t>(base), 3).changes);
    return header.hash;
  }
  Store Without(uint64_t base) const {
    Store store = whole_;
    store.erase(layout::FrameKey(Offset(base)));
    return store;
  }
  std::unique_ptr<LogReader> Reader(Sights sights) {
    return std::make_unique<ChainReader>(
        std::make_unique<ScriptedView>(info_, mark_, std::move(sights), kMends));
  }
  // Reads `store` to its damage; how many frames came before it, and the error.
  std::pair<size_t, Error> ReadToDamage(Store store) {
    const auto reader = Reader({{std::move(store), {}}});
    size_t frames = 0;
    Error error = ErrorOf([&] {
      while (reader->Next()) ++frames;
    });
    EXPECT_EQ(error.exit_code(), 4) << error.message();
    // It stays where it is: asking again does not skip the damage.
    EXPECT_EQ(ErrorOf([&] { reader->Next(); }).message(), error.message());
    return {frames, std::move(error)};
  }

  LogInfo info_{LogId::Random(), 1, kSource};
  Mark mark_{.log_id = info_.id, .epoch = 1, .next = Offset(15)};  // of whole_
  Store whole_;
};

// Fails when a jump is followed instead of looked at again.
TEST_F(ChainReaderTest, AHoleThatFillsIsNeverSeen) {
  const auto reader = Reader({{Without(3), {}}, {Without(0), {}}, {whole_, {}}});
  const std::vector<Frame> frames = Drain(*reader);
  EXPECT_EQ(frames.size(), 5);
  ExpectChain(frames, Offset(0), 0);
}

TEST_F(ChainReaderTest, AHoleThatStaysIsDamageWithItsOffset) {
  const auto [frames, error] = ReadToDamage(Without(6));
  EXPECT_EQ(frames, 2);
  EXPECT_NE(error.message().find("offset 6"), std::string::npos) << error.message();
}

TEST_F(ChainReaderTest, AMissingBeginningIsDamage) {
  EXPECT_EQ(ReadToDamage(Without(0)).first, 0);
  const auto reader = Reader({{Without(0), {}}});
  reader->Seek(Offset(1));
  EXPECT_EQ(ErrorOf([&] { reader->Next(); }).exit_code(), 4);
}

TEST_F(ChainReaderTest, SeekBehindAHoleGoesOnAndIntoItIsDamage) {
  const auto reader = Reader({{Without(6), {}}});
  reader->Seek(Offset(9));
  EXPECT_EQ(Drain(*reader).size(), 2);
  reader->Seek(Offset(7));
  EXPECT_EQ(ErrorOf([&] { reader->Next(); }).exit_code(), 4);
}

TEST_F(ChainReaderTest, ABadStatusThatPassesIsNeverSeen) {
  const auto reader = Reader({{{}, rocksdb::Status::IOError("gone")},
                              {whole_, rocksdb::Status::Corruption("for a moment")},
                              {whole_, {}}});
  EXPECT_EQ(Drain(*reader).size(), 5);
}

TEST_F(ChainReaderTest, ABadStatusThatStaysIsThrown) {
  const auto damaged = Reader({{whole_, rocksdb::Status::Corruption("block checksum mismatch")}});
  EXPECT_EQ(ErrorOf([&] { damaged->Next(); }).reaction(), Reaction::kDamage);
  const auto unreadable = Reader({{whole_, rocksdb::Status::IOError("gone")}});
  EXPECT_EQ(ErrorOf([&] { unreadable->Next(); }).reaction(), Reaction::kRetry);
}

// Every byte of a frame counts. Fails when the hash is not checked.
TEST_F(ChainReaderTest, AFlippedBitInAFrameIsDamageWithItsOffset) {
  const std::string key = layout::FrameKey(Offset(6));
  for (size_t at = 0; at < whole_[key].size(); ++at) {
    Store store = whole_;
    store[key][at] ^= 0x10;
    const auto [frames, error] = ReadToDamage(std::move(store));
    ASSERT_EQ(frames, 2);
    ASSERT_NE(error.message().find("offset 6"), std::string::npos) << error.message();
  }
}

// A frame that verifies but continues another one. Fails when the chain is not checked.
TEST_F(ChainReaderTest, AFrameOfAnotherHistoryIsDamage) {
  Store store = whole_;
  Put(store, 6, /*previous_hash=*/12345);
  EXPECT_EQ(ReadToDamage(std::move(store)).first, 2);
}

TEST_F(ChainReaderTest, AFrameOfAnotherLogIsDamage) {
  Store store = whole_;
  Put(store, 0, 0, LogId::Random());
  EXPECT_EQ(ReadToDamage(std::move(store)).first, 0);
}

TEST_F(ChainReaderTest, AFrameAtAnotherOffsetIsDamage) {
  Store store = whole_;
  store[layout::FrameKey(Offset(6))] = store[layout::FrameKey(Offset(9))];
  EXPECT_EQ(ReadToDamage(std::move(store)).first, 2);
}

// Invariant 2. Fails when the mark is not asked: a frame that is not synced yet would reach a
// target, and a power cut could take it back.
TEST_F(ChainReaderTest, NothingBehindTheMarkIsDelivered) {
  for (const uint64_t frames : {0, 1, 4}) {
    mark_.next = Offset(3 * frames);
    mark_.hash = 0;
    const auto reader = Reader({{whole_, {}}});
    EXPECT_EQ(reader->end(), mark_.next);
    EXPECT_EQ(reader->Last().has_value(), frames > 0);
    EXPECT_EQ(Drain(*reader).size(), frames);
    for (const uint64_t offset : {3 * frames, 3 * frames + 1, 3 * frames + 4}) {
      reader->Seek(Offset(offset));
      EXPECT_FALSE(reader->Next()) << offset;
    }
  }
}

// Fails when a log that ends too early counts as one that has no more yet.
TEST_F(ChainReaderTest, WhatWasAcknowledgedAndIsNotThereIsDamage) {
  EXPECT_EQ(ReadToDamage(Without(12)).first, 4);
  const auto reader = Reader({{Without(12), {}}});
  EXPECT_EQ(ErrorOf([&] { reader->Last(); }).exit_code(), 4);
  reader->Seek(Offset(13));
  EXPECT_EQ(ErrorOf([&] { reader->Next(); }).exit_code(), 4);
}

TEST_F(ChainReaderTest, ALastFrameThatIsNotTheAcknowledgedOneIsDamage) {
  ++mark_.hash;
  EXPECT_EQ(ReadToDamage(whole_).first, 4);
  EXPECT_EQ(ErrorOf([&] { Reader({{whole_, {}}})->Last(); }).exit_code(), 4);
}

// A target goes beyond the mark on the disk only when that has been synced so far: a power cut can
// take back what was not. Seen to fail when the mark is not synced, and when what one epoch's mark
// has secured counts for the next one's.
TEST_F(ChainReaderTest, TheMarkIsSyncedBeforeATargetGoesBeyondIt) {
  auto owned = std::make_unique<ScriptedView>(info_, mark_, Sights{{whole_, {}}}, kMends);
  ScriptedView& view = *owned;
  ChainReader reader(std::move(owned));
  reader.Secure(Offset(0));
  EXPECT_EQ(view.syncs(), 0);
  reader.Secure(Offset(3));
  EXPECT_EQ(view.syncs(), 1);
  reader.Secure(mark_.next);  // the mark that was synced said so
  EXPECT_EQ(view.syncs(), 1);
  Mark moved = mark_;
  moved.next = Offset(18);
  view.Move(moved);
  reader.Secure(Offset(16));
  EXPECT_EQ(view.syncs(), 2);

  moved.epoch = 2;  // by a repair, which has made another mark
  view.Move(moved);
  EXPECT_EQ(ErrorOf([&] { reader.end(); }).reaction(), Reaction::kRestart);
  reader.Secure(Offset(3));
  EXPECT_EQ(view.syncs(), 3);
}

// Fails when a reader goes on as if nothing had happened: what it read may not be in the log any
// more.
TEST_F(ChainReaderTest, AnotherEpochIsToldOnce) {
  mark_.epoch = 2;
  const auto reader = Reader({{whole_, {}}});
  EXPECT_EQ(ErrorOf([&] { reader->Next(); }).reaction(), Reaction::kRestart);
  EXPECT_EQ(reader->info().epoch, 2);
  EXPECT_EQ(Drain(*reader).size(), 5);
}

TEST_F(ChainReaderTest, WhatIsFoldedIsSaid) {
  mark_.begin = Offset(6);
  const auto reader = Reader({{whole_, {}}});
  EXPECT_EQ(reader->begin(), Offset(6));
  EXPECT_EQ(ErrorOf([&] { reader->Next(); }).reaction(), Reaction::kRestart);
  reader->Seek(reader->begin());
  EXPECT_EQ(Drain(*reader).size(), 3);
}

TEST_F(ChainReaderTest, ASchemaThatIsMissingOrWrongIsDamage) {
  const std::string key = layout::SchemaKey(ItemsTable()->id());
  Store missing = whole_;
  missing.erase(key);
  EXPECT_EQ(ReadToDamage(std::move(missing)).first, 0);
  Store wrong = whole_;
  wrong[key] = EncodeSchema(*ItemsTable("others"));
  EXPECT_EQ(ReadToDamage(std::move(wrong)).first, 0);
}

}  // namespace
}  // namespace syncline
