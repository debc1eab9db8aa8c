#include "tools/verify/table_comparison.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/tools/sqlite_files.h"

namespace syncline::cli {
namespace {

using testing::ElementsAre;

// Table t of two SQLite databases, compared on its columns `id` and `v`.
class TableComparisonTest : public SqliteFilesTest {
 protected:
  void Fill(const std::string& source_sql, const std::string& target_sql) {
    Execute("source", source_sql);
    Execute("target", target_sql);
  }

  TableComparison& Compare(const TableComparison::Limits& limits, uint64_t row_bytes_max = 0) {
    source_ = Open("source");
    target_ = Open("target");
    forms_ = sql::Session::Open(Url("target"), {.read_only = true});
    capture::TableSpec spec;
    spec.table = {"", "t"};
    spec.cursor = "stamp";
    spec.key = {"id"};
    table_ = DescribeCompared(*source_, *target_, spec, {.source = {"", "t"}, .target = {"", "t"}},
                              /*known=*/{});
    table_.row_bytes_max = row_bytes_max;
    return comparison_.emplace(TableComparison::Sides{*source_, *target_, *forms_}, table_, 0,
                               limits, TableComparison::By::kRows);
  }

  static std::vector<int64_t> Ids(const std::vector<RowKey>& keys) {
    std::vector<int64_t> ids;
    for (const RowKey& key : keys) ids.push_back(key.source[0].as_int());
    std::ranges::sort(ids);
    return ids;
  }

  std::unique_ptr<sql::Session> source_, target_, forms_;
  ComparedTable table_;
  std::optional<TableComparison> comparison_;
};

constexpr char kTable[] = "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, stamp INTEGER NOT NULL);";
constexpr char kNumbers[] =
    "INSERT INTO t SELECT value, 'v' || value, 1 FROM "
    "(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 1000) "
    "SELECT value FROM n);";

TEST_F(TableComparisonTest, EqualTablesHaveNoSuspects) {
  Fill(std::string(kTable) + kNumbers, std::string(kTable) + kNumbers);
  const auto found = Compare({}).Find();
  EXPECT_EQ(found.source_rows, 1000u);
  EXPECT_EQ(found.target_rows, 1000u);
  EXPECT_TRUE(found.keys.empty());
  EXPECT_EQ(found.left_source_rows + found.left_target_rows + found.repeated, 0u);
}

TEST_F(TableComparisonTest, EveryRowThatDiffersIsASuspectAndReadFromBothSides) {
  Fill(std::string(kTable) + kNumbers + "UPDATE t SET v = NULL WHERE id = 500",
       std::string(kTable) + kNumbers +
           "DELETE FROM t WHERE id = 3; INSERT INTO t VALUES (2000, 'more', 1);"
           "UPDATE t SET v = 'other' WHERE id = 77");
  TableComparison& comparison = Compare({});
  auto found = comparison.Find();
  EXPECT_EQ(found.source_rows, 1000u);
  EXPECT_EQ(found.target_rows, 1000u);
  ASSERT_THAT(Ids(found.keys), ElementsAre(3, 77, 500, 2000));
  std::ranges::sort(found.keys, {}, [](const RowKey& key) { return key.source[0].as_int(); });
  const std::vector<RowPair> pairs = comparison.Read(found.keys);
  ASSERT_EQ(pairs.size(), 4u);
  EXPECT_TRUE(pairs[0].source && !pairs[0].target && !pairs[0].equal());
  EXPECT_EQ((*pairs[1].wanted)[1].as_string(), "v77");
  EXPECT_EQ((*pairs[1].target)[1].as_string(), "other");
  EXPECT_TRUE((*pairs[2].source)[1].is_null() && !pairs[2].equal());
  EXPECT_TRUE(!pairs[3].source && pairs[3].target && !pairs[3].equal());
}

TEST_F(TableComparisonTest, WhatIsBeyondTheLimitsIsCounted) {
  Fill(std::string(kTable) + kNumbers, kTable);
  const auto by_suspects = Compare({.suspects = 10}).Find();
  EXPECT_EQ(by_suspects.keys.size(), 10u);
  EXPECT_EQ(by_suspects.left_source_rows, 990u);
  const auto by_rows = Compare({.rows = 1}).Find();
  EXPECT_FALSE(by_rows.keys.empty());
  EXPECT_EQ(by_rows.keys.size() + by_rows.left_source_rows, 1000u);
  TableComparison& by_bytes = Compare({.bytes = 1});
  const auto found = by_bytes.Find();
  ASSERT_EQ(found.keys.size(), 1000u);
  EXPECT_LT(by_bytes.Read(found.keys).size(), 1000u);
}

TEST_F(TableComparisonTest, RowsWithOneKeyAreCountedAsRows) {
  const std::string loose = "CREATE TABLE t(id INTEGER NOT NULL, v TEXT, stamp INTEGER NOT NULL);";
  Fill(loose + "INSERT INTO t VALUES (1, 'one', 1), (1, 'again', 1), (2, 'two', 1)",
       std::string(kTable) + "INSERT INTO t VALUES (1, 'one', 1), (2, 'two', 1)");
  const auto found = Compare({}).Find();
  EXPECT_EQ(found.source_rows, 3u);
  EXPECT_EQ(found.target_rows, 2u);
  EXPECT_EQ(found.repeated, 1u);
}

TEST_F(TableComparisonTest, ALargeRowIsToldAndIsNoSuspect) {
  const std::string large =
      std::string(kTable) + "INSERT INTO t VALUES (1, 'one', 1), (2, hex(zeroblob(4000)), 1);";
  Fill(large, large + "UPDATE t SET v = 'short' WHERE id = 2");
  TableComparison& comparison = Compare({}, /*row_bytes_max=*/4096);
  EXPECT_TRUE(comparison.Find().keys.empty());
  const auto rows = comparison.large_rows();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].key[0].as_int(), 2);
  EXPECT_TRUE(rows[0].at_source);
  EXPECT_GE(rows[0].bytes, 8000u);
}

}  // namespace
}  // namespace syncline::cli
