#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apply/apply_stage.h"
#include "apply/state/set_progress.h"
#include "apply/target/sql_target.h"
#include "apply/write/table_writer.h"
#include "engine/base/error.h"
#include "tests/apply/test_log.h"
#include "tests/conformance/target_database.h"

namespace syncline::apply {

// Rows that are written by a statement each, and rows that are staged and written together.
inline constexpr int kFew = 3;
inline constexpr int kMany = static_cast<int>(TableWriter::kStagedRowsMin) + 50;

// What every target must do alike; run for each database. A log of the test's own is applied by a
// real stage.
class TargetConformance : public testing::TestWithParam<Dialect> {
 protected:
  bool postgres() const { return GetParam() == Dialect::kPostgres; }

  // items -> items, made when missing.
  TableMapping ItemsMapping() const {
    return {.source = {"public", "items"}, .target = target_.Table("items")};
  }

  static ApplyOptions Once() { return {.pipeline = "p", .once = true}; }

  // Applies what the log holds, with a stage (and a session) of its own.
  struct Result {
    uint64_t next, changes, rows_written, rows_newer, batches, conflicts;
  };
  Result Apply(std::vector<TableMapping> tables, ApplyOptions options = Once()) {
    const auto reader = log_.NewReader();
    ApplyStage stage(SqlTargetAt(target_.url(), std::move(tables)), std::move(options), *reader,
                     clock_, test::QuietLogger());
    stage.Run({});
    const ApplyStats& stats = stage.stats();
    return {stats.next_offset, stats.changes, stats.rows_written,
            stats.rows_newer,  stats.batches, stats.conflicts};
  }
  Result Apply() { return Apply({ItemsMapping()}); }

  // The error that applying ends with.
  std::optional<Error> Refusal(std::vector<TableMapping> tables, ApplyOptions options = Once()) {
    try {
      Apply(std::move(tables), std::move(options));
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "applied without an error";
    return {};
  }

  // One cut of rows of public.items.
  void Log(const std::vector<Row>& rows) {
    log_.Cut([&](CutWriter& writer) {
      for (const Row& row : rows) writer.Add(test::ItemsSchema(), row);
    });
  }
  // Items 1 to `count`.
  void LogItems(int count, const std::string& name, int64_t stamp) {
    std::vector<Row> rows;
    for (int id = 1; id <= count; ++id) rows.push_back(test::Item(id, name, stamp));
    Log(rows);
  }

  // "id|name" of all items on the target.
  std::vector<std::string> Items() {
    return target_.Rows("SELECT id, name FROM items ORDER BY id");
  }
  void RewindTo(uint64_t offset) {
    SetProgress(target_.url(), "p", log_.log().info(), Offset(offset));
  }

  ManualClock clock_;
  test::TestLog log_{clock_};
  test::TargetDatabase target_{GetParam()};
};

inline std::string DialectOf(const testing::TestParamInfo<Dialect>& info) {
  return info.param == Dialect::kPostgres ? "Postgres" : "Sqlite";
}

}  // namespace syncline::apply
