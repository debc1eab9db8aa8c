// Tables whose rows have no time of an update before the first one: polled by coalesce(updated_at,
// created_at).

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "capture/check/check_source.h"
#include "capture/polling/reconciliation.h"
#include "tests/capture/postgres/postgres_capture.h"
#include "tests/support/any_sql.h"

namespace syncline::capture {
namespace {

constexpr char kCursor[] = "coalesce(updated_at, created_at)";

class PostgresCoalesceTest : public PostgresCaptureTest {
 protected:
  // Two rows that were made an hour ago; the second was updated half an hour ago.
  void MakeItems(const std::string& created = "timestamptz NOT NULL DEFAULT now()") {
    writer_->Execute(test::AnySql(
        "CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at timestamptz, "
        "created_at " +
        created +
        "); INSERT INTO items VALUES (1, 'a', NULL, now() - interval '1 hour'), "
        "(2, 'b', now() - interval '30 minutes', now() - interval '1 hour')"));
  }
  std::vector<CheckResult> Check(const std::string& cursor = kCursor) const {
    return CheckSource(Source(), {Spec(kItems, cursor)});
  }
  static std::string Warnings(const std::vector<CheckResult>& findings) {
    std::string text;
    for (const CheckResult& finding : findings) {
      if (finding.level != CheckResult::Level::kPass)
        text += finding.message + " / " + finding.hint + "\n";
    }
    return text;
  }
};

// Seen to fail when polls look at updated_at alone.
TEST_F(PostgresCoalesceTest, NewRowsAndFirstUpdatesAreCaptured) {
  MakeItems();
  auto capture = Capture(kCursor);
  capture->Poll();
  EXPECT_EQ(Names(*capture), "ab");
  auto late = Connect();
  late->Execute("BEGIN; UPDATE items SET name = 'first', updated_at = now() WHERE id = 1");
  writer_->Execute("INSERT INTO items VALUES (3, 'new')");
  capture->Poll();
  EXPECT_EQ(Names(*capture), "abnew");
  late->Execute("COMMIT");
  capture->Restart();
  capture->Poll();
  EXPECT_EQ(Names(*capture), "firstbnew");
  writer_->Execute("UPDATE items SET name = 'again', updated_at = now() WHERE id IN (1, 3)");
  capture->Poll();
  EXPECT_EQ(Names(*capture), "againbagain");
  EXPECT_EQ(capture->changes(), 6u);
  // The version in the log is the one of the two that counts.
  writer_->Execute("INSERT INTO items VALUES (4, 'newest', NULL, '2100-01-01 00:00:00+00')");
  capture->Poll();
  EXPECT_EQ(capture->Keys(kItems).back().version,
            Value(ValueView::TimestampTz(int64_t{36'525} * 86'400'000'000)));
}

TEST_F(PostgresCoalesceTest, ARowWithNeitherIsCountedAndNotRead) {
  MakeItems("timestamptz DEFAULT now()");
  writer_->Execute("INSERT INTO items VALUES (3, 'never', NULL, NULL)");
  auto capture = Capture(kCursor);
  capture->Poll();
  EXPECT_EQ(Names(*capture), "ab");
  EXPECT_NE(
      capture->messages().find("cursor column is NULL table=public.items "
                               R"-(column="coalesce(\"updated_at\", \"created_at\")" rows=1)-"),
      std::string::npos)
      << capture->messages();
  EXPECT_NE(Warnings(Check()).find("there are rows whose cursor"), std::string::npos);
  writer_->Execute("UPDATE items SET updated_at = now() WHERE id = 3");
  capture->Poll();
  EXPECT_EQ(Names(*capture), "abnever");
}

// Seen to fail when the server's sums are of updated_at.
TEST_F(PostgresCoalesceTest, ReconcilingFindsDeletionsAndNothingElse) {
  MakeItems();
  TableSpec spec = Spec(kItems, kCursor);
  spec.deletes.reconcile = Deletes::Reconcile{.every = Microseconds(0)};
  CaptureHarness capture(Source(), {spec});
  capture.Poll();
  const auto sums = writer_->Query(SumUpSql(PlanTable(*writer_, spec), "")).rows.at(0);
  EXPECT_EQ(*sums.at(0) + "|" + *sums.at(1) + "|" + *sums.at(2), SumUp(capture.Keys(kItems)));
  writer_->Execute("DELETE FROM items WHERE id = 2");
  capture.Poll();
  EXPECT_EQ(Names(capture), "a");
  EXPECT_EQ(capture.messages().find("polls had not seen"), std::string::npos);
}

// Seen to fail when an index on the column alone satisfies the check.
TEST_F(PostgresCoalesceTest, CheckAsksForAnIndexOnTheExpression) {
  MakeItems();
  writer_->Execute("CREATE INDEX ON items (updated_at)");
  EXPECT_EQ(Warnings(Check()),
            "no index begins with the cursor coalesce(\"updated_at\", \"created_at\") / every poll "
            "reads the whole table; run: CREATE INDEX ON \"public\".\"items\" "
            "((coalesce(\"updated_at\", \"created_at\")))\n");
  writer_->Execute(
      "CREATE INDEX ON \"public\".\"items\" "
      "((coalesce(\"updated_at\", \"created_at\")))");
  EXPECT_EQ(Warnings(Check()), "");
}

// An insert sets the one and an update the other. Seen to fail when the default of updated_at is
// asked for.
TEST_F(PostgresCoalesceTest, TheClassGoesByTheDefaultOfTheFallback) {
  MakeItems();
  writer_->Execute(
      "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated_at := now(); "
      "RETURN NEW; END'; CREATE TRIGGER stamp BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION "
      "stamp()");
  EXPECT_TRUE(
      Check().back().message.starts_with("bounded: as long as inserts leave column "
                                         "created_at to its default"))
      << Check().back().message;
  writer_->Execute("ALTER TABLE items ALTER created_at DROP DEFAULT");
  EXPECT_TRUE(Check().back().message.starts_with("bounded: where applications set"))
      << Check().back().message;
}

}  // namespace
}  // namespace syncline::capture
