#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <string>
#include <vector>

#include "capture/capture_cursor.h"
#include "capture/horizon.h"
#include "capture/row_feed.h"
#include "capture/table_plan.h"

namespace syncline::capture {

// Brings tables that are new to the log into it: range after range in key order, each in a short
// snapshot of its own and durable with the key it ends at, so that a load goes on where it was when
// the process died. Nothing is held open on the source. What changes meanwhile is caught by the
// first poll, which reaches back to the moment of Horizon::Anchor; until then the cut stays open.
//
// Belongs to one thread; borrows everything.
class InitialLoad {
 public:
  struct Parts {
    sql::Session& session;
    RowFeed& feed;
    Horizon& horizon;
    CaptureCursor& cursor;
    const std::vector<TablePlan>& tables;
    spdlog::logger& logger;
  };

  InitialLoad(Parts parts, uint64_t range_rows) : parts_(parts), range_rows_(range_rows) {}

  // How many tables are not loaded yet.
  uint64_t pending() const;
  // Reads the next range of the first such table.
  void ReadRange();

 private:
  void Begin(const TablePlan& table);

  Parts parts_;
  const uint64_t range_rows_;
};

// SQL condition for the keys after `key`, in the order of the table's key columns. Pure.
std::string AfterKey(const TablePlan& table, const Row& key);

}  // namespace syncline::capture
