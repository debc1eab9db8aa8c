#include "capture/polling/capture_orders.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include "capture/capture_stage.h"
#include "capture/plan/table_spec.h"
#include "capture/polling/capture_options.h"
#include "capture/polling/polled_database.h"
#include "engine/log/rocks/open_log.h"
#include "engine/sql/session.h"
#include "tests/capture/capture_harness.h"
#include "tests/capture/sqlite_items.h"

namespace syncline::capture {
namespace {

class CaptureOrdersTest : public testing::Test {
 protected:
  CaptureOrdersTest()
      : url_(sql::DatabaseUrl::Parse("sqlite:" + (folder_.path() / "source.db").string())),
        writer_(sql::Session::Open(url_, {.create = true})) {
    writer_->Execute(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, updated_at TEXT);"
        "INSERT INTO items VALUES (1, 'a', '2026-01-31 10:00:00'), (2, 'b', '2026-01-31 "
        "10:00:00')");
    CaptureOptions options;
    options.margin = Microseconds(0);
    options.orders = &orders_;
    TableSpec spec;
    spec.table = kItems;
    spec.cursor = "updated_at";
    capture_ = std::make_unique<CaptureHarness>(url_, std::vector{spec}, options);
    capture_->Poll();
    // Three rows, and after the load a mark: the log ends at 4. Polls reach back to the last stamp,
    // so not to the first two rows.
    writer_->Execute("INSERT INTO items VALUES (3, 'later', '2026-01-31 11:00:00')");
    capture_->Poll();
  }

  static RowKeys Keys(std::initializer_list<int64_t> ids) {
    RowKeys rows{.table = kItems};
    for (const int64_t id : ids) rows.keys.emplace_back().Append(ValueView::Int(id));
    return rows;
  }

