#include "tools/verify/replica_comparison.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/tools/sqlite_files.h"

namespace syncline::cli {
namespace {

using testing::ElementsAre;

// Two SQLite databases of a pipeline of two directions, which has never run.
class ReplicaComparisonTest : public SqliteFilesTest {
 protected:
  void Fill(const std::string& first, const std::string& second) {
    const std::string table =
        "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT, updated_at TEXT NOT NULL);"
        "CREATE INDEX items_updated_at ON items(updated_at); INSERT INTO items VALUES ";
    Execute("x", table + first);
    Execute("y", table + second);
  }

  ReplicaResult Compare(const std::string& options = "", const std::string& only = "") {
    plan_ = MakePlan(ParseConfig("log: log\ndatabases: {x: 'sqlite:x.db', y: 'sqlite:y.db'}\n"
                                 "defaults: {every: 5ms, cursor: updated_at}\n"
                                 "pipelines: {p: {between: [x, y], tables: [items]" +
                                     options + "}}\n",
                                 folder_ / "syncline.yaml"),
                     {});
    const auto pipeline = std::ranges::find(plan_.pipelines, "x", &PipelinePlan::source);
    return ReplicaComparison(*pipeline, "p", only, clock_).Run(Microseconds(0));
  }

  // Each row that differs, with the side whose state would win.
  static std::vector<std::string> Said(const ReplicaResult& findings) {
    std::vector<std::string> said;
    for (const ReplicaDifference& row : findings.tables.at(0).rows) {
      said.push_back(std::to_string(row.pair.key.source[0].as_int()) +
                     (row.first_wins ? " first" : " second"));
    }
    std::ranges::sort(said);
    return said;
  }

  SystemClock clock_;
  Plan plan_;
};

TEST_F(ReplicaComparisonTest, EqualDatabases) {
  Fill("(1, 'one', '2026-01-01 00:00:01'), (2, 'two', '2026-01-01 00:00:02')",
       "(1, 'one', '2026-01-01 00:00:01'), (2, 'two', '2026-01-01 00:00:02')");
  const ReplicaResult findings = Compare();
  EXPECT_TRUE(findings.equal());
  EXPECT_EQ(findings.tables.at(0).equal, 2u);
  EXPECT_EQ(findings.first, "x");
  EXPECT_EQ(findings.second, "y");
}

TEST_F(ReplicaComparisonTest, CountsEachWayOfDifferingAndNamesTheWinner) {
  Fill(
      "(1, 'one', '2026-01-01 00:00:01'), (2, 'new', '2026-01-01 00:00:20'), (3, 'old', "
      "'2026-01-01 00:00:03'), (4, 'first only', '2026-01-01 00:00:04')",
      "(1, 'one', '2026-01-01 00:00:01'), (2, 'old', '2026-01-01 00:00:02'), (3, 'new', "
      "'2026-01-01 00:00:30'), (5, 'second only', '2026-01-01 00:00:05')");
  const ReplicaResult findings = Compare();
  EXPECT_FALSE(findings.equal());
  const ReplicaTable& table = findings.tables.at(0);
  EXPECT_EQ(table.equal, 1u);
  EXPECT_EQ(table.first_only(), 1u);
  EXPECT_EQ(table.second_only(), 1u);
  EXPECT_EQ(table.differing(), 2u);
  EXPECT_THAT(Said(findings), ElementsAre("2 first", "3 second", "4 first", "5 second"));
}

TEST_F(ReplicaComparisonTest, ThePreferredSideWinsWhateverTheStampsSay) {
  Fill("(1, 'old', '2026-01-01 00:00:01'), (2, 'first only', '2026-01-01 00:00:02')",
       "(1, 'new', '2026-01-01 00:00:10')");
  EXPECT_THAT(Said(Compare(", conflict: {prefer: [x]}")), ElementsAre("1 first", "2 first"));
  EXPECT_THAT(Said(Compare(", conflict: {prefer: [y]}")), ElementsAre("1 second", "2 first"));
}

TEST_F(ReplicaComparisonTest, ATableThatIsNotOfThePipelineIsRefused) {
  Fill("(1, 'one', '2026-01-01 00:00:01')", "(1, 'one', '2026-01-01 00:00:01')");
  EXPECT_TRUE(Compare("", "items").equal());
  EXPECT_THROW(Compare("", "others"), Error);
}

}  // namespace
}  // namespace syncline::cli
