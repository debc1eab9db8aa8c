#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apply/apply_stage.h"
#include "capture/cursor/guarantee.h"
#include "capture/cursor/stored_cursor.h"
#include "engine/base/clock.h"
#include "engine/log/log_reader.h"
#include "tools/config/config.h"

namespace syncline::cli {

// Where one pipeline stands, put together from its log and its target's progress row. Plain value
// type.
struct PipelineStatus {
  enum class State {
    kInStep,      // everything in the log is in the target
    kBehind,      // the log holds changes that the target does not
    kNotStarted,  // the target has no progress row yet
    kNoLog,       // capture has not made the log yet
    kUnkept,      // lines on stdout: how far they are nobody but the running process knows
    kTrouble,     // something could not be read, or does not belong together: see `trouble`
  };

  // What the target shows.
  enum class Holds {
    kOneState,   // of the source
    kPartOfCut,  // something between two states: a cut that is larger than a batch is under way
    kPartOfBase  // the same: it catches up through the log's base
  };

  std::string pipeline;
  std::string source;
  std::string target;
  State state = State::kTrouble;
  std::string trouble;
  std::string hint;
  int exit_code = 0;  // of the trouble

  std::optional<LogInfo> log;
  Offset log_end;
  std::optional<Offset> next;              // of the target; the log's beginning when not started
  std::optional<uint64_t> behind;          // changes in the log that the target does not have
  std::optional<Microseconds> lag;         // age of the oldest of them; zero when there is none
  std::optional<WallTime> oldest_lacking;  // when that was captured
  Holds holds = Holds::kOneState;
  std::optional<WallTime> last_frame_at;  // when capture last found something
  uint64_t refused = 0;  // changes in the target's quarantine; what waits behind them not counted
  std::vector<capture::LargeRow> too_large;              // rows of the source that are not captured
  std::vector<capture::UnreadableRow> unreadable;        // others
  std::map<std::string, capture::Guarantee> guarantees;  // by table of the source
  bool cut_open =
      false;  // the last frame did not close its cut: a large poll or a load is under way
};

// Never throws for what it finds. Works beside running processes.
PipelineStatus ReadPipelineStatus(const Config& config, const PipelineConfig& pipeline,
                                  Clock& clock);

// The log of a source. Throws EnvironmentError when nothing is there yet.
LogRef LogOf(const Config& config, const std::string& source);
// Opens the log of a source beside its writer; the error names the source.
std::unique_ptr<LogReader> OpenLog(const Config& config, const std::string& source, Clock& clock);

}  // namespace syncline::cli
