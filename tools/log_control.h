#pragma once

#include <spdlog/logger.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "engine/log/change_log.h"
#include "tools/local_socket.h"

namespace syncline::cli {

// Where the process that writes a log takes orders from others: a socket in the log's folder, open
// to the user that runs it. One order and one answer a connection, each a line of JSON:
//
//   {"do": "backup", "into": "/absolute/path"}
//   {"done": {"next": N, "bytes": N, "linked_bytes": N}}
//   {"error": {"message": "..", "hint": "..", "code": "..", "exit_code": N}}
//
// Orders are taken one after the other. What is no order is answered with an error and harms
// nothing. Run on a thread of its own; borrows the log, whose lock makes it the only one here.
class LogControl {
 public:
  // Where there can be no socket it says so in `logger` and Run returns at once.
  LogControl(ChangeLog& log, const std::filesystem::path& folder,
             std::shared_ptr<spdlog::logger> logger);
  ~LogControl();
  LogControl(const LogControl&) = delete;
  LogControl& operator=(const LogControl&) = delete;

  // Until stopped; an order at hand is carried out first.
  void Run(std::stop_token stop);

  // What is answered to a line.
  std::string Answer(std::string_view line);

 private:
  ChangeLog& log_;
  const std::filesystem::path path_;
  const std::shared_ptr<spdlog::logger> logger_;
  std::optional<LocalSocket> socket_;
};

// Has the writer of the log in `folder` make a backup. Nothing if there is none that listens.
// Throws what the writer threw; RetryError when it ended meanwhile.
std::optional<LogBackup> OrderBackup(const std::filesystem::path& folder,
                                     const std::filesystem::path& into);

}  // namespace syncline::cli
