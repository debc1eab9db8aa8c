#include "apply/apply_stage.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "apply/base_feed.h"
#include "apply/batch_prefetch.h"
#include "apply/missing_grants.h"
#include "apply/prepared.h"
#include "apply/quarantine.h"
#include "apply/sql_target.h"
#include "engine/base/backoff.h"
#include "engine/base/crash_point.h"
#include "engine/base/error.h"

namespace syncline::apply {
namespace {

constexpr Microseconds kIdleWait = std::chrono::seconds(1);  // should a wake-up be missed
constexpr int kLogEveryNthTry = 10;  // of those that fail for the same reason
constexpr int kTriesOfOnce = 5;      // without a step forward: somebody waits for it

std::vector<TableName> TargetsOf(const std::vector<TableMapping>& tables) {
  std::vector<TableName> targets;
  for (const TableMapping& table : tables) targets.push_back(table.target);
  return targets;
}

}  // namespace

class ApplyStage::Impl {
 public:
  Impl(sql::DatabaseUrl target, std::vector<TableMapping> tables, ApplyOptions options,
       LogReader& reader, Clock& clock, std::shared_ptr<spdlog::logger> logger)
      : url_(target),
        display_(target.display),
        target_tables_(TargetsOf(tables)),
        options_(std::move(options)),
        log_(reader),
        clock_(clock),
        logger_(std::move(logger)),
        batches_(
            reader, {.changes = options_.batch_changes, .bytes = options_.batch_bytes},
            [this](const TableName& table) { return target_.Wants(table); },
            [this](const TableName& table) { return target_.KeepsDeleted(table); }),
        target_(std::move(target), std::move(tables), reader.info().source,
                options_.quarantine_limit, logger_, options_.two_way),
        backoff_(options_.retry) {
    try {
      target_.Open();
      ReadProgress();
    } catch (const Error& error) {
      throw Explained(error);
    }
  }

  void Run(std::stop_token stop);

  const ApplyStats& stats() const { return stats_; }

 private:
  void ReadProgress();
  void CheckInLog();
  void CheckNothingIsMissing(std::stop_token stop);
  void Resume(std::stop_token stop);
  void ApplyUntilEnd(std::stop_token stop);
  void TellLog();
  void LoadBase(std::stop_token stop);
  void CheckBase(const BaseInfo& base) const;
  void Commit(ReadyBatch ready);
  Progress ProgressAt(Offset next, uint64_t frame_hash) const;
  void Advance(const Progress& to, const SqlTarget::Written& written, uint64_t changes);
  void Report(const TableName& table, const WriteCounts& counts);
  void Account(uint64_t changes, const WriteCounts& counts);
  void GoneOn();
  void React(const Error& error, std::stop_token stop);
  Error Explained(const Error& error) const {
    return WithMissingGrants(error, url_, target_tables_);
  }

  // The highest offset that the target ever had, in the log's history as it is now.
  Offset Reached() const {
    if (!progress_) return Offset();
    return std::min(progress_->reached, log_.info().SharedUpTo(progress_->epoch));
  }
  Offset next() const { return progress_ ? progress_->next : Offset(); }
  bool PastTime() const { return options_.to_time && clock_.Now() > *options_.to_time; }

  const sql::DatabaseUrl url_;
  const std::string display_;
  const std::vector<TableName> target_tables_;
  const ApplyOptions options_;
  LogReader& log_;
  Clock& clock_;
  const std::shared_ptr<spdlog::logger> logger_;

