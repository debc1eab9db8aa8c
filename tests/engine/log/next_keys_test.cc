// The rows that the log holds, in key order.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <vector>

#include "engine/log/cut_writer.h"
#include "engine/log/rocks/open_log.h"
#include "tests/engine/log/sample_rows.h"

namespace syncline {
namespace {

class NextKeysTest : public testing::Test {
 protected:
  void Open() {
    log_.reset();
    // So little memory that the index is partly in files and partly not.
    log_ = OpenRocksLog(folder_.path(), kSource, clock_,
                        {.memtable_bytes = 64u << 10, .index_pending_bytes = 20'000});
  }
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

  ManualClock clock_;
  TempFolder folder_;
  std::unique_ptr<ChangeLog> log_;
};

// Fails when a key comes twice, from a file and from memory, or with the version in the file.
TEST_F(NextKeysTest, AreThoseOfTheRowsThatAreThereInOrder) {
  Open();
  const auto others = ItemsTable("others");
  std::mt19937 random(3);
  std::map<int64_t, int64_t> expected;  // id -> stamp
  for (int64_t stamp = 1; stamp <= 6'000; ++stamp) {
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
    if (stamp % 2'000 != 0) continue;
    if (stamp == 4'000) Open();
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
