#include "tools/status/pipeline_status.h"

#include <fmt/format.h>

#include <algorithm>

#include "apply/base_feed.h"
#include "apply/state/quarantine.h"
#include "capture/cursor/stored_cursor.h"
#include "engine/base/error.h"
#include "engine/log/log_catalog.h"
#include "engine/sql/sql_dialect.h"
#include "tools/config/named_by.h"
#include "tools/status/lines_status.h"

namespace syncline::cli {
namespace {

using State = PipelineStatus::State;

// The log tells of the tables of other pipelines, too.
template <typename Rows>
void KeepOwn(const Config& config, const PipelineConfig& pipeline, Rows& rows) {
  const Dialect dialect = config.Database(pipeline.from).url.dialect;
  std::erase_if(rows, [&](const auto& row) {
    return std::ranges::none_of(pipeline.tables, [&](const TableRule& rule) {
      return IsNamedBy(rule, row.table, dialect);
    });
  });
}

void ReadLog(LogReader& reader, PipelineStatus& status) {
  status.log = reader.info();
  status.log_end = reader.end();
  if (std::optional<FrameHeader> last = reader.Last()) {
    status.last_frame_at = last->written_at;
    status.cut_open = !last->closes_cut;
    status.guarantees = capture::Guarantees(last->cursor);
    status.too_large = capture::LargeRowsOf(last->cursor);
    status.unreadable = capture::UnreadableRowsOf(last->cursor);
  }
}

void CheckBelongs(const apply::Progress& progress, const PipelineStatus& status) {
  apply::CheckFollows(progress, *status.log, "the target");
  if (progress.next > status.log_end) {
    throw DamageError(
        fmt::format("the target is at offset {}, but the log ends at {}", progress.next.value(),
                    status.log_end.value()),
        "the log has lost its end, or is an older copy; see `syncline offsets --help`");
  }
}

// Whether the changes before `next` end inside of a cut. What the frames do not tell any more, the
// base does.
bool EndsInsideCut(LogReader& reader, Offset next) {
  if (next == Offset(0) || next < reader.begin()) return false;
  if (next == reader.begin()) {
    const BaseInfo base = reader.OpenBase()->info();
    return base.as_of == next && base.cut_open;
  }
  reader.Seek(Offset(next.value() - 1));
  const std::optional<Frame> frame = reader.NextHeader();
  return frame && (frame->header.end() > next || !frame->header.closes_cut);
}

PipelineStatus::Holds HoldsAt(LogReader& reader, const apply::Progress& progress) {
  if (apply::IsInBase(progress)) return PipelineStatus::Holds::kPartOfBase;
  return EndsInsideCut(reader, progress.next) ? PipelineStatus::Holds::kPartOfCut
                                              : PipelineStatus::Holds::kOneState;
}

void MeasureLag(LogReader& reader, Clock& clock, PipelineStatus& status) {
  status.behind = status.log_end > *status.next ? status.log_end - *status.next : 0;
  status.lag = Microseconds(0);
  if (*status.behind == 0) return;
  reader.Seek(*status.next);
  if (std::optional<Frame> frame = reader.NextHeader()) {
    status.oldest_lacking = frame->header.written_at;
    status.lag = std::max(Microseconds(0), clock.Now() - frame->header.written_at);
  }
}

bool WillBeMadeByApply(const sql::DatabaseUrl& url) {
  std::error_code error;
  return sql::DialectOf(url.dialect).can().is_file &&
         !std::filesystem::exists(url.connection, error);
}

}  // namespace

// A target that has come to an offset of a log that is not there: somebody has moved it, or looks
// in another place. What cannot be asked, as before the first run, is not told. Two directions go
// on with a log that is made anew: they compare all of it.
static void CheckNeverHadOne(const Config& config, const PipelineConfig& pipeline,
                             PipelineStatus& status) {
  if (pipeline.two_way) return;
  std::vector<apply::Progress> rows;
  try {
    if (!config.LinesOf(pipeline) && WillBeMadeByApply(config.Database(pipeline.to).url)) return;
    rows = ReadTargetProgress(config, pipeline);
  } catch (const Error&) {
    return;
  }
  for (const apply::Progress& row : rows) {
    if (row.pipeline != pipeline.name) continue;
    const Error error = EnvironmentError(
        fmt::format("there is no log of \"{}\" in {}, and {} is at offset {} of one", status.source,
                    config.Log(status.source)->Describe(), status.target, row.next.value()),
        "put the log back, or restore a backup of it, or correct `log:`; the target cannot go on "
        "with a new one");
    status.state = State::kTrouble;
    status.trouble = error.message();
    status.hint = error.hint();
    status.exit_code = error.exit_code();
    return;
  }
}

LogRef LogOf(const Config& config, const std::string& source) {
  LogRef log = config.Log(source);
  if (!log->MayExist()) {
    throw EnvironmentError(
        fmt::format("there is no log of \"{}\" in {} yet", source, log->Describe()),
        "`syncline run` or `syncline capture` makes it");
  }
  return log;
}

std::unique_ptr<LogReader> OpenLog(const Config& config, const std::string& source, Clock& clock) {
  const LogRef log = LogOf(config, source);
  return InContext(fmt::format("the log of \"{}\"", source),
                   [&] { return log->OpenReader(clock); });
}

// The log, where the target cannot be read: that is trouble enough to tell.
static void TryReadLog(const Config& config, Clock& clock, PipelineStatus& status) {
  try {
    ReadLog(*OpenLog(config, status.source, clock), status);
  } catch (const Error&) {
    status.log.reset();
  }
}

PipelineStatus ReadPipelineStatus(const Config& config, const PipelineConfig& pipeline,
                                  Clock& clock) {
  PipelineStatus status{.pipeline = pipeline.name, .source = pipeline.from, .target = pipeline.to};
  if (!config.Log(pipeline.from)->MayExist()) {
    status.state = State::kNoLog;
    CheckNeverHadOne(config, pipeline, status);
    return status;
  }
  try {
    // The target first: what it has is then surely in the log.
    const sql::DatabaseUrl& url = config.Database(pipeline.to).url;
    const std::optional<LinesConfig>& lines = config.LinesOf(pipeline);
    std::vector<apply::Progress> rows;
    if (lines || !WillBeMadeByApply(url)) rows = ReadTargetProgress(config, pipeline);
    if (!lines && !WillBeMadeByApply(url)) {
      const auto parked = apply::CountQuarantine(url);
      if (const auto own = parked.find(pipeline.name); own != parked.end()) {
        status.refused = own->second;
      }
    }
    auto reader = OpenLog(config, pipeline.from, clock);
    ReadLog(*reader, status);
    if (lines && lines->is_stdout()) {
      status.state = State::kUnkept;
      KeepOwn(config, pipeline, status.too_large);
      KeepOwn(config, pipeline, status.unreadable);
      return status;
    }
    auto row = std::find_if(rows.begin(), rows.end(), [&](const apply::Progress& progress) {
      return progress.pipeline == pipeline.name;
    });
    status.state = State::kNotStarted;
    status.next = reader->begin();
    if (row != rows.end()) {
      status.next = row->next;
      CheckBelongs(*row, status);
      status.state = status.log_end > row->next ? State::kBehind : State::kInStep;
      status.holds = HoldsAt(*reader, *row);
    }
    MeasureLag(*reader, clock, status);
  } catch (const Error& error) {
    status.state = State::kTrouble;
    status.trouble = error.message();
    status.hint = error.hint();
    status.exit_code = error.exit_code();
    if (!status.log) TryReadLog(config, clock, status);
  }
  KeepOwn(config, pipeline, status.too_large);
  KeepOwn(config, pipeline, status.unreadable);
  return status;
}

}  // namespace syncline::cli
