// Soft deletion, on SQLite, where a column can hold anything.

#include "capture/plan/soft_flag.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "capture/plan/capture_plan.h"
#include "engine/base/error.h"
#include "engine/sql/session.h"
#include "tests/capture/capture_harness.h"
#include "tests/capture/sqlite_items.h"
#include "tests/support/any_sql.h"

namespace syncline::capture {
namespace {

class SoftFlagTest : public testing::Test {
 protected:
  void MakeItems(const std::string& flag_type) {
    writer_->Execute(
        test::AnySql("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, updated_at TEXT NOT "
                     "NULL, gone " +
                     flag_type + ")"));
  }
  void Put(int id, const std::string& gone) {
    writer_->Execute(test::AnySql("INSERT OR REPLACE INTO items VALUES (" + std::to_string(id) +
                                  ", 'a', strftime('%Y-%m-%d %H:%M:%f', 'now'), " + gone + ")"));
  }
  static TableSpec Spec(const std::string& flag = "gone") {
    TableSpec spec;
    spec.table = kItems;
    spec.cursor = "updated_at";
    spec.deletes.flag = flag;
    return spec;
  }
  std::unique_ptr<CaptureHarness> Capture() const {
    return std::make_unique<CaptureHarness>(url_, std::vector{Spec()});
  }
  // The ids of the rows that are there, by the log.
  static std::string Ids(const CaptureHarness& capture) {
    std::string ids;
    for (const auto& [id, row] : capture.Logged(kItems)) ids += id;
    return ids;
  }
  std::string Refusal(const TableSpec& spec) {
    try {
      PlanTable(*writer_, spec);
    } catch (const Error& error) {
      return error.message() + " / " + error.hint();
    }
    return "accepted";
  }

  TemporaryFolder folder_;
  sql::DatabaseUrl url_ =
      sql::DatabaseUrl::Parse("sqlite:" + (folder_.path() / "source.db").string());
  std::unique_ptr<sql::Session> writer_ = sql::Session::Open(url_, {.create = true});
};

// Seen to fail when flagged rows are logged as they are: they never go, and those of the first load
// come.
TEST_F(SoftFlagTest, ARowIsDeletedWhileItsFlagIsSet) {
  MakeItems("TIMESTAMP");
  Put(1, "NULL");
  Put(2, "'2026-01-31 10:00:00'");
  Put(3, "NULL");
  auto capture = Capture();
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "13");
  EXPECT_EQ(capture->changes(), 2u);  // what was flagged from the beginning was never there
  Put(1, "'2026-01-31 10:00:00'");
  Put(2, "NULL");
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "23");
  Put(1, "NULL");
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "123");
}

TEST_F(SoftFlagTest, NumbersAndTruthValuesAreSetWhenTheyAreNotZero) {
  MakeItems("INTEGER");
  Put(1, "0");
  Put(2, "1");
  Put(3, "NULL");
  Put(4, "7");
  auto capture = Capture();
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "13");
}

// A text like 'false' would be anybody's guess.
TEST_F(SoftFlagTest, ATextInAColumnOfNumbersIsAnError) {
  MakeItems("BOOLEAN");
  Put(1, "'false'");
  auto capture = Capture();
  try {
    capture->Poll();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.reaction(), Reaction::kStop);
    EXPECT_NE(error.message().find("gone"), std::string::npos) << error.message();
  }
}

// Seen to fail when the definition of what the log holds does not know of the flag: rows that were
// flagged before stay in the log for good.
TEST_F(SoftFlagTest, ALogThatKnewOfNoFlagIsLoadedAgain) {
  MakeItems("TIMESTAMP");
  Put(1, "NULL");
  writer_->Execute("INSERT INTO items VALUES (2, 'a', '2025-01-31 10:00:00', 'yes')");
  auto capture = Capture();
  TableSpec spec = Spec("");
  capture->Configure({spec});
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "12");
  capture->Configure({Spec()});
  capture->Poll();
  EXPECT_EQ(Ids(*capture), "1");
}

TEST_F(SoftFlagTest, AColumnThatCannotTellIsRefused) {
  MakeItems("TIMESTAMP");
  EXPECT_NE(Refusal(Spec("gome")).find("did you mean \"gone\"?"), std::string::npos);
  EXPECT_NE(Refusal(Spec("id")).find("part of the key"), std::string::npos);
  EXPECT_NE(Refusal(Spec("updated_at")).find("it is the cursor"), std::string::npos);
  TableSpec omitted = Spec();
  omitted.omit = {"gone"};
  EXPECT_NE(Refusal(omitted).find("cannot be omitted"), std::string::npos);
  writer_->Execute("ALTER TABLE items ADD COLUMN data BLOB");
  EXPECT_NE(Refusal(Spec("data")).find("cannot tell deleted rows"), std::string::npos);
}

}  // namespace
}  // namespace syncline::capture
