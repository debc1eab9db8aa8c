#include "tools/verify/verification.h"

#include <gmock/gmock.h>

#include <map>

#include "engine/base/logger.h"
#include "tests/tools/sqlite_files.h"
#include "tools/service/runner.h"

namespace syncline::cli {
namespace {

using testing::ElementsAre;

// What a finding says, in one line.
std::string Said(const DivergentRow& row) {
  std::string text = std::to_string(row.pair.key.source[0].as_int()) + " ";
  text += DifferenceName(row.difference);
  text += " ";
  text += WhyName(row.why);
  for (const std::string& column : row.columns) text += " " + column;
  return text;
}

// A pipeline from one SQLite database to another, which has run once: three items on both sides.
class VerificationTest : public SqliteFilesTest {
 protected:
  VerificationTest() {
    Execute("source",
            "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT, updated_at INTEGER);"
            "CREATE INDEX items_updated_at ON items(updated_at);"
            "INSERT INTO items VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3)");
  }

  void Configure(const std::string& options = "") {
    plan_ = MakePlan(
        ParseConfig("log: log\ndatabases: {source: 'sqlite:source.db', a: 'sqlite:a.db'}\n"
                    "defaults: {every: 5ms, cursor: updated_at" +
                        options + "}\npipelines: {p: {from: source, to: a, tables: [items]}}\n",
                    folder_ / "syncline.yaml"),
        {});
  }

  void RunOnce() { Runner(plan_, {.once = true}, clock_, logger_).Run({}); }

  std::unique_ptr<Verification> NewVerification(const std::string& table = "") {
    return std::make_unique<Verification>(plan_.sources.at(0), plan_.pipelines.at(0), table,
                                          Verification::Options{.wait = Microseconds(0)}, clock_,
                                          logger_);
  }

  std::vector<std::string> Differences() {
    const VerifyResult findings = NewVerification()->Run();
    std::vector<std::string> said;
    for (const DivergentRow& row : findings.tables.at(0).rows) said.push_back(Said(row));
    std::ranges::sort(said);
    EXPECT_EQ(findings.equal(), said.empty());
    return said;
  }

  SystemClock clock_;
  std::shared_ptr<Logger> logger_ = std::make_shared<NullLogger>();
  Plan plan_;
};

TEST_F(VerificationTest, WhatWasSyncedIsEqual) {
  Configure();
  RunOnce();
  const VerifyResult findings = NewVerification()->Run();
  EXPECT_TRUE(findings.equal());
  EXPECT_EQ(findings.tables.at(0).equal, 3u);
  EXPECT_EQ(findings.in_flight(), 0u);
  EXPECT_EQ(findings.end, findings.progress.next);
}

// Each row differs in a way of its own, and is told with who has something else than the others.
TEST_F(VerificationTest, SaysWhoHasSomethingElse) {
  Configure();
  RunOnce();
  Execute("a",
          "UPDATE items SET name = 'altered' WHERE id = 1; DELETE FROM items WHERE id = 2;"
          "INSERT INTO items VALUES (9, 'nobody''s', 1)");
  EXPECT_THAT(Differences(),
              ElementsAre("1 differing altered name", "2 missing altered", "9 extra altered"));
}

TEST_F(VerificationTest, SaysWhatCaptureHasNotSeen) {
  Configure();
  RunOnce();
  // The stamps stay, so that no poll finds it.
  Execute("source",
          "UPDATE items SET name = 'unseen' WHERE id = 1; DELETE FROM items WHERE id = 2;"
          "INSERT INTO items VALUES (4, 'no stamp', NULL)");
  EXPECT_THAT(Differences(),
              ElementsAre("1 differing missed name", "2 extra gone", "4 missing no_cursor"));
}

TEST_F(VerificationTest, SaysWhatTheTargetHasRefused) {
  Execute("a",
          "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT CHECK (name <> 'two'), "
          "updated_at INTEGER)");
  Configure();
  RunOnce();
  const VerifyResult findings = NewVerification()->Run();
  ASSERT_EQ(findings.tables.at(0).rows.size(), 1u);
  EXPECT_EQ(Said(findings.tables[0].rows[0]), "2 missing parked");
  EXPECT_THAT(findings.tables[0].rows[0].reason, testing::HasSubstr("CHECK"));
}

TEST_F(VerificationTest, SaysWhereTheTargetsRowHasWon) {
  Execute("a",
          "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT, updated_at INTEGER);"
          "INSERT INTO items VALUES (2, 'newer', 99)");
  Configure(", conflict: latest_wins");
  RunOnce();
  const VerifyResult findings = NewVerification()->Run();
  ASSERT_EQ(findings.tables.at(0).rows.size(), 1u);
  EXPECT_EQ(Said(findings.tables[0].rows[0]), "2 differing kept name updated_at");
  EXPECT_THAT(findings.tables[0].rows[0].reason, testing::HasSubstr("latest_wins"));
}

// Verification polls by itself, so the log has what the target has yet to get.
TEST_F(VerificationTest, WhatTheTargetHasYetToGetIsInFlight) {
  Configure();
  RunOnce();
  Execute("source", "UPDATE items SET name = 'ONE', updated_at = 4 WHERE id = 1");
  Execute("a", "UPDATE items SET name = 'altered' WHERE id = 3");
  const VerifyResult findings = NewVerification()->Run();
  EXPECT_EQ(findings.in_flight(), 1u);
  ASSERT_EQ(findings.tables.at(0).rows.size(), 1u);
  EXPECT_EQ(Said(findings.tables[0].rows[0]), "3 differing altered name");
  RunOnce();
  EXPECT_THAT(Differences(), ElementsAre("3 differing altered name"));
}

TEST_F(VerificationTest, LooksAgainAtWhatDifferedOnly) {
  Configure();
  RunOnce();
  Execute("a", "UPDATE items SET name = 'altered' WHERE id < 3");
  const auto verification = NewVerification();
  const VerifyResult before = verification->Run();
  ASSERT_EQ(before.tables.at(0).rows.size(), 2u);
  Execute("a",
          "UPDATE items SET name = 'one' WHERE id = 1; UPDATE items SET name = 'x' WHERE id = 3");
  const VerifyResult after = verification->Again(before);
  ASSERT_EQ(after.tables.at(0).rows.size(), 1u);
  EXPECT_EQ(Said(after.tables[0].rows[0]), "2 differing altered name");
  EXPECT_EQ(after.tables[0].equal, 1u);
}

TEST_F(VerificationTest, RefusesWhatItCannotCompare) {
  Configure();
  EXPECT_THROW(NewVerification(), Error);  // there is no log
  RunOnce();
  EXPECT_THROW(NewVerification("other"), Error);
  EXPECT_NO_THROW(NewVerification("items")->Run());
  std::filesystem::remove(folder_ / "a.db");
  Execute("a", "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT, updated_at INTEGER)");
  EXPECT_THROW(NewVerification()->Run(), Error);  // never applied to this one
}

}  // namespace
}  // namespace syncline::cli
