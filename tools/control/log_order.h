#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "capture/polling/capture_orders.h"
#include "engine/base/error.h"
#include "tools/support/value_json.h"

namespace syncline::cli {

// What is said at a log's socket (log_control.h): lines of JSON from another process, of which none
// is trusted to be what it should.
struct LogOrder {
  enum class Kind { kBackup, kPoll };

  Kind kind = Kind::kPoll;
  std::filesystem::path into;          // kBackup: absolute
  std::vector<capture::RowKeys> rows;  // kPoll: to be read again; the line says "recapture"
};

// Throws UsageError or DamageError for a line that is no order.
LogOrder ParseOrder(std::string_view line);

// The lines that order `rows` to be read again, none of them too long.
std::vector<Json> RecaptureOrders(const std::vector<capture::RowKeys>& rows);

Json ErrorAnswer(const Error& error);
// What was done, as the answer says; throws the error that it tells, or StopError for a line that
// is no answer.
Json DoneIn(std::string_view answer);
// A number in it; 0 if there is none.
uint64_t NumberIn(const Json& done, const char* name);

}  // namespace syncline::cli
