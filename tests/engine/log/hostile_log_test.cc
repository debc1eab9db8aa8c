// A log that somebody else has written, hashes and all, so that only what it says is wrong: damage
// with its offset for whoever reads it and for the writer, and nobody aborts. On the code before
// rows were held against their schema the writer ended in SYNCLINE_CHECK or read past a row's end.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>
#include <map>

#include "engine/log/big_endian.h"
#include "engine/log/care/log_repair.h"
#include "engine/log/care/log_verify.h"
#include "engine/log/folder/mark.h"
#include "engine/log/ordered_key.h"
#include "engine/log/retention.h"
#include "engine/log/rocks/log_store.h"
#include "engine/log/rocks/open_log.h"
#include "engine/log/store/base_layout.h"
#include "engine/log/store/layout.h"
#include "engine/log/store/rocks_status.h"
#include "engine/model/row_shape.h"
#include "sample_rows.h"

namespace syncline {
namespace {

constexpr int kGood = 10;  // changes before the hostile frame

Row RowOf(std::initializer_list<ValueView> values) {
  Row row;
  for (const ValueView value : values) row.Append(value);
  return row;
}

Change Upsert(std::initializer_list<ValueView> values) {
  return {.row = RowOf(values), .version = Stamp(1)};
}

Change Deletion(std::initializer_list<ValueView> values) {
  return {.op = Op::kDelete, .row = RowOf(values), .version = Stamp(1)};
}

class HostileLogTest : public testing::Test {
 protected:
  HostileLogTest() { Open()->Append(ItemsDraft(1, kGood, "c")); }

  std::unique_ptr<ChangeLog> Open() { return OpenRocksLog(folder_, kSource, clock_); }
  std::unique_ptr<LogStore> OpenStore() { return LogStore::Open(folder_, kSource, 1u << 20); }
  LogVerification Verify() {
    return VerifyLog(folder_, clock_, {}, [](const auto&) {});
  }

  // Puts a frame behind the good one, as the log's writer would, and has the mark acknowledge it.
  void Plant(std::vector<Change> changes, const std::function<void(FrameHeader&)>& change = {}) {
    const Mark mark = *ReadMark(folder_ / "durable");
    FrameHeader header{.log_id = mark.log_id,
                       .epoch = mark.epoch,
                       .base = mark.next,
                       .previous_hash = mark.hash,
                       .closes_cut = true,
                       .schemas = {ItemsTable()->id()},
                       .cursor = "c"};
    if (change) change(header);
    const std::string entry = EncodeFrame(header, changes);
    {
      const auto store = OpenStore();
      ThrowIfBad(store->db().Put({}, layout::FrameKey(mark.next), entry), "planting");
      ThrowIfBad(store->db().SyncWAL(), "planting");
    }
    Mark moved = mark;
    moved.next = header.end();
    moved.hash = header.hash;
    MarkFile::Open(folder_ / "durable", moved);
  }

  void ExpectDamageAt(uint64_t offset, const std::string& what) {
    const auto reader = OpenRocksLogReader(folder_, clock_);
    EXPECT_EQ(reader->Next()->header.end(), Offset(kGood));
    const Error read = ErrorOf([&] { reader->Next(); });
    EXPECT_EQ(read.exit_code(), 4) << read.message();
    EXPECT_NE(read.message().find("offset " + std::to_string(offset)), std::string::npos)
        << read.message();
    EXPECT_NE(read.message().find(what), std::string::npos) << read.message();
    EXPECT_FALSE(read.hint().empty());

    const LogVerification found = Verify();
    ASSERT_TRUE(found.damage.has_value());
    EXPECT_EQ(found.whole, Offset(kGood));
    EXPECT_EQ(ErrorOf([&] { Open(); }).exit_code(), 4);

    EXPECT_EQ(FindRemains(folder_).whole, Offset(kGood));
    RepairLog(folder_, Offset(kGood), clock_);
    EXPECT_FALSE(Verify().damage);
    EXPECT_EQ(Open()->Append(ItemsDraft(50, 1)), Offset(kGood));
  }

