#include "apply/apply_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "apply/base_feed.h"
#include "apply/late_tables.h"
#include "apply/log_feed.h"
#include "apply/parallel_applier.h"
#include "engine/base/backoff.h"
#include "engine/base/crash_point.h"
#include "engine/base/either_stop.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"

namespace syncline::apply {
namespace {

constexpr Microseconds kIdleWait = std::chrono::seconds(1);  // should a wake-up be missed
constexpr int kLogEveryNthTry = 10;  // of those that fail for the same reason
constexpr int kTriesOfOnce = 5;      // without a step forward: somebody waits for it

}  // namespace

class ApplyStage::Impl {
 public:
  Impl(const TargetMaker& make_target, ApplyOptions options, LogReader& reader, Clock& clock,
       std::shared_ptr<Logger> logger)
      : options_(std::move(options)),
        log_(reader),
        clock_(clock),
        logger_(std::move(logger)),
        lanes_(make_target({.pipeline = options_.pipeline,
                            .source = reader.info().source,
                            .quarantine_limit = options_.quarantine_limit,
                            .is_replay = options_.to_offset.has_value(),
                            .two_way = options_.two_way,
                            .logger = logger_}),
               logger_),
        batches_(reader, {.changes = options_.batch_changes, .bytes = options_.batch_bytes},
                 lanes_.first()),
        backoff_(options_.retry) {
    try {
      lanes_.Open();
      ReadPosition();
    } catch (const Error& error) {
      throw target().Explain(error);
    }
  }

  void Run(std::stop_token stop);

  const ApplyStats& stats() const { return stats_; }

 private:
  void ReadPosition();
  void CheckInLog();
  void CheckNothingIsMissing(std::stop_token stop);
  void Resume(std::stop_token stop);
  void ApplyUntilEnd(std::stop_token stop);
  void TellLog();
  void LoadBase(std::stop_token stop);
  void Begin(ReadyBatch ready);
  void Finish();
  void FinishAll();
  Progress ProgressAt(Offset next, uint64_t frame_hash) const;
  void Advance(const Progress& to, const Target::Written& written, uint64_t changes);
  void Account(uint64_t changes, const WriteCounts& counts);
  void LookAtParked();  // others settle that at any time
  void GoneOn();
  void React(const Error& error, std::stop_token stop);

  // The highest offset that the target ever had, in the log's history as it is now.
  Offset Reached() const {
    if (!progress_) return Offset();
    return std::min(progress_->reached, log_.info().SharedUpTo(progress_->epoch));
  }
  Target& target() { return lanes_.first(); }
  Offset next() const { return progress_ ? progress_->next : Offset(); }
  // What the log holds now is all that there will be.
  bool NothingMoreComes() const {
    return options_.ending.stop_requested() ||
           (options_.to_time && clock_.Now() > *options_.to_time);
  }

  const ApplyOptions options_;
  LogReader& log_;
  Clock& clock_;
  const std::shared_ptr<Logger> logger_;

