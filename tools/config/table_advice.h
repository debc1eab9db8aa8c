#pragma once

#include <string>
#include <vector>

#include "capture/plan/capture_method.h"
#include "engine/model/schema.h"
#include "engine/sql/table_info.h"

namespace syncline::cli {

// How a table could be captured, told from its catalogue entry alone. Plain value type.
struct TableAdvice {
  std::vector<std::string> key;  // the primary key, else the first unique key; empty: none
  capture::CaptureMethod capture = capture::CaptureMethod::kCursor;  // the best one that it allows
  std::string cursor;   // the likeliest cursor column; empty: none
  std::string problem;  // why it cannot be captured as it is; empty: it can
  std::string caution;  // it can, but; empty: nothing to say
};

TableAdvice AdviseTable(const sql::TableInfo& table, Dialect dialect);
// The same where no column can be polled by.
TableAdvice AdviseWithoutCursor(const sql::TableInfo& table, Dialect dialect);

// How a table that a glob found is to be captured.
struct WantedCapture {
  std::vector<std::string> key = {};  // empty: from the catalogue
  std::string cursor = {};
  capture::CaptureMethod method = capture::CaptureMethod::kCursor;
};
// Why the table cannot be captured so; empty if it can.
std::string WhyNotCapturable(const sql::TableInfo& table, Dialect dialect,
                             const WantedCapture& wanted);

// True when values of that type have an order that a poll can follow.
bool CanBeCursor(Type type, Dialect dialect);

}  // namespace syncline::cli