  TempFolder temp_;
  const std::filesystem::path folder_ = temp_.path() / "log";
  SystemClock clock_;
};

// Of the cursor only the end of the log is made when it is opened. Fails when `log verify` does not
// make it of every frame.
TEST_F(HostileLogTest, ACursorInTheMiddleThatFollowsAFrameThatIsNotThere) {
  const Change good = Upsert({ValueView::Int(1), ValueView::Text("a"), ValueView::TimestampTz(1)});
  Plant({good}, [](FrameHeader& header) { header.cursor_from = Offset(3); });
  Plant({good});
  EXPECT_EQ(Open()->cursor(), "c");
  const LogVerification found = Verify();
  ASSERT_TRUE(found.damage);
  EXPECT_NE(found.damage->message().find("a frame that is not there"), std::string::npos)
      << found.damage->message();
  EXPECT_EQ(found.whole, Offset(kGood));
}

constexpr char kShape[] = "does not have the values of its table's columns";

TEST_F(HostileLogTest, ARowWithTooFewValues) {
  Plant({Upsert({ValueView::Int(1)})});
  ExpectDamageAt(kGood, kShape);
}

TEST_F(HostileLogTest, ARowWithNoValues) {
  Plant({Upsert({})});
  ExpectDamageAt(kGood, kShape);
}

TEST_F(HostileLogTest, ARowWithTooManyValues) {
  Plant({Upsert(
      {ValueView::Int(1), ValueView::Text("a"), ValueView::TimestampTz(1), ValueView::Int(1)})});
  ExpectDamageAt(kGood, kShape);
}

TEST_F(HostileLogTest, AValueOfAnotherType) {
  Plant({Upsert({ValueView::Int(1), ValueView::Int(2), ValueView::TimestampTz(1)})});
  ExpectDamageAt(kGood, kShape);
}

TEST_F(HostileLogTest, AKeyThatIsNull) {
  Plant({Upsert({ValueView::Null(), ValueView::Text("a"), ValueView::TimestampTz(1)})});
  ExpectDamageAt(kGood, kShape);
}

TEST_F(HostileLogTest, ADeletionWhoseKeyIsNone) {
  for (const Change& change : {Deletion({}), Deletion({ValueView::Int(1), ValueView::Int(2)}),
                               Deletion({ValueView::Null()})}) {
    Plant({change});
    ExpectDamageAt(kGood, kShape);
    RepairLog(folder_, Offset(kGood), clock_);
  }
}

TEST_F(HostileLogTest, AMarkWithARow) {
  Plant({{.op = Op::kMark, .row = ItemKey(1)}});
  ExpectDamageAt(kGood, "a mark has a row");
}

TEST_F(HostileLogTest, AClockAtTheEndOfAllNumbers) {
  Change change = Upsert({ValueView::Int(1), ValueView::Text("a"), ValueView::TimestampTz(1)});
  change.lineage = Lineage{{.time = INT64_MAX, .origin = 7}};
  Plant({change});
  ExpectDamageAt(kGood, "clock");
}

TEST_F(HostileLogTest, ATimeThatNoClockShows) {
  Plant({{.op = Op::kMark}},
        [](FrameHeader& header) { header.written_at = WallTime(Microseconds(INT64_MIN)); });
  const Error error = ErrorOf([&] { OpenRocksLogReader(folder_, clock_)->Last(); });
  EXPECT_EQ(error.exit_code(), 4) << error.message();
  EXPECT_NE(error.message().find("offset 10"), std::string::npos) << error.message();
}

// Offsets end where the keys of frames do; a sum that wraps would hide a hole. Seen to fail when
// the last frame that fits is refused, and when one is taken that ends behind it.
TEST_F(HostileLogTest, OffsetsBeyondAllOffsets) {
  const auto of_two = [](Offset base) {
    FrameHeader header{.base = base};
    return EncodeFrame(header, {{.op = Op::kMark}, {.op = Op::kMark}});
  };
  const Offset last(kOffsetsEnd.value() - 2);
  EXPECT_EQ(DecodeFrameHeader(of_two(last)).end(), kOffsetsEnd);
  for (const Offset base : {last + 1, kOffsetsEnd, Offset(UINT64_MAX - 1)}) {
    EXPECT_EQ(ErrorOf([&] { DecodeFrameHeader(of_two(base)); }).exit_code(), 4) << base;
  }
  Mark mark = *ReadMark(folder_ / "durable");
  for (const uint64_t next : {uint64_t{0}, UINT64_MAX}) {
    mark.begin = Offset(1);
    mark.next = Offset(next);
    EXPECT_FALSE(DecodeMark(EncodeMark(mark))) << next;
  }
}

// A frame that nobody was told of, in a file of its own, is no place to begin the look at the log's
// end from. Seen to fail when a file that begins at the mark counts as one before it.
TEST_F(HostileLogTest, AFileBehindTheMarkDoesNotHideTheAcknowledgedFrame) {
  const auto upsert = [] {
    return Upsert({ValueView::Int(1), ValueView::Text("a"), ValueView::TimestampTz(1)});
  };
  Plant({upsert()});
  Mark mark = *ReadMark(folder_ / "durable");
  FrameHeader behind{.log_id = mark.log_id,
                     .epoch = mark.epoch,
                     .base = mark.next,
                     .previous_hash = mark.hash,
                     .closes_cut = true,
                     .schemas = {ItemsTable()->id()},
                     .cursor = "c"};
  {
    const auto store = OpenStore();
    const std::string entry = EncodeFrame(behind, {upsert()});
    ThrowIfBad(store->db().Put({}, layout::FrameKey(mark.next), entry), "planting");
    ThrowIfBad(store->db().Flush({}), "planting");
  }
  ++mark.hash;
  MarkFile::Open(folder_ / "durable", mark);
  const Error error = ErrorOf([&] { Open(); });
  EXPECT_EQ(error.exit_code(), 4) << error.message();
  EXPECT_NE(error.message().find("is not the one that was acknowledged"), std::string::npos)
      << error.message();
}

TEST_F(HostileLogTest, ASchemaThatIsNone) {
  const auto bytes = [](const std::function<void(TableSchema&)>& change) {
    TableSchema schema = *ItemsTable();
    change(schema);
    return EncodeSchema(schema);
  };
  for (const std::string& hostile :
       {bytes([](TableSchema& s) {
          s.key = {0, 0};
        }),
        bytes([](TableSchema& s) { s.columns[1].name = "id"; }),
        bytes([](TableSchema& s) { s.columns[1].name = std::string("a\0b", 3); }),
        bytes([](TableSchema& s) { s.table.name = std::string("a\0b", 3); }),
        bytes([](TableSchema& s) { s.columns[1].native_type = std::string("\0", 1); }),
        bytes([](TableSchema& s) { s.columns[0].type = Type::kNull; }),
        bytes([](TableSchema& s) { s.cursor = 3; })}) {
    EXPECT_EQ(ErrorOf([&] { DecodeSchema(hostile); }).exit_code(), 4);
  }
}

// The rows of SQLite hold what they like, except in their keys.
TEST_F(HostileLogTest, SqliteColumnsHoldWhatSqliteStores) {
  TableSchema schema = *ItemsTable();
  schema.dialect = Dialect::kSqlite;
  const RowShape rows = RowShape::OfRows(schema);
  EXPECT_TRUE(
      rows.Fits(RowOf({ValueView::Text("1"), ValueView::Double(2), ValueView::Text("soon")})));
  EXPECT_TRUE(rows.Fits(RowOf({ValueView::Int(1), ValueView::Null(), ValueView::TimestampTz(0)})));
  EXPECT_FALSE(
      rows.Fits(RowOf({ValueView::Null(), ValueView::Text("a"), ValueView::TimestampTz(0)})));
  EXPECT_FALSE(rows.Fits(
      RowOf({ValueView::Int(1), ValueView::Uuid("0123456789abcdef"), ValueView::Int(1)})));
}

TEST_F(HostileLogTest, ATableOfTheRowIndexWithoutAName) {
  {
    const auto store = OpenStore();
    std::string key(layout::kIndexStatePrefix);
    key += "table/\"never closed";
    std::string number;
    layout::AppendBigEndian64(number, 1);
    ThrowIfBad(store->db().Put({}, store->index(), key, number), "planting");
  }
  EXPECT_EQ(ErrorOf([&] { Open(); }).exit_code(), 4);
}

TEST_F(HostileLogTest, AUuidOfAnotherLengthInTheRowIndex) {
  std::string key;
  AppendOrdered(ValueView::Uuid("too short"), key);
  EXPECT_EQ(ErrorOf([&] { ReadOrdered(key); }).exit_code(), 4);
}

// A file that is a pipe would be waited for without end.
TEST_F(HostileLogTest, AMarkThatIsAPipeIsNotWaitedFor) {
  const auto pipe = temp_.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(ErrorOf([&] { ReadMark(pipe); }).exit_code(), 3);
}

class HostileBaseTest : public HostileLogTest {
 protected:
  // Folds the first frame; the base's entries can be changed then.
  HostileBaseTest() {
    const auto log = Open();
    log->Append(ItemsDraft(100, 1, "c"));
    const auto retention = log->NewRetention({.keep_bytes = 0});
    retention->Run({});
  }

