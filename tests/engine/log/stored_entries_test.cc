// What lies in the store beside the frames, where its bytes are not what they were written as: each
// is damage, with the words that say what is wrong.
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "engine/log/store/base_layout.h"
#include "engine/log/store/index_entry.h"
#include "engine/log/store/layout.h"
#include "sample_rows.h"

namespace syncline {
namespace {

using nlohmann::json;

void ExpectDamage(const Error& error, std::string_view what) {
  EXPECT_EQ(error.exit_code(), 4) << error.message();
  EXPECT_NE(error.message().find(what), std::string::npos) << error.message();
}

base::Record SampleRecord() {
  return {.info = {.as_of = Offset(100),
                   .hash = ~uint64_t{0},
                   .written_at = WallTime(Microseconds(1'800'000'000'000'000)),
                   .cut_open = true,
                   .deletions_from = Offset(40),
                   .entries = 7},
          .digest = {~uint64_t{0}, 3}};
}

TEST(StoredEntriesTest, TheBasesRecordReadsBack) {
  const base::Record record = base::DecodeRecord(base::EncodeRecord(SampleRecord()));
  EXPECT_EQ(record.info.as_of, Offset(100));
  EXPECT_EQ(record.info.hash, ~uint64_t{0});
  EXPECT_EQ(record.info.written_at, SampleRecord().info.written_at);
  EXPECT_TRUE(record.info.cut_open);
  EXPECT_EQ(record.info.deletions_from, Offset(40));
  EXPECT_EQ(record.info.entries, 7u);
  EXPECT_EQ(record.digest.high, ~uint64_t{0});
  EXPECT_EQ(record.digest.low, 3u);
}

// Fails when a number of another kind is converted instead.
TEST(StoredEntriesTest, ABasesRecordThatIsNone) {
  const auto with = [](const std::function<void(json&)>& change) {
    json record = json::parse(base::EncodeRecord(SampleRecord()));
    change(record);
    return ErrorOf([&] { base::DecodeRecord(record.dump()); });
  };
  const json wrong_numbers[] = {-1, 1.5, 1e300, "1", nullptr, true};
  for (const char* name : {"as_of", "hash", "deletions_from", "entries"}) {
    for (const json& wrong : wrong_numbers) {
      ExpectDamage(with([&](json& record) { record[name] = wrong; }), "a number in the record");
    }
    ExpectDamage(with([&](json& record) { record.erase(name); }), "cannot be read");
  }
  ExpectDamage(with([](json& record) { record["digest"] = {1}; }), "cannot be read");
  ExpectDamage(with([](json& record) { record["digest"] = {1, -1}; }), "a number in the record");
  ExpectDamage(with([](json& record) { record["cut_open"] = 1; }), "cannot be read");
  ExpectDamage(with([](json& record) { record["written_at"] = 0.5; }), "the time in the record");
  ExpectDamage(with([](json& record) { record["written_at"] = INT64_MAX; }), "no clock shows");
  for (const char* name : {"as_of", "deletions_from"}) {
    const auto beyond = [&](json& record) { record[name] = kOffsetsEnd.value() + 1; };
    ExpectDamage(with(beyond), "beyond all offsets");
  }
  ExpectDamage(ErrorOf([] { base::DecodeRecord("{"); }), "cannot be read");
  ExpectDamage(ErrorOf([] { base::DecodeRecord("[1]"); }), "cannot be read");
}

// No beginning of an entry is one.
template <typename Decode>
void ExpectNoPartReads(const std::string& entry, Decode decode) {
  decode(entry);
  for (size_t length = 0; length < entry.size(); ++length) {
    EXPECT_EQ(ErrorOf([&] { decode(std::string_view(entry).substr(0, length)); }).exit_code(), 4)
        << length << " of " << entry.size() << " bytes";
  }
}

TEST(StoredEntriesTest, AnEntryOfTheBaseThatIsNone) {
  base::StoredEntry stored{.schema = 5};
  stored.entry = {.table = nullptr,
                  .offset = Offset(9),
                  .op = Op::kUpsert,
                  .row = Item(1, "one", 2),
                  .version = Stamp(2),
                  .highest_before = Stamp(3)};
  stored.entry.lineage = Lineage{RowClock{1'800'000'000'000'000, 7}};
  const std::string bytes = base::EncodeEntry(stored);
  const base::StoredEntry back = base::DecodeEntry(bytes);
  EXPECT_EQ(back.schema, 5u);
  EXPECT_EQ(back.entry, stored.entry);
  // The row may have any number of values here: who reads it holds it against its schema.
  ExpectNoPartReads(bytes.substr(0, bytes.size() - stored.entry.row.bytes().size()),
                    [](std::string_view part) { base::DecodeEntry(part); });
  std::string other = bytes;
  other[16] = 0x7f;
  ExpectDamage(ErrorOf([&] { base::DecodeEntry(other); }), "no known operation");
}

TEST(StoredEntriesTest, AnEntryOfTheRowIndexThatIsNone) {
  Row scratch;
  for (const bool clock : {false, true}) {
    Change change{.op = Op::kDelete, .row = ItemKey(1), .version = Stamp(2)};
    if (clock) change.lineage = Lineage{RowClock{1'800'000'000'000'000, 7}};
    std::string bytes;
    index_entry::Append({11, 12}, Offset(9), change, scratch, bytes);
    const IndexEntry back = index_entry::Decode(bytes);
    EXPECT_EQ(back.fingerprint.high, 11u);
    EXPECT_EQ(back.fingerprint.low, 12u);
    EXPECT_EQ(back.offset, Offset(9));
    EXPECT_TRUE(back.deleted);
    EXPECT_EQ(back.version, Value(change.version));
    EXPECT_EQ(back.clock.has_value(), clock);
    ExpectNoPartReads(bytes, index_entry::Decode);
    Row none;
    const std::string head = bytes.substr(0, bytes.size() - scratch.bytes().size());
    ExpectDamage(ErrorOf([&] { index_entry::Decode(head + none.bytes()); }), "no version");
    ExpectDamage(ErrorOf([&] { index_entry::Decode(head + "\xff\xff"); }), "of the row index: ");
  }
}

LogInfo SampleInfo() {
  return {LogId::Parse("00112233-4455-4677-8899-aabbccddeeff"), 2, kSource, {{2, Offset(9)}}};
}

TEST(StoredEntriesTest, AMetaRecordThatIsNone) {
  const auto with = [](const std::function<void(json&)>& change) {
    json meta = json::parse(layout::EncodeMeta(SampleInfo()));
    change(meta);
    return ErrorOf([&] { layout::DecodeMeta(meta.dump()); });
  };
  for (const char* name : {"epoch", "log_id", "source"}) {
    ExpectDamage(with([&](json& meta) { meta.erase(name); }), "lacks a field");
  }
  ExpectDamage(with([](json& meta) { meta.erase("format"); }), "cannot be read");
  ExpectDamage(with([](json& meta) { meta["format"] = "1"; }), "cannot be read");
  ExpectDamage(with([](json& meta) { meta["epoch"] = -1; }), "is no number");
  ExpectDamage(with([](json& meta) { meta["epoch"] = ~uint64_t{0}; }), "beyond all epochs");
  ExpectDamage(with([](json& meta) { meta["begins"] = 1.5; }), "is no number");
  ExpectDamage(with([](json& meta) { meta["source"] = 1; }), "lacks a field");
  ExpectDamage(ErrorOf([] { layout::DecodeMeta("x"); }), "cannot be read");
  // One of a later version is not damage: that version reads it.
  const Error later = with([](json& meta) { meta["format"] = layout::kLogFormat + 1; });
  EXPECT_EQ(later.exit_code(), 1);
  EXPECT_NE(later.hint().find("newer"), std::string::npos) << later.hint();
}

TEST(StoredEntriesTest, KeysOfOtherThingsAreNone) {
  EXPECT_EQ(layout::ParseFrameKey(layout::FrameKey(Offset(7))), Offset(7));
  EXPECT_EQ(layout::ParseSchemaKey(layout::SchemaKey(7)), SchemaId{7});
  EXPECT_EQ(base::ParseDeletionKey(base::DeletionKey(Offset(7))), Offset(7));
  for (const std::string& key : {layout::SchemaKey(7), layout::MetaKey(1), std::string("1234567"),
                                 std::string("\x80"
                                             "1234567")}) {
    EXPECT_FALSE(layout::ParseFrameKey(key).has_value()) << key;
  }
  for (const std::string& key : {layout::FrameKey(Offset(7)), layout::MetaKey(1),
                                 layout::SchemaKey(7).substr(0, 9), layout::SchemaKey(7) + "x"}) {
    EXPECT_FALSE(layout::ParseSchemaKey(key).has_value()) << key;
  }
  for (const std::string& key : {std::string("d"), "e" + std::string(8, 'x'), std::string()}) {
    EXPECT_FALSE(base::ParseDeletionKey(key).has_value()) << key;
  }
}

TEST(StoredEntriesTest, ASchemaUnderAnotherNameIsDamage) {
  const std::string bytes = EncodeSchema(*ItemsTable());
  EXPECT_EQ(layout::DecodeSchemaRecord(ItemsTable()->id(), bytes).table.name, "items");
  ExpectDamage(ErrorOf([&] { layout::DecodeSchemaRecord(1, bytes); }),
               "the schema 0000000000000001: it is not what its name says");
  ExpectDamage(ErrorOf([&] { layout::DecodeSchemaRecord(1, "\xff"); }),
               "the schema 0000000000000001: ");
}

}  // namespace
}  // namespace syncline
