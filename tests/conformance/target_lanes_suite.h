#pragma once

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/conformance/running_stage.h"
#include "tests/conformance/target_suite.h"
#include "tests/support/user_session.h"

namespace syncline::apply {

inline constexpr int kFrameRows = 3'000;
inline constexpr size_t kFrameBytes = 1u << 20;

// So many batches at least go ahead of the one before them, which depends on whether the next one
// is read while one is written. Under a sanitizer reading takes many times as long, and the server
// is as fast as ever: next to none does.
constexpr uint64_t AheadAtLeast(uint64_t count) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
  count = 0;
#endif
  return count;
}

class TargetLanes : public TargetConformance {
 protected:
  static ApplyOptions SmallBatches() { return {.pipeline = "p", .batch_changes = kFrameRows}; }

  test::RunningStage Start() { return Start(target_.url()); }
  test::RunningStage Start(const sql::DatabaseUrl& url) {
    return test::RunningStage(url, {ItemsMapping()}, log_, system_clock_, SmallBatches());
  }

  // One cut, too large for one batch, of items `from` to `to` in no order; a frame is a batch.
  void LogShuffled(int from, int to, const std::string& name, int64_t stamp) {
    std::vector<int> ids(to - from + 1);
    std::iota(ids.begin(), ids.end(), from);
    std::ranges::shuffle(ids, random_);
    log_.Cut(
        [&](CutWriter& writer) {
          for (size_t i = 0; i < ids.size(); ++i) {
            writer.Add(test::ItemsSchema(), test::Item(ids[i], name, stamp));
            if (i % kFrameRows == kFrameRows - 1) writer.Flush();
          }
        },
        kFrameBytes);
  }

  // The target has the table then, and the stage knows that it has.
  void Settle(test::RunningStage& running) {
    LogItems(10, "first", 1);
    running.WaitUntilCaughtUp();
  }

  // While the stage waits for a row that somebody holds, so that it finds all of it at once.
  void LogAtOnce(const std::function<void()>& log) {
    const auto holder = test::OpenAsUser(target_.url());
    holder->Execute("BEGIN");
    holder->Execute("UPDATE items SET name = 'held' WHERE id = 10");
    Log({test::Item(10, "waited for", 2)});
    WaitUntilSessionsWait(1);
    log();
    holder->Execute("COMMIT");
  }

  void WaitUntilSessionsWait(int count) {
    test::WaitUntil("sessions to wait for locks", [&] {
      return target_.Value(
                 "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE "
                 "NOT granted AND datname = current_database()") == std::to_string(count);
    });
  }

  // A batch of new items, with a column more where it is wide; in no key order.
  void LogSchema(bool is_wide) {
    static const test::SchemaPtr wider = test::MakeSchema(
        "public.items", {{"id", Type::kInt, "bigint", false},
                         {"name", Type::kText, "text", true},
                         {"extra", Type::kInt, "bigint", true},
                         {"updated_at", Type::kTimestampTz, "timestamp with time zone", false}});
    last_ += kFrameRows;
    log_.Cut(
        [&](CutWriter& writer) {
          for (int id = last_; id > last_ - kFrameRows; --id) {
            if (is_wide) {
              writer.Add(wider, test::MakeRow({ValueView::Int(id), ValueView::Text("wide"),
                                               ValueView::Int(1), test::Stamp(1)}));
            } else {
              writer.Add(test::ItemsSchema(), test::Item(id, "narrow", 1));
            }
          }
        },
        kFrameBytes);
  }
  // When so many batches are written.
  void ExpectThatAColumnIsGone(int before) {
    ApplyOptions options = SmallBatches();
    options.once = true;
    const std::optional<Error> error = Refusal({ItemsMapping()}, options);
    ASSERT_TRUE(error);
    EXPECT_NE(error->message().find("column extra is gone"), std::string::npos) << error->message();
    EXPECT_EQ(target_.Value("SELECT count(*) FROM items"), std::to_string(before * kFrameRows));
  }

  std::string Count(const std::string& name) {
    return target_.Value("SELECT count(*) FROM items WHERE name = '" + name + "'");
  }
  std::string Parked() { return target_.Value("SELECT count(*) FROM syncline_quarantine"); }

  int last_ = 0;  // that LogSchema has logged
  std::mt19937 random_{1};
  SystemClock system_clock_;
};

}  // namespace syncline::apply