  // Each entry's value as `change` makes it, with the record's sums made right.
  void Rewrite(const std::function<void(std::string& key, base::StoredEntry&)>& change) {
    const auto store = OpenStore();
    std::map<std::string, std::string> entries;
    {
      const std::unique_ptr<rocksdb::Iterator> at(store->db().NewIterator({}, store->base()));
      for (at->Seek("e"); at->Valid() && at->key().starts_with("e"); at->Next()) {
        entries[at->key().ToString()] = at->value().ToString();
      }
    }
    ASSERT_EQ(entries.size(), size_t{kGood});
    std::string bytes;
    ThrowIfBad(store->db().Get({}, store->base(), base::kRecordKey, &bytes), "reading");
    base::Record record = base::DecodeRecord(bytes);
    for (const auto& [key, value] : entries) {
      base::Uncount(key, value, record);
      ThrowIfBad(store->db().Delete({}, store->base(), key), "rewriting");
      std::string new_key = key;
      base::StoredEntry stored = base::DecodeEntry(value);
      change(new_key, stored);
      const std::string new_value = base::EncodeEntry(stored);
      base::Count(new_key, new_value, record);
      ThrowIfBad(store->db().Put({}, store->base(), new_key, new_value), "rewriting");
    }
    ThrowIfBad(store->db().Put({}, store->base(), base::kRecordKey, base::EncodeRecord(record)),
               "rewriting");
  }

