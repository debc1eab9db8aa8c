#include "tools/service/stage_watch.h"

#include <algorithm>
#include <utility>

#include "capture/cursor/stored_cursor.h"
#include "engine/base/error.h"

namespace syncline::cli {

uint64_t CaptureActivity::RowsSetAside(const std::vector<TableName>& of) const {
  uint64_t rows = 0;
  for (const TableName& table : of) {
    if (const auto found = set_aside.find(table); found != set_aside.end()) rows += found->second;
  }
  return rows;
}

template <typename End>
class StageWatch::Ending : public Watching {
 public:
  explicit Ending(End end) : end_(std::move(end)) {}
  ~Ending() override { end_(); }

 private:
  End end_;
};

std::unique_ptr<StageWatch::Watching> StageWatch::Capture(const std::string& source,
                                                          const capture::CaptureStats& stats,
                                                          std::unique_ptr<LogReader> reader) {
  std::lock_guard lock(mutex_);
  WatchedCapture& watched = captures_[source];
  watched.stats = &stats;
  watched.reader = std::move(reader);
  auto end = [this, source] {
    std::lock_guard lock(mutex_);
    WatchedCapture& watched = captures_[source];
    FindSetAside(watched);
    watched.before = Sum(watched);
    watched.before.loads_left = std::exchange(watched.before.loads_running, 0);
    watched.stats = nullptr;
    watched.reader.reset();
  };
  return std::make_unique<Ending<decltype(end)>>(std::move(end));
}

std::unique_ptr<StageWatch::Watching> StageWatch::Apply(const std::string& pipeline,
                                                        const std::string& source,
                                                        const apply::ApplyStats& stats) {
  std::lock_guard lock(mutex_);
  WatchedApply& watched = applies_[pipeline];
  watched.stats = &stats;
  watched.before.source = source;
  auto end = [this, pipeline] {
    std::lock_guard lock(mutex_);
    WatchedApply& watched = applies_[pipeline];
    watched.before = Sum(watched);
    watched.stats = nullptr;
  };
  return std::make_unique<Ending<decltype(end)>>(std::move(end));
}

CaptureActivity StageWatch::Sum(const WatchedCapture& watched) {
  CaptureActivity sum = watched.before;
  if (watched.stats != nullptr) {
    sum.polls += watched.stats->polls;
    sum.rows_read += watched.stats->rows_read;
    sum.changes_logged += watched.stats->changes_logged;
    sum.loads_running = watched.stats->loads_running;
    sum.rows_to_load += watched.stats->rows_to_load;
    sum.loads_left = 0;
    for (const auto& [table, counts] : watched.stats->tables.counts()) sum.tables[table] += counts;
  }
  return sum;
}

ApplyActivity StageWatch::Sum(const WatchedApply& watched) {
  ApplyActivity sum = watched.before;
  if (watched.stats != nullptr) {
    sum.next = Offset(watched.stats->next_offset);
    sum.changes += watched.stats->changes;
    sum.rows_written += watched.stats->rows_written;
    sum.rows_newer += watched.stats->rows_newer;
    sum.conflicts += watched.stats->conflicts;
    sum.refused += watched.stats->refused;
    if (watched.stats->knows_parked) sum.parked = watched.stats->parked;
    sum.batches += watched.stats->batches;
    sum.idles += watched.stats->idles;
    for (const auto& [table, counts] : watched.stats->tables.counts()) sum.tables[table] += counts;
  }
  return sum;
}

// What goes wrong with the log here goes wrong for the stage that works with it, and that one tells
// of it; a number that nobody could read is just unknown.
void StageWatch::MeasureEnd(WatchedCapture& watched) {
  if (watched.reader == nullptr) return;
  try {
    watched.before.log_end = watched.reader->end();
  } catch (const Error&) {
    watched.before.log_end.reset();
  }
}

// As the log tells others: what is news about such rows makes a frame.
void StageWatch::FindSetAside(WatchedCapture& watched) {
  if (watched.reader == nullptr) return;
  try {
    const std::optional<FrameHeader> last = watched.reader->Last();
    if (!last || last->cursor == watched.cursor) return;
    watched.before.set_aside = capture::RowsSetAside(last->cursor);
    watched.before.knows_set_aside = true;
    watched.cursor = last->cursor;
  } catch (const Error&) {
  }
}

void StageWatch::MeasureLag(ApplyActivity& apply) {
  auto capture = captures_.find(apply.source);
  if (capture == captures_.end() || capture->second.reader == nullptr) return;
  LogReader& reader = *capture->second.reader;
  try {
    const Offset end = reader.end();
    apply.behind = end > apply.next ? end - apply.next : 0;
    apply.lag = Microseconds(0);
    if (*apply.behind == 0) return;
    reader.Seek(apply.next);
    if (std::optional<Frame> frame = reader.NextHeader()) {
      apply.lag = std::max(Microseconds(0), clock_.Now() - frame->header.written_at);
    }
  } catch (const Error&) {
    apply.behind.reset();
    apply.lag.reset();
  }
}

Activity StageWatch::Counts() {
  std::lock_guard lock(mutex_);
  Activity activity;
  for (auto& [source, watched] : captures_) {
    FindSetAside(watched);
    activity.captures[source] = Sum(watched);
  }
  for (const auto& [pipeline, watched] : applies_) activity.applies[pipeline] = Sum(watched);
  return activity;
}

Activity StageWatch::Look() {
  std::lock_guard lock(mutex_);
  Activity activity;
  for (auto& [source, watched] : captures_) {
    MeasureEnd(watched);
    FindSetAside(watched);
    activity.captures[source] = Sum(watched);
  }
  for (const auto& [pipeline, watched] : applies_) {
    ApplyActivity& apply = activity.applies[pipeline] = Sum(watched);
    MeasureLag(apply);
  }
  return activity;
}

}  // namespace syncline::cli