  // Owned by the thread in Run.
  ParallelApplier lanes_;
  LogFeed batches_;
  Backoff backoff_;
  std::string failure_;                // the code of the failure that was told last
  std::optional<Progress> progress_;   // the position as we know it; none: there is none yet
  std::optional<Progress> attempted_;  // the same, had the last batch been committed
  Microseconds looked_{0};             // at the quarantine, by Clock::Monotonic
  std::optional<Offset> log_end_;      // where to stop because the log ended there when we looked
  bool may_tell_ = true;
  ApplyStats stats_;
};

void ApplyStage::Impl::Run(std::stop_token stop) {
  logger_->Info("apply started pipeline={} target={} next={}", options_.pipeline, target().name(),
                next().value());
  while (!stop.stop_requested()) {
    try {
      Resume(stop);
      ApplyUntilEnd(stop);
      break;
    } catch (const Error& error) {
      const bool was_beside = lanes_.WasBeside();
      lanes_.Close();
      // Only a connection that was lost can leave a commit behind whose answer did not come.
      if (error.reaction() != Reaction::kRetry) attempted_.reset();
      if (!was_beside && error.condition() != Condition::kStopped) React(error, stop);
    }
  }
  logger_->Info(
      "apply stopped pipeline={} target={} next={} changes={} rows={} newer={} "
      "conflicts={}",
      options_.pipeline, target().name(), next().value(), stats_.changes.load(),
      stats_.rows_written.load(), stats_.rows_newer.load(), stats_.conflicts.load());
}

void ApplyStage::Impl::ReadPosition() {
  progress_ = target().Resume(log_.info());
  stats_.parked = target().CountRefused();
  stats_.knows_parked = true;
  stats_.next_offset = next().value();
  if (!progress_) return;
  CheckFollows(*progress_, log_.info(), target().name());
  progress_->reached = Reached();
}

// Refuses to go on beyond the log: what a target holds it has acknowledged (LogReader::Secure).
void ApplyStage::Impl::CheckInLog() {
  const Offset end = log_.end();
  if (next() <= end) return;
  throw DamageError(
      fmt::format("{} holds pipeline {} up to offset {}, but the log ends at {}", target().name(),
                  options_.pipeline, next().value(), end.value()),
      "The log has lost changes, or is an old copy. Restore the newest copy of it; the target "
      "is ahead and was not touched.");
}

// Moves the reader.
void ApplyStage::Impl::CheckNothingIsMissing(std::stop_token stop) {
  if (next() == Offset()) return;
  const std::set<TableName> late = LateTables(log_, target().MissingTables(), next(), stop);
  if (!late.empty())
    throw LateTableError(*late.begin(), target().name(), options_.pipeline, next());
}

void ApplyStage::Impl::Resume(std::stop_token stop) {
  if (!lanes_.is_open()) lanes_.Open();
  const Offset before = next();
  target().AwaitSettled();
  ReadPosition();
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
  if (stop.stop_requested()) return;
  if (!log_end_ && (options_.once || NothingMoreComes())) log_end_ = log_.end();
  BatchReader::End end{.offset = options_.to_offset, .time = options_.to_time};
  if (log_end_) end.offset = std::min(*log_end_, end.offset.value_or(*log_end_));
  target().Begin(progress_);
  batches_.Seek(next(), progress_ ? progress_->frame_hash : 0, end, Reached());
}

void ApplyStage::Impl::ApplyUntilEnd(std::stop_token stop) {
  const EitherStop waking(stop, options_.ending);
  while (!stop.stop_requested()) {
    std::optional<ReadyBatch> batch;
    try {
      batch = batches_.Next();  // while those before are being written
      if (batch) log_.Secure(batch->batch.end);
    } catch (const Error&) {
      FinishAll();
      throw;
    }
    if (batch) {
      Begin(*std::move(batch));
      continue;
    }
    FinishAll();
    LookAtParked();
    ++stats_.idles;
    if (batches_.finished()) return;
    if (!log_end_ && NothingMoreComes()) {
      Resume(stop);
    } else {
      lanes_.Rest();
      log_.Wait(kIdleWait, waking.token());
    }
  }
  FinishAll();
}

// Frames that the target lacks have been folded into the base: it goes on from there. Until the
// base is through, the target is between two states of the source, its progress stays where it was,
// and a restart reads the base again.
void ApplyStage::Impl::LoadBase(std::stop_token stop) {
  const std::unique_ptr<BaseReader> base = log_.OpenBase();
  const BaseInfo info = base->info();
  CheckReaches(info, {options_.pipeline, next(), options_.to_offset, options_.to_time});
  logger_->Info("catching up through the log's base pipeline={} from={} to={} rows={}",
                options_.pipeline, next().value(), info.as_of.value(), info.entries);
  target().Begin(progress_);
  BaseFeed feed(*base, next(), target().ParentsFirst(), target().TakesEveryChange());
  Progress here = ProgressAt(next(), progress_ && IsInBase(*progress_) ? progress_->frame_hash : 0);
  for (bool more = true; more && !stop.stop_requested();) {
    std::optional<TargetBatch> batch = feed.Next(options_.batch_changes, options_.batch_bytes);
    more = batch.has_value();
    ++here.frame_hash;  // so that the position moves with each batch, and one process moves it
    if (!more) {
      log_.Secure(info.as_of);
      here.next = info.as_of;
      here.reached = std::max(here.reached, here.next);
      here.frame_hash = info.hash;
      batch.emplace(feed.Empty());
    }
    const uint64_t changes = ChangesIn(*batch);
    attempted_ = here;
    const bool is_first = !progress_;
    Advance(here, target().Apply(*std::move(batch), progress_, here, {}), changes);
    if (is_first && log_.begin() != info.as_of) return;  // retention did not wait until now
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

void ApplyStage::Impl::Begin(ReadyBatch ready) {
  while (!lanes_.HasRoomFor(ready)) Finish();
  LookAtParked();
  const bool is_all = lanes_.empty() && log_.end() <= ready.batch.end;
  const Progress to = ProgressAt(ready.batch.end, ready.batch.end_hash);
  CrashPoint("apply.before_begin");
  const std::optional<Progress> from = lanes_.empty() ? progress_ : lanes_.last();
  lanes_.Begin(std::move(ready), from, to, /*here=*/is_all);
  if (is_all) Finish();
}

void ApplyStage::Impl::Finish() {
  attempted_ = lanes_.next();
  const ParallelApplier::Finished finished = lanes_.Finish();
  stats_.batches_ahead += finished.was_ahead;
  Advance(finished.to, finished.written, finished.changes);
}

void ApplyStage::Impl::FinishAll() {
  while (!lanes_.empty()) Finish();
}

// The target has just committed `to`.
void ApplyStage::Impl::Advance(const Progress& to, const Target::Written& written,
                               uint64_t changes) {
  attempted_.reset();
  progress_ = to;
  CrashPoint("apply.noted");
  GoneOn();
  WriteCounts sum;
  for (const auto& [table, counts] : written) {
    sum += counts;
    stats_.tables.Add(table, counts);
    Report(counts, options_.pipeline, table, *logger_);
  }
  Account(changes, sum);
  TellLog();
  logger_->Debug("batch applied pipeline={} next={} changes={} rows={}", options_.pipeline,
                 to.next.value(), changes, sum.written);
}

// So that retention keeps what this target still needs. One that has nothing can begin anew.
void ApplyStage::Impl::TellLog() {
  if (options_.consumer.empty() || !may_tell_ || !progress_) return;
  if (log_.Acknowledge(options_.consumer, next())) return;
  may_tell_ = false;
  logger_->Warn(
      "the log's folder cannot be written: retention will not wait for this pipeline pipeline={}",
      options_.pipeline);
}

void ApplyStage::Impl::Account(uint64_t changes, const WriteCounts& sum) {
  stats_.changes += changes;
  stats_.rows_written += sum.written;
  stats_.rows_newer += sum.newer;
  stats_.conflicts += sum.conflicts;
  stats_.refused += sum.refused;
  stats_.parked += sum.refused;
  stats_.waiting += sum.waiting;
  stats_.batches += 1;
  stats_.next_offset = next().value();
}

void ApplyStage::Impl::LookAtParked() {
  if (stats_.parked == 0 || !lanes_.empty()) return;
  if (clock_.Monotonic() - looked_ < kIdleWait) return;
  looked_ = clock_.Monotonic();
  stats_.parked = target().CountRefused();
}

void ApplyStage::Impl::GoneOn() {
  if (backoff_.tries() > 0) {
    logger_->Info("apply goes on again pipeline={} next={} tries={}", options_.pipeline,
                  next().value(), backoff_.tries());
    if (options_.troubled) options_.troubled(nullptr);
  }
  backoff_.Reset();
}

// Called while `error` is being handled.
void ApplyStage::Impl::React(const Error& error, std::stop_token stop) {
  if (error.reaction() == Reaction::kStop) throw target().Explain(error);
  if (error.reaction() == Reaction::kDamage) throw;
  const int tries = backoff_.tries();
  if (backoff_.exhausted()) throw GivenUpError(error, tries);
  if (options_.ending.stop_requested()) throw;
  if (options_.once && !options_.retry.retries && tries >= kTriesOfOnce) throw;
  const Microseconds wait = backoff_.Next();
  if (tries % kLogEveryNthTry == 0 || error.code() != failure_) {
    logger_->Warn(
        "apply interrupted, will retry pipeline={} try={} wait_ms={} error=\"{}\" hint=\"{}\"",
        options_.pipeline, tries + 1, wait.count() / 1000, error.message(), error.hint());
    failure_ = error.code();
  }
  if (options_.troubled) options_.troubled(&error);
  clock_.Sleep(wait, EitherStop(stop, options_.ending).token());
}

ApplyStage::ApplyStage(const TargetMaker& make_target, ApplyOptions options, LogReader& reader,
                       Clock& clock, std::shared_ptr<Logger> logger)
    : impl_(std::make_unique<Impl>(make_target, std::move(options), reader, clock,
                                   std::move(logger))) {}

ApplyStage::~ApplyStage() = default;

void ApplyStage::Run(std::stop_token stop) { impl_->Run(stop); }

const ApplyStats& ApplyStage::stats() const { return impl_->stats(); }

}  // namespace syncline::apply