  void ExpectDamage(const std::string& what) {
    const LogVerification found = Verify();
    ASSERT_TRUE(found.damage.has_value());
    EXPECT_NE(found.damage->message().find(what), std::string::npos) << found.damage->message();
    EXPECT_TRUE(found.base_damaged);
  }
};

TEST_F(HostileBaseTest, IsWholeAsItIs) { EXPECT_FALSE(Verify().damage); }

TEST_F(HostileBaseTest, ARowThatIsNotOneOfItsTable) {
  Rewrite([](std::string&, base::StoredEntry& stored) { stored.entry.row = ItemKey(1); });
  ExpectDamage(kShape);
}

TEST_F(HostileBaseTest, ARowUnderTheKeyOfAnother) {
  Rewrite([](std::string& key, base::StoredEntry&) { key.back() = '\x7f'; });
  ExpectDamage("under the key of another row");
}

// Table by table the next one is looked for behind the last: a table's name that sorts before the
// key it lies under was looked for without end.
TEST_F(HostileBaseTest, ATableThatSortsBeforeItself) {
  Rewrite([](std::string& key, base::StoredEntry&) { key = "e\x05zzz" + key.substr(1); });
  const auto reader = OpenRocksLogReader(folder_, clock_);
  EXPECT_EQ(ErrorOf([&] { reader->OpenBase()->Tables(); }).exit_code(), 4);
}

TEST_F(HostileBaseTest, AnOffsetBehindTheBasesEnd) {
  Rewrite([](std::string&, base::StoredEntry& stored) { stored.entry.offset = Offset(10'000); });
  ExpectDamage("behind its end");
}

// What was prepared before a target's commit, and the program has ended since.
TEST_F(HostileLogTest, APreparedFrameThatIsNone) {
  const auto text = [](std::string_view bytes, uint64_t size) {
    std::string out;
    layout::AppendBigEndian64(out, size);
    return out + std::string(bytes);
  };
  const std::string names = text("name", 4) + text("token", 5);
  const Mark mark = *ReadMark(folder_ / "durable");
  FrameHeader header{.log_id = mark.log_id,
                     .epoch = mark.epoch,
                     .base = mark.next,
                     .previous_hash = mark.hash,
                     .closes_cut = true,
                     .schemas = {ItemsTable("others")->id()},
                     .cursor = "c"};
  const std::string entry =
      EncodeFrame(header, {Upsert({ValueView::Int(1), ValueView::Text("a"), ValueView::Int(1)})});
  const std::pair<std::string, std::string_view> all[] = {
      {"", "prepared frame is cut off"},
      {"1234567", "prepared frame is cut off"},
      {text("name", 5), "prepared frame is cut off"},
      {text("name", ~uint64_t{0}), "prepared frame is cut off"},
      {text("name", 4), "prepared frame is cut off"},
      {names, "frame"},
      {names + entry.substr(0, entry.size() - 1), "frame"},
      {names + entry, "schema of the log's prepared frame is missing"},
  };
  for (const auto& [bytes, what] : all) {
    {
      const auto store = OpenStore();
      ThrowIfBad(store->db().Put({}, rocksdb::Slice(layout::kPreparedKey), bytes), "planting");
      ThrowIfBad(store->db().SyncWAL(), "planting");
    }
    const Error error = ErrorOf([&] { Open(); });
    EXPECT_EQ(error.exit_code(), 4) << error.message();
    EXPECT_NE(error.message().find(what), std::string::npos) << what << ": " << error.message();
  }
}

}  // namespace
}  // namespace syncline
