#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "engine/log/change_log.h"
#include "engine/log/log_reader.h"
#include "tests/engine/log/sample_rows.h"

namespace syncline {

// Where a test's log is: what is appended there outlives its writer. Plain value type.
struct LogHome {
  std::function<std::unique_ptr<ChangeLog>(std::string_view source, Clock& clock)> open;
  // As another process would.
  std::function<std::unique_ptr<LogReader>(Clock& clock)> open_reader;
};

// A kind of log that keeps the contract of ChangeLog and LogReader. Plain value type.
struct LogKind {
  std::string name;
  std::function<LogHome()> make;  // a home without a log
  bool little_memory = false;  // its index comes to lie partly in files within a few thousand polls
  // Where it deviates: the reason with which it refuses; empty: it does not.
  std::string why_no_retention = {};
  std::string why_no_backup = {};
};

// All kinds that there are.
std::vector<LogKind> LogKinds();

inline void PrintTo(const LogKind& kind, std::ostream* out) { *out << kind.name; }
inline std::string NameOfKind(const testing::TestParamInfo<LogKind>& info) {
  return info.param.name;
}

// What every log must do alike.
class LogConformance : public testing::TestWithParam<LogKind> {
 protected:
  std::unique_ptr<ChangeLog> Open(std::string_view source = kSource) {
    return home_.open(source, clock_);
  }
  // Closes the log of the test and opens it again.
  void Reopen() {
    log_.reset();
    log_ = Open();
  }

  std::vector<Frame> Frames() { return Drain(*log_->NewReader()); }
  std::vector<Change> Changes() {
    std::vector<Change> changes;
    for (Frame& frame : Frames()) {
      for (Change& change : frame.changes) changes.push_back(std::move(change));
    }
    return changes;
  }

  SystemClock clock_;
  const LogHome home_ = GetParam().make();
  std::unique_ptr<ChangeLog> log_ = Open();
};

}  // namespace syncline
