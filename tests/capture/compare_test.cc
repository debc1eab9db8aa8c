// Tables that are compared as a whole, on SQLite.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "capture/cursor/stored_cursor.h"
#include "engine/sql/session.h"
#include "tests/capture/capture_harness.h"
#include "tests/capture/sqlite_items.h"

namespace syncline::capture {
namespace {

class CompareTest : public testing::Test {
 protected:
  void SetUp() override {
    writer_->Execute(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); "
        "INSERT INTO items VALUES (1, 'a'), (2, 'b'), (3, 'c')");
  }
  std::unique_ptr<CaptureHarness> Start(Microseconds every) {
    TableSpec spec;
    spec.table = kItems;
    spec.method = CaptureMethod::kCompare;
    spec.deletes.reconcile = Deletes::Reconcile{.every = every};
    auto capture = std::make_unique<CaptureHarness>(url_, std::vector{spec});
    capture->Poll();
    return capture;
  }

  TemporaryFolder folder_;
  sql::DatabaseUrl url_ =
      sql::DatabaseUrl::Parse("sqlite:" + (folder_.path() / "source.db").string());
  std::unique_ptr<sql::Session> writer_ = sql::Session::Open(url_, {.create = true});
};

// Fails when deletions are looked for in polls of their own: then the row that has another key now
// is there twice, or not at all, at the end of a cut.
TEST_F(CompareTest, InsertsUpdatesAndDeletionsAreOneCut) {
  auto capture = Start(Microseconds(0));
  EXPECT_EQ(capture->LoggedText(kItems), "1|a, 2|b, 3|c");
  writer_->Execute(
      "UPDATE items SET name = 'x' WHERE id = 1; UPDATE items SET id = 7 WHERE id = 2; "
      "DELETE FROM items WHERE id = 3; INSERT INTO items VALUES (4, 'd')");
  capture->Poll();
  EXPECT_EQ(capture->LoggedText(kItems), "1|x, 4|d, 7|b");
  EXPECT_EQ(capture->changes(), 8u);
  EXPECT_FALSE(capture->cut_open());
  capture->Poll();
  EXPECT_EQ(capture->changes(), 8u);
  EXPECT_EQ(Guarantees(capture->cursor_told()).at("items").kind, GuaranteeClass::kEachLook);
}

// Whoever runs it once, as the harness does, has no later poll.
TEST_F(CompareTest, OnceIsALook) {
  auto capture = Start(std::chrono::hours(1));
  writer_->Execute("UPDATE items SET name = 'x' WHERE id = 1; DELETE FROM items WHERE id = 2");
  capture->Poll();
  EXPECT_EQ(capture->LoggedText(kItems), "1|x, 3|c");
}

}  // namespace
}  // namespace syncline::capture
