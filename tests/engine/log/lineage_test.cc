#include <gtest/gtest.h>

#include <rocksdb/db.h>

#include "engine/log/cut_writer.h"
#include "engine/log/retention.h"
#include "engine/log/rocks/open_log.h"
#include "sample_rows.h"

// What the log keeps of databases that are written to from others, when its frames and files go.

namespace syncline {
namespace {

constexpr NodeId kHere = 7;

class LineageTest : public testing::Test {
 protected:
  LineageTest() {
    users_.node = kHere;
    users_.now = 1'000;
    users_.accept = [](const TableSchema&, int64_t stamp) { return stamp; };
    users_.own = [](const TableSchema&, const Value&) {};
  }

  void LoseIndex() {
    const std::string name = folder_.string();
    std::vector<std::string> names;
    ASSERT_TRUE(rocksdb::DB::ListColumnFamilies({}, name, &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (const std::string& family : names) descriptors.push_back({family, {}});
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open({}, name, descriptors, &families, &db).ok());
    for (rocksdb::ColumnFamilyHandle* family : families) {
      const bool lost = family->GetName() == "index";
      EXPECT_TRUE(!lost || db->DropColumnFamily(family).ok());
      EXPECT_TRUE(db->DestroyColumnFamilyHandle(family).ok());
    }
    delete db;
  }

  // One poll that sees these rows, and nothing of those that are gone.
  void Poll(const std::vector<Row>& rows, const std::vector<int64_t>& gone = {}) {
    CutWriter writer(*log_, {.users = &users_});
    for (const Row& row : rows) writer.Add(items_, row);
    for (const int64_t id : gone) writer.AddDeletion(items_, ItemKey(id), Value());
    writer.Close("cursor");
  }

  std::optional<IndexEntry> Known(int64_t id) {
    return log_->Lookup(items_->table, {ItemKey(id)}).front();
  }

  TempFolder temp_;
  const std::filesystem::path folder_ = temp_.path() / "log";
  ManualClock clock_;
  std::unique_ptr<ChangeLog> log_ = OpenRocksLog(folder_, kSource, clock_);
  const std::shared_ptr<const TableSchema> items_ = ItemsTable();
  CutWriter::Users users_;
};

// Fails when the base, or the index made from it, leaves the clock out, and when deletions are
// dropped that nobody waits for.
TEST_F(LineageTest, ClocksOutliveFoldingAndALostIndex) {
  Poll({Item(1, "a", 100), Item(2, "b", 100)});
  Poll({}, {2});
  const std::optional<IndexEntry> row = Known(1), gone = Known(2);
  ASSERT_TRUE(row->clock && gone->clock && gone->deleted);
  clock_.Advance(std::chrono::hours(2));
  Poll({Item(3, "c", 100)});
  log_->NewRetention({.keep_for = std::chrono::hours(1), .keep_deletions = true})->Run({});
  ASSERT_GT(log_->NewReader()->begin(), Offset(0));
  log_.reset();
  LoseIndex();
  log_ = OpenRocksLog(folder_, kSource, clock_);
  EXPECT_EQ(Known(1)->clock, row->clock);
  ASSERT_TRUE(Known(2));
  EXPECT_EQ(Known(2)->clock, gone->clock);
  EXPECT_TRUE(Known(2)->deleted);
}

}  // namespace
}  // namespace syncline
