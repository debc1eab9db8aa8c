#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "capture/polling/capture_orders.h"
#include "engine/base/logger.h"
#include "engine/log/log_admin.h"
#include "engine/log/log_ref.h"
#include "engine/sql/wait_limits.h"
#include "tools/control/local_socket.h"
#include "tools/support/value_json.h"

namespace syncline::cli {

// Where the process that writes a log takes orders from others: a socket beside the log, open
// to the user that runs it. One order and one answer a connection, each a line of JSON:
//
//   {"do": "backup", "into": "/absolute/path"}
//   {"done": {"next": N, "bytes": N, "linked_bytes": N}}
//   {"do": "poll"}
//   {"do": "recapture", "rows": [{"schema": "public", "table": "items", "keys": ["\\x0802", ..]}]}
//   {"done": {"next": N}}
//   {"error": {"message": "..", "hint": "..", "code": "..", "exit_code": N}}
//
// With "beat": MS in the order, {} comes about every so many milliseconds until the answer: whoever
// waits for it knows then that somebody is at work.
//
// A poll is one that begins after the order; N is where the log ends when it has closed its cut. To
// recapture is such a poll that reads the named rows again, whose keys are the bytes of a Row in
// hex: see CaptureOrders.
//
// Orders are taken one after the other. What is no order is answered with an error and harms
// nothing. Run on a thread of its own; borrows the log, whose lock makes it the only one here, and
// the orders of its capture.
class LogControl {
 public:
  // Where there can be no socket it says so in `logger` and Run returns at once.
  LogControl(LogAdmin& log, capture::CaptureOrders& orders, const LogPlace& place,
             std::shared_ptr<Logger> logger);
  ~LogControl();
  LogControl(const LogControl&) = delete;
  LogControl& operator=(const LogControl&) = delete;

  // Until stopped; an order at hand is carried out first, but a backup is ended.
  void Run(std::stop_token stop);

  // What is answered to a line.
  std::string Answer(std::string_view line);

 private:
  // Answers a line to whoever has sent it, with beats if they are wanted.
  void Serve(const LocalSocket& caller, const std::string& line);
  Json Backup(const std::filesystem::path& into);
  Json Poll(std::vector<capture::RowKeys> again);

  LogAdmin& log_;
  capture::CaptureOrders& orders_;
  const std::filesystem::path path_;
  const std::shared_ptr<Logger> logger_;
  std::optional<LocalSocket> socket_;
  std::stop_token stop_;  // of Run
};

// Has the writer of that log make a backup. Nothing if there is none that listens.
// Throws what the writer threw; RetryError when it ended meanwhile, or gives no sign
// of life for limits.stall.
std::optional<LogBackup> OrderBackup(const LogPlace& log, const std::filesystem::path& into,
                                     const sql::WaitLimits& limits = {});

// Has the capture that writes that log poll its source, and read the rows named by
// `again` once more; where the log ended afterwards. Nothing if there is none that listens. Throws
// what the capture threw; RetryError when it ended meanwhile, gives no sign of life for
// limits.stall, or is loading tables.
std::optional<Offset> OrderPoll(const LogPlace& log,
                                const std::vector<capture::RowKeys>& again = {},
                                const sql::WaitLimits& limits = {});

}  // namespace syncline::cli
