// The row index is derived from the frames: whatever is in its files, it tells about the log as it
// is.
#include "engine/log/rocks/row_index.h"

#include <gtest/gtest.h>

#include "engine/log/big_endian.h"
#include "engine/log/folder/mark.h"
#include "engine/log/retention.h"
#include "engine/log/rocks/log_entry.h"
#include "engine/log/rocks/open_log.h"
#include "engine/log/store/index_entry.h"
#include "engine/log/store/layout.h"
#include "engine/log/store/rocks_options.h"
#include "engine/log/store/rocks_status.h"
#include "index_oracle.h"

namespace syncline {
namespace {

constexpr int kItems = 40;

class RowIndexTest : public testing::Test {
 protected:
  std::unique_ptr<ChangeLog> Open() { return OpenRocksLog(folder_, kSource, clock_); }
  std::unique_ptr<LogStore> OpenStore() { return LogStore::Open(folder_, kSource, 1u << 20); }

  // Frames of one change each, every item twice.
  void WriteLog() {
    const auto log = Open();
    for (int i = 0; i < 2 * kItems; ++i) {
      log->Append(ItemsDraft(i % kItems, 1, "cursor", true, "state " + std::to_string(i)));
    }
  }
  // Makes the durable mark say what is in the store now.
  void Remark(LogStore& store, uint64_t epoch = 1) {
    const std::unique_ptr<rocksdb::Iterator> at(store.db().NewIterator(rocks::ScanOptions()));
    at->SeekForPrev(rocksdb::Slice(layout::kAfterFrames));
    const FrameHeader last =
        OpenEntry(at->key().ToStringView(), at->value().ToStringView(), store.info()).header();
    MarkFile::Open(
        folder_ / "durable",
        {.log_id = store.info().id, .epoch = epoch, .next = last.end(), .hash = last.hash});
  }
  static Offset ExtentOf(LogStore& store) {
    const auto extent = IndexExtent::Read(store.db(), store.index());
    return extent.value_or(IndexExtent{.end = Offset(999'999)}).end;
  }
  // An entry that nobody wrote, of an item that the log does not hold: it is found as long as the
  // index is not made anew.
  static void PlantEntry(LogStore& store) {
    std::string key, entry;
    layout::AppendBigEndian32(key, 1);
    key += std::string("\x02\x81\x07", 3);  // item 7, as ordered_key.h says
    Row scratch;
    index_entry::Append({1, 2}, Offset(3), Change{.version = Stamp(4)}, scratch, entry);
    ThrowIfBad(store.db().Put({}, store.index(), key, entry), "planting");
    ThrowIfBad(store.db().Flush({}, store.index()), "planting");
  }
  bool IsPlantFound() {
    const auto entry = Open()->Lookup(ItemsTable()->table, {ItemKey(7)}).front();
    return entry && entry->fingerprint == Fingerprint{1, 2};
  }
  void ExpectIndexTellsAboutTheFrames() {
    ::syncline::ExpectIndexTellsAboutTheFrames(*Open(), kItems);
  }

  TempFolder temp_;
  std::filesystem::path folder_ = temp_.path() / "log";
  SystemClock clock_;
};

// Fails when closing does not write what is in memory, and when an index that is whole is made anew
// all the same.
TEST_F(RowIndexTest, AClosedLogOpensWithoutReadingFrames) {
  WriteLog();
  {
    const auto store = OpenStore();
    EXPECT_EQ(ExtentOf(*store), Offset(2 * kItems));
    PlantEntry(*store);
  }
  EXPECT_TRUE(IsPlantFound());
}

// Keys of one to four hundred letters and of many thousands, two states each. Fails when a length
// of more than a byte is read wrongly where the index sorts what it has in memory; seen to fail
// where such a length was taken for a byte.
TEST_F(RowIndexTest, KeysOfAnyLengthAreFound) {
  TableSchema named = *ItemsTable("named");
  named.key = {1};
  const auto table = std::make_shared<const TableSchema>(named);
  std::vector<Row> keys;
  std::vector<int> lengths = {16'000, 20'000, 70'000};
  for (int length = 1; length <= 400; ++length) lengths.push_back(length);
  for (const int length : lengths) {
    for (const char letter : {'a', 'k', 'z'}) {
      keys.emplace_back().Append(ValueView::Text(std::string(length, letter)));
    }
  }
  {
    const auto log = Open();
    for (const int64_t state : {1, 2}) {
      FrameDraft draft{.tables = {table}, .cursor = "cursor", .closes_cut = true};
      for (size_t i = 0; i < keys.size(); ++i) {
        const size_t at = (i * 7 + state) % keys.size();  // in no order
        Row row = Item(state, keys[at][0].as_string(), state);
        draft.fingerprints.push_back(row.fingerprint());
        draft.changes.push_back({.row = std::move(row), .version = Stamp(state)});
      }
      log->Append(std::move(draft));
    }
  }
  // What could not be written in order would be missing, and made anew from the frames.
  EXPECT_EQ(ExtentOf(*OpenStore()), Offset(2 * keys.size()));
  const auto found = Open()->Lookup(table->table, keys);
  for (size_t at = 0; at < keys.size(); ++at) {
    ASSERT_TRUE(found[at].has_value()) << at;
    EXPECT_EQ(found[at]->version, Stamp(2)) << at;
    EXPECT_EQ(found[at]->fingerprint, Item(2, keys[at][0].as_string(), 2).fingerprint()) << at;
  }
}

// The log was cut off under the index: the states that are gone must not be dropped as known.
// Fails when only the frames behind the index's end are looked at.
TEST_F(RowIndexTest, AnIndexThatKnowsMoreThanTheLogIsMadeAnew) {
  WriteLog();
  {
    const auto store = OpenStore();
    for (int offset = kItems + 10; offset < 2 * kItems; ++offset) {
      ThrowIfBad(store->db().Delete({}, layout::FrameKey(Offset(offset))), "cutting");
    }
    Remark(*store);
  }
  EXPECT_EQ(Open()->next(), Offset(kItems + 10));
  ExpectIndexTellsAboutTheFrames();
}

// The same, and as many other changes came instead. Fails when the end alone is compared.
TEST_F(RowIndexTest, AnIndexOfAnotherHistoryIsMadeAnew) {
  WriteLog();
  {
    const auto store = OpenStore();
    const std::string key = layout::FrameKey(Offset(2 * kItems - 1));
    std::string value;
    ThrowIfBad(store->db().Get({}, key, &value), "rewriting");
    Frame frame = DecodeEntry(OpenEntry(key, value, store->info()));
    frame.changes[0].row = Item(5, "another state", 6);
    ThrowIfBad(store->db().Put({}, key, EncodeFrame(frame.header, frame.changes)), "rewriting");
    Remark(*store);
    PlantEntry(*store);
  }
  EXPECT_FALSE(IsPlantFound());
  ExpectIndexTellsAboutTheFrames();
}

// Fails when the epoch is not kept with the entries.
TEST_F(RowIndexTest, AnIndexOfAnotherEpochIsMadeAnew) {
  WriteLog();
  {
    const auto store = OpenStore();
    LogInfo info = store->info();
    ++info.epoch;
    ThrowIfBad(store->db().Put({}, layout::MetaKey(info.epoch), layout::EncodeMeta(info)), "meta");
    Remark(*store, info.epoch);
    PlantEntry(*store);
  }
  EXPECT_FALSE(IsPlantFound());
  {
    const auto store = OpenStore();
    PlantEntry(*store);
  }
  EXPECT_TRUE(IsPlantFound());  // once, not at every Open
}

// A log of a program that wrote the index with every frame. Fails when files that do not say their
// extent are believed, or taken for damage.
TEST_F(RowIndexTest, AnIndexThatDoesNotSayItsExtentIsMadeAnew) {
  WriteLog();
  { OpenStore()->RenewIndex(); }
  {
    rocksdb::ColumnFamilyOptions silent = rocks::IndexOptions(1u << 20);
    silent.table_properties_collector_factories.clear();
    rocksdb::DB* db = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    ThrowIfBad(rocksdb::DB::Open(rocks::WriterOptions(1u << 20), folder_,
                                 {{"default", rocks::FramesOptions(1u << 20)},
                                  {"index", silent},
                                  {"base", rocks::BaseOptions(1u << 20)}},
                                 &families, &db),
               "opening");
    ThrowIfBad(db->Put({}, families[1], std::string("\0\0\0\1old", 7), "entry"), "writing");
    ThrowIfBad(db->Flush({}, families[1]), "writing");
    for (rocksdb::ColumnFamilyHandle* family : families) db->DestroyColumnFamilyHandle(family);
    delete db;
  }
  ExpectIndexTellsAboutTheFrames();
}

// The frames that the index lacks have been folded. Fails when it is made of frames alone, when
// what was deleted meanwhile stays in it, when it is believed though its making from the base, in
// the order of the keys, was cut off.
TEST_F(RowIndexTest, WhatWasFoldedComesFromTheBase) {
  for (const bool renew : {true, false}) {
    std::filesystem::remove_all(folder_);
    WriteLog();
    {
      const auto log = Open();
      for (int i = 0; i < kItems; i += 3) {
        CutWriter writer(*log);
        writer.AddDeletion(ItemsTable(), ItemKey(i), Stamp(1000));
        writer.Add(ItemsTable(), Item(i + 1, "last", 1000));
        writer.Close("cursor");
      }
      log->NewRetention({.keep_bytes = 0})->Run({});
      EXPECT_GT(log->NewReader()->begin(), Offset(2 * kItems));
    }
    if (renew) OpenStore()->RenewIndex();
    const auto log = Open();
    for (int i = 0; i < kItems; ++i) {
      const auto entry = log->Lookup(ItemsTable()->table, {ItemKey(i)}).front();
      const bool exists = entry && !entry->deleted;
      ASSERT_EQ(exists, i % 3 != 0) << i;
      const Fingerprint last = Item(i, "last", 1000).fingerprint();
      ASSERT_EQ(exists && entry->fingerprint == last, i % 3 == 1) << i;
    }
  }
}

// The index's files end in the folded part, and the base has forgotten deletions that came behind
// them: nothing tells any more that those keys are gone. Seen to fail when the base is not asked
// from where on it knows of all deletions.
TEST_F(RowIndexTest, AnIndexThatEndsBeforeForgottenDeletionsIsMadeAnew) {
  WriteLog();
  const std::filesystem::path copy = temp_.path() / "copy";
  {
    const auto log = Open();
    CutWriter writer(*log);
    for (int i = 0; i < kItems; i += 3) {
      writer.AddDeletion(ItemsTable(), ItemKey(i), Stamp(1000));
    }
    writer.Close("cursor");
    log->Append(ItemsDraft(1, 1, "cursor", true, "last"));  // the last frame always stays
    log->NewRetention({.keep_bytes = 0})->Run({});
    const auto base = log->NewReader()->OpenBase();
    ASSERT_GT(base->info().deletions_from, Offset(2 * kItems));
    std::filesystem::copy(folder_, copy, std::filesystem::copy_options::recursive);
  }
  folder_ = copy;  // as a crash would have left it: what the index holds in memory is not in files
  ASSERT_EQ(ExtentOf(*OpenStore()), Offset(2 * kItems));
  const auto log = Open();
  for (int i = 0; i < kItems; ++i) {
    const auto entry = log->Lookup(ItemsTable()->table, {ItemKey(i)}).front();
    EXPECT_EQ(entry && !entry->deleted, i % 3 != 0) << i;
  }
}

// Fails when a reader in another process stumbles over the column family that goes and comes.
TEST_F(RowIndexTest, AReaderBesideItDoesNotMindANewIndex) {
  WriteLog();
  const auto reader = OpenRocksLogReader(folder_, clock_);
  EXPECT_EQ(Drain(*reader).size(), 2 * kItems);
  { OpenStore()->RenewIndex(); }
  WriteLog();
  EXPECT_EQ(Drain(*reader).size(), 2 * kItems);
}

// A mark takes an offset and leaves no entry. Fails when an index is taken for one of another
// history, or not to have come to its end, because the log ends with a mark.
TEST_F(RowIndexTest, AMarkAtTheEndOfTheLogIsNoTrouble) {
  WriteLog();
  {
    const auto log = Open();
    log->Append({.changes = {{.op = Op::kMark}}, .fingerprints = {Fingerprint{}}});
  }
  { PlantEntry(*OpenStore()); }
  EXPECT_TRUE(IsPlantFound());
  const auto log = Open();
  EXPECT_EQ(log->Append(ItemsDraft(0, 1)), Offset(2 * kItems + 1));
  EXPECT_EQ(log->Lookup(ItemsTable()->table, {ItemKey(0)}).front()->offset, Offset(2 * kItems + 1));
}

// Fails when a second table's id is taken for the first one's after a crash in which it was not
// written: here nothing is written but what Open itself finds in the frames.
TEST_F(RowIndexTest, TablesKeepApart) {
  const auto other = ItemsTable("other");
  {
    const auto log = Open();
    log->Append(ItemsDraft(1, 3));
    FrameDraft draft = ItemsDraft(1, 2, "cursor", true, "other");
    draft.tables = {other};
    log->Append(std::move(draft));
  }
  { OpenStore()->RenewIndex(); }
  for (int times = 0; times < 2; ++times) {
    const auto log = Open();
    EXPECT_EQ(log->Lookup(ItemsTable()->table, {ItemKey(1)}).front()->offset, Offset(0));
    EXPECT_EQ(log->Lookup(other->table, {ItemKey(1)}).front()->offset, Offset(3));
    EXPECT_FALSE(log->Lookup(other->table, {ItemKey(3)}).front());
  }
}

}  // namespace
}  // namespace syncline