  // Owned by the thread in Run.
  BatchPrefetch batches_;
  SqlTarget target_;
  Backoff backoff_;
  std::string failure_;                // the code of the failure that was told last
  std::optional<Progress> progress_;   // the row as we know it; none: the target has none yet
  std::optional<Progress> attempted_;  // the same, had the last batch been committed
  std::optional<Offset> log_end_;      // where to stop because the log ended there when we looked
  bool may_tell_ = true;
  ApplyStats stats_;
};

void ApplyStage::Impl::Run(std::stop_token stop) {
  logger_->info("apply started pipeline={} target={} next={}", options_.pipeline, display_,
                next().value());
  while (!stop.stop_requested()) {
    try {
      Resume(stop);
      ApplyUntilEnd(stop);
      break;
    } catch (const Error& error) {
      React(error, stop);
    }
  }
  logger_->info(
      "apply stopped pipeline={} target={} next={} changes={} rows={} newer={} "
      "conflicts={}",
      options_.pipeline, display_, next().value(), stats_.changes.load(),
      stats_.rows_written.load(), stats_.rows_newer.load(), stats_.conflicts.load());
}

void ApplyStage::Impl::ReadProgress() {
  const std::string& name = options_.pipeline;
  if (OwnLog* const own = options_.two_way.log) {
    FitToLogs(target_.session(), name, log_.info(), *own, *logger_);
  }
  progress_ = target_.ReadProgress(name);
  CheckParked(target_.session(), name, log_.info(), display_);
  stats_.next_offset = next().value();
  if (!progress_) return;
  CheckFollows(*progress_, log_.info(), display_);
  progress_->reached = Reached();
}

// Refuses to go on from where the log is not (any more, or at all). What a target holds the log has
// acknowledged, also after a power cut (LogReader::Secure).
void ApplyStage::Impl::CheckInLog() {
  const Offset end = log_.end();
  if (next() <= end) return;
  throw DamageError(
      fmt::format("{} holds pipeline {} up to offset {}, but the log ends at {}", display_,
                  options_.pipeline, next().value(), end.value()),
      "The log has lost changes, or is an old copy. Restore the newest copy of it; the target "
      "is ahead and was not touched.");
}

// A target table that is made now would hold only what comes now: refuses when the log holds
// changes of it from before. So it is with a table that was dropped on the target, and with one
// that the pipeline did not have until now. Moves the reader.
void ApplyStage::Impl::CheckNothingIsMissing(std::stop_token stop) {
  if (next() == Offset()) return;
  const std::set<TableName> missing = target_.MissingTables();
  if (missing.empty()) return;
  const auto refuse = [&](const TableName& table) {
    throw StopError(
        fmt::format("table {} is not on {}, but pipeline {} is past offset {}, and the log has "
                    "changes of it from before",
                    table.ToString(), display_, options_.pipeline, next().value()),
        fmt::format("Apply the log again from its beginning, which changes nothing that is there "
                    "already: `syncline offsets set {} 0`.",
                    options_.pipeline));
  };
  for (const TableName& table : log_.OpenBase()->Tables()) {
    if (missing.contains(table)) refuse(table);
  }
  log_.Seek(log_.begin());
  while (!stop.stop_requested()) {
    const std::optional<Frame> frame = log_.NextHeader();
    if (!frame || frame->header.base >= next()) return;
    for (const auto& table : frame->tables) {
      if (missing.contains(table->table)) refuse(table->table);
    }
  }
}

void ApplyStage::Impl::Resume(std::stop_token stop) {
  if (!target_.is_open()) target_.Open();
  const Offset before = next();
  if (options_.two_way.log != nullptr) options_.two_way.log->Turn();  // the last batch is settled
  ReadProgress();
  const std::optional<Progress> attempted = std::exchange(attempted_, std::nullopt);
  if (next() != before) GoneOn();
  if (attempted && progress_ && next() == attempted->next &&
      progress_->frame_hash == attempted->frame_hash) {
    Account(next() - before, {});  // the commit did happen; only its row counts are lost
  }
  TellLog();
  CheckInLog();
  CheckNothingIsMissing(stop);
  while (next() < log_.begin() && !stop.stop_requested()) LoadBase(stop);
  if (!log_end_ && (options_.once || PastTime())) log_end_ = log_.end();
  BatchReader::End end{.offset = options_.to_offset, .time = options_.to_time};
  if (log_end_) end.offset = std::min(*log_end_, end.offset.value_or(*log_end_));
  batches_.Seek(next(), progress_ ? progress_->frame_hash : 0, end, Reached());
}

void ApplyStage::Impl::ApplyUntilEnd(std::stop_token stop) {
  while (!stop.stop_requested()) {
    if (std::optional<ReadyBatch> batch = batches_.Next()) {
      Commit(*std::move(batch));
    } else if (batches_.finished()) {
      return;
    } else if (!log_end_ && PastTime()) {
      Resume(stop);  // what the log holds now is all that there will be
    } else {
      log_.Wait(kIdleWait, stop);
    }
  }
}

// Frames that the target lacks have been folded into the base: it goes on from there. Until the
// base is through, the target is between two states of the source, its progress stays where it was,
// and a restart reads the base again.
void ApplyStage::Impl::LoadBase(std::stop_token stop) {
  const std::unique_ptr<BaseReader> base = log_.OpenBase();
  const BaseInfo info = base->info();
  CheckBase(info);
  logger_->info("catching up through the log's base pipeline={} from={} to={} rows={}",
                options_.pipeline, next().value(), info.as_of.value(), info.entries);
  BaseFeed feed(*base, next(), target_.ParentsFirst());
  Progress here = ProgressAt(next(), progress_ && IsInBase(*progress_) ? progress_->frame_hash : 0);
  for (bool more = true; more && !stop.stop_requested();) {
    std::optional<std::vector<TableChanges>> steps =
        feed.Next(options_.batch_changes, options_.batch_bytes);
    more = steps.has_value();
    ++here.frame_hash;  // so that the row moves with each batch, and only one process can move it
    if (!more) {
      log_.Secure(info.as_of);
      here.next = info.as_of;
      here.reached = std::max(here.reached, here.next);
      here.frame_hash = info.hash;
      steps.emplace();
    }
    uint64_t changes = 0;
    for (const TableChanges& table : *steps) {
      changes += table.upserts.size() + table.deletes.size();
    }
    attempted_ = here;
    Advance(here, target_.Apply(*std::move(steps), "the log's base", progress_, here), changes);
  }
}

// Whether the base can bring this target to where it was asked to go.
void ApplyStage::Impl::CheckBase(const BaseInfo& base) const {
  if (next() > Offset() && next() < base.deletions_from) {
    throw StopError(
        fmt::format("pipeline {} needs offset {}, but the log begins at {} and has forgotten which "
                    "rows were deleted before {}",
                    options_.pipeline, next().value(), base.as_of.value(),
                    base.deletions_from.value()),
        "Rebuild the target in an empty place with `syncline replay`, and let the apply process "
        "write to the log's folder `consumers`, so that the log waits for it.");
  }
  if ((options_.to_offset && *options_.to_offset < base.as_of) ||
      (options_.to_time && *options_.to_time < base.written_at)) {
    throw UsageError(
        fmt::format("the log covers its history only from offset {} on, written at "
                    "{:%Y-%m-%dT%H:%M:%SZ}: older frames "
                    "were folded into its base",
                    base.as_of.value(), std::chrono::floor<std::chrono::seconds>(base.written_at)),
        "Choose a later offset or time, or restore a backup of the log that reaches further back.");
  }
}

Progress ApplyStage::Impl::ProgressAt(Offset next, uint64_t frame_hash) const {
  const LogInfo& log = log_.info();
  return {.pipeline = options_.pipeline,
          .log_id = log.id.ToString(),
          .epoch = log.epoch,
          .next = next,
          .reached = std::max(next, Reached()),
          .frame_hash = frame_hash};
}

void ApplyStage::Impl::Commit(ReadyBatch ready) {
  const Batch& batch = ready.batch;
  const Progress to = ProgressAt(batch.end, batch.end_hash);
  attempted_ = to;
  log_.Secure(batch.end);
  CrashPoint("apply.before_begin");
  SqlTarget::Written written;
  {
    const std::future<void> reading = batches_.ReadAhead();
    written = target_.Apply(std::move(ready.tables), batch.name(), progress_, to, ready.schemas);
  }
  Advance(to, written, batch.changes());
}

// The target has just committed `to`.
void ApplyStage::Impl::Advance(const Progress& to, const SqlTarget::Written& written,
                               uint64_t changes) {
  attempted_.reset();
  progress_ = to;
  CrashPoint("apply.noted");
  GoneOn();
  WriteCounts sum;
  for (const auto& [table, counts] : written) {
    sum += counts;
    Report(table, counts);
  }
  Account(changes, sum);
  TellLog();
  logger_->debug("batch applied pipeline={} next={} changes={} rows={}", options_.pipeline,
                 to.next.value(), changes, sum.written);
}

void ApplyStage::Impl::Report(const TableName& table, const WriteCounts& counts) {
  const std::string name = table.ToString();
  if (counts.newer > 0) {
    logger_->info("existing row is newer, skipped pipeline={} table={} rows={}", options_.pipeline,
                  name, counts.newer);
  }
  if (counts.conflicts > 0) {
    logger_->info("conflicts decided pipeline={} table={} rows={}", options_.pipeline, name,
                  counts.conflicts);
  }
  if (counts.waiting > 0) {
    logger_->info("later changes of parked rows wait pipeline={} table={} rows={}",
                  options_.pipeline, name, counts.waiting);
  }
  if (counts.suppressed > 0) {
    logger_->warn("the target's own triggers kept rows as they were pipeline={} table={} rows={}",
                  options_.pipeline, name, counts.suppressed);
  }
}

// So that retention keeps what this target still needs.
void ApplyStage::Impl::TellLog() {
  if (options_.consumer.empty() || !may_tell_) return;
  if (log_.Acknowledge(options_.consumer, next())) return;
  may_tell_ = false;
  logger_->warn(
      "the log's folder cannot be written: retention will not wait for this pipeline pipeline={}",
      options_.pipeline);
}

void ApplyStage::Impl::Account(uint64_t changes, const WriteCounts& sum) {
  stats_.changes += changes;
  stats_.rows_written += sum.written;
  stats_.rows_newer += sum.newer;
  stats_.conflicts += sum.conflicts;
  stats_.refused += sum.refused;
  stats_.waiting += sum.waiting;
  stats_.batches += 1;
  stats_.next_offset = next().value();
}

// The target is further than it was.
void ApplyStage::Impl::GoneOn() {
  if (backoff_.tries() > 0) {
    logger_->info("apply goes on again pipeline={} next={} tries={}", options_.pipeline,
                  next().value(), backoff_.tries());
    if (options_.troubled) options_.troubled(nullptr);
  }
  backoff_.Reset();
}

// Called while `error` is being handled.
void ApplyStage::Impl::React(const Error& error, std::stop_token stop) {
  target_.Close();
  if (error.reaction() == Reaction::kStop) throw Explained(error);
  if (error.reaction() == Reaction::kDamage) throw;
  // Only a connection that was lost can leave a commit behind whose answer did not come.
  if (error.reaction() != Reaction::kRetry) attempted_.reset();
  const int tries = backoff_.tries();
  if (backoff_.exhausted()) throw GivenUpError(error, tries);
  if (options_.once && !options_.retry.retries && tries >= kTriesOfOnce) throw;
  const Microseconds wait = backoff_.Next();
  if (tries % kLogEveryNthTry == 0 || error.code() != failure_) {
    logger_->warn(
        "apply interrupted, will retry pipeline={} try={} wait_ms={} error=\"{}\" hint=\"{}\"",
        options_.pipeline, tries + 1, wait.count() / 1000, error.message(), error.hint());
    failure_ = error.code();
  }
  if (options_.troubled) options_.troubled(&error);
  clock_.Sleep(wait, stop);
}

ApplyStage::ApplyStage(sql::DatabaseUrl target, std::vector<TableMapping> tables,
                       ApplyOptions options, LogReader& reader, Clock& clock,
                       std::shared_ptr<spdlog::logger> logger)
    : impl_(std::make_unique<Impl>(std::move(target), std::move(tables), std::move(options), reader,
                                   clock, std::move(logger))) {}

ApplyStage::~ApplyStage() = default;

void ApplyStage::Run(std::stop_token stop) { impl_->Run(stop); }

const ApplyStats& ApplyStage::stats() const { return impl_->stats(); }

}  // namespace syncline::apply