  TemporaryFolder folder_;
  sql::DatabaseUrl url_;
  std::unique_ptr<sql::Session> writer_;
  CaptureOrders orders_;
  std::unique_ptr<CaptureHarness> capture_;
};

// Fails when the answer comes before the poll's rows are in the log.
TEST_F(CaptureOrdersTest, AnOrderIsAnsweredWithTheEndOfTheLogAfterAPoll) {
  writer_->Execute("INSERT INTO items VALUES (4, 'd', '2026-01-31 12:00:00')");
  std::future<Offset> answer = orders_.Post();
  EXPECT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  capture_->Poll();
  EXPECT_EQ(answer.get(), Offset(5));
  // With nothing new the log holds everything as well.
  std::future<Offset> again = orders_.Post();
  capture_->Poll();
  EXPECT_EQ(again.get(), Offset(5));
}

// Fails when a stage that rests hears of an order with its next poll only, and when one that nobody
// gives orders to cannot rest.
TEST_F(CaptureOrdersTest, AnOrderEndsARest) {
  using std::chrono::hours;
  using std::chrono::seconds;
  SystemClock clock;
  const auto log =
      OpenRocksLog(folder_.path() / "live", sql::Session::Open(url_)->Identity(), clock);
  TableSpec spec;
  spec.table = kItems;
  spec.cursor = "updated_at";
  for (CaptureOrders* const orders : {static_cast<CaptureOrders*>(nullptr), &orders_}) {
    std::atomic<int> polls = 0;
    CaptureOptions options;
    options.every = {.least = hours(1), .most = hours(1)};
    options.orders = orders;
    options.progressed = [&](std::optional<WallTime> polled, uint64_t) {
      if (polled) ++polls;
      polls.notify_all();
    };
    CaptureStage stage(Polled(url_, {spec}), options, *log, clock,
                       std::make_shared<NullLogger>());
    const std::jthread runs([&](std::stop_token stop) { stage.Run(stop); });
    polls.wait(0);
    if (orders == nullptr) continue;
    for (int i = 0; i < 2; ++i) {
      std::future<Offset> answer = orders->Post();
      ASSERT_EQ(answer.wait_for(seconds(30)), std::future_status::ready);
      EXPECT_EQ(answer.get(), log->next());
    }
  }
}

// Fails when rows are read again only if their cursor has moved, when a row that is gone stays in
// the log, and when one without a version is taken for gone.
TEST_F(CaptureOrdersTest, NamedRowsAreReadAgainWhateverTheirCursorSays) {
  writer_->Execute(
      "UPDATE items SET name = 'unstamped' WHERE id = 1; DELETE FROM items WHERE id = 2;"
      "UPDATE items SET updated_at = NULL WHERE id = 3");
  capture_->Poll();
  EXPECT_EQ(capture_->changes(), 3u);
  std::future<Offset> answer = orders_.Post({Keys({1, 2, 3, 99})});
  capture_->Poll();
  EXPECT_EQ(answer.get(), Offset(6));
  EXPECT_EQ(capture_->LoggedText(kItems),
            "1|unstamped|2026-01-31 10:00:00, 3|later|2026-01-31 11:00:00");
  EXPECT_EQ(capture_->changes(), 5u) << "the row that was changed, and the one that is gone";
  EXPECT_FALSE(capture_->cut_open());
  // What the log holds now is not logged again.
  answer = orders_.Post({Keys({1, 2})});
  capture_->Poll();
  EXPECT_EQ(answer.get(), Offset(6));
}

TEST_F(CaptureOrdersTest, WhatIsNotCapturedIsPassedOver) {
  RowKeys unknown = Keys({1});
  unknown.table.name = "others";
  RowKeys two_values = Keys({1});
  two_values.keys.front().Append(ValueView::Int(2));
  std::future<Offset> answer = orders_.Post({unknown, two_values});
  capture_->Poll();
  EXPECT_EQ(answer.get(), Offset(4));
}

// Fails when somebody waits for ever for a capture that has ended.
TEST_F(CaptureOrdersTest, AfterTheEndNobodyWaits) {
  std::future<Offset> before = orders_.Post();
  orders_.Close();
  EXPECT_THROW(before.get(), Error);
  EXPECT_THROW(orders_.Post().get(), Error);
}

// Fails when an order waits until the pause between two polls is over.
TEST_F(CaptureOrdersTest, AnOrderEndsThePauseBetweenPolls) {
  SystemClock clock;
  std::jthread pausing([&] { orders_.Sleep(clock, std::chrono::hours(1), {}); });
  std::future<Offset> answer = orders_.Post();
  pausing.join();
  orders_.Take().Done(Offset(7));
  EXPECT_EQ(answer.get(), Offset(7));
}

// Fails when one who also waits for loads is refused like the others, or forgotten.
TEST_F(CaptureOrdersTest, ThePatientWaitThroughALoad) {
  std::future<Offset> patient = orders_.PostPatiently(), hasty = orders_.Post();
  orders_.TakeHasty().Fail(RetryError("loading"));
  EXPECT_THROW(hasty.get(), Error);
  EXPECT_EQ(patient.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  orders_.Take().Done(Offset(7));
  EXPECT_EQ(patient.get(), Offset(7));
}

// Fails (by never ending) when neither an order nor the release ends the hold.
TEST_F(CaptureOrdersTest, WhoIsHeldWaitsForAnOrderOrTheRelease) {
  SystemClock clock;
  orders_.WaitWhileHeld(clock, {});
  orders_.Hold(true);
  {
    std::jthread held([&] { orders_.WaitWhileHeld(clock, {}); });
    std::future<Offset> answer = orders_.Post();
    held.join();
    orders_.Take().Done(Offset(7));
  }
  {
    std::jthread held([&] { orders_.WaitWhileHeld(clock, {}); });
    orders_.Hold(false);
  }
  orders_.Hold(true);
  std::stop_source stop;
  std::jthread held([&] { orders_.WaitWhileHeld(clock, stop.get_token()); });
  stop.request_stop();
  held.join();
  EXPECT_FALSE(orders_.WaitForOrder(clock, stop.get_token()));
}

}  // namespace
}  // namespace syncline::capture
