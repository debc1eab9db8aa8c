// KeyIndex: the last state of a key, and the rows that the log holds, in key order.
#include "engine/log/key_index.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <vector>

#include "engine/log/cut_writer.h"
#include "tests/conformance/log_suite.h"

namespace syncline {
namespace {

class KeyIndexTest : public LogConformance {};
INSTANTIATE_TEST_SUITE_P(, KeyIndexTest, testing::ValuesIn(LogKinds()), NameOfKind);

TEST_P(KeyIndexTest, LookupFindsTheLastStateOfEachKey) {
  EXPECT_EQ(log_->Lookup(ItemsTable()->table, {ItemKey(1)}),
            std::vector<std::optional<IndexEntry>>(1));
  log_->Append(ItemsDraft(1, 600));
  log_->Append(ItemsDraft(2, 1, "cursor", true, "renamed"));
  FrameDraft deletion = ItemsDraft(3, 1);
  deletion.changes[0] = {.op = Op::kDelete, .row = ItemKey(3), .version = Stamp(99)};
  log_->Append(std::move(deletion));

  std::vector<Row> keys;
  for (int64_t id = 0; id <= 601; ++id) keys.push_back(ItemKey(id));
  const auto entries = log_->Lookup(ItemsTable()->table, keys);
  ASSERT_EQ(entries.size(), 602);
  EXPECT_FALSE(entries[0]);
  EXPECT_FALSE(entries[601]);
  EXPECT_EQ(entries[600]->offset, Offset(599));
  EXPECT_EQ(entries[600]->fingerprint, Item(600, "name", 600).fingerprint());
  EXPECT_EQ(entries[2]->offset, Offset(600));
  EXPECT_EQ(entries[2]->fingerprint, Item(2, "renamed", 2).fingerprint());
  EXPECT_EQ(entries[2]->version, Stamp(2));
  EXPECT_FALSE(entries[2]->deleted);
  EXPECT_TRUE(entries[3]->deleted);
  EXPECT_EQ(entries[3]->version, Stamp(99));
  EXPECT_FALSE(log_->Lookup({"public", "other"}, {ItemKey(1)})[0]);
}

TEST_P(KeyIndexTest, TablesKeepTheirRowsApartAlsoAfterReopening) {
  log_->Append(ItemsDraft(1, 1));
  FrameDraft other = ItemsDraft(1, 1, "cursor", true, "of other");
  other.tables = {ItemsTable("other")};
  log_->Append(std::move(other));
  Reopen();
  EXPECT_EQ(log_->Lookup(ItemsTable()->table, {ItemKey(1)})[0]->fingerprint,
            Item(1, "name", 1).fingerprint());
  EXPECT_EQ(log_->Lookup({"public", "other"}, {ItemKey(1)})[0]->fingerprint,
            Item(1, "of other", 1).fingerprint());
}

class NextKeysTest : public LogConformance {
 protected:
  // All of them, `count` at a time.
  std::vector<LoggedKey> All(const TableName& table, size_t count) {
    std::vector<LoggedKey> all;
    std::optional<Row> after;
    while (true) {
      const std::vector<LoggedKey> some = log_->NextKeys(table, after, count);
      all.insert(all.end(), some.begin(), some.end());
      if (some.size() < count) return all;
      after = some.back().key;
    }
  }
};
INSTANTIATE_TEST_SUITE_P(, NextKeysTest, testing::ValuesIn(LogKinds()), NameOfKind);

// Fails when a key comes twice, from a file and from memory, or with the version in the file.
TEST_P(NextKeysTest, AreThoseOfTheRowsThatAreThereInOrder) {
  const auto others = ItemsTable("others");
  std::mt19937 random(3);
  std::map<int64_t, int64_t> expected;  // id -> stamp
  const int64_t polls = GetParam().little_memory ? 6'000 : 600;
  for (int64_t stamp = 1; stamp <= polls; ++stamp) {
    const auto id = static_cast<int64_t>(random() % 2'000) - 1'000;
    CutWriter writer(*log_, {.frame_bytes = 1000});
    if (random() % 4 == 0) {
      writer.AddDeletion(ItemsTable(), ItemKey(id), Stamp(stamp));
      expected.erase(id);
    } else {
      writer.Add(ItemsTable(), Item(id, "name", stamp));
      expected[id] = stamp;
    }
    writer.Add(others, Item(stamp % 7, "other", stamp));
    writer.Close("cursor");
    if (stamp % (polls / 3) != 0) continue;
    if (stamp == polls / 3 * 2) Reopen();
    std::vector<LoggedKey> rows;
    for (const auto& [key, version] : expected) rows.push_back({ItemKey(key), Stamp(version)});
    EXPECT_EQ(All(ItemsTable()->table, 10'000), rows);
    EXPECT_EQ(All(ItemsTable()->table, 7), rows);
    EXPECT_EQ(All(others->table, 3).size(), 7u);
  }
  EXPECT_TRUE(log_->NextKeys({"public", "unknown"}, std::nullopt, 10).empty());
}

}  // namespace
}  // namespace syncline
