#include "apply/parallel_applier.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"

namespace syncline::apply {
namespace {

using namespace std::chrono_literals;

constexpr size_t kLanes = 2;
// Below that it is not worth a second session.
constexpr uint64_t kChangesMin = 2'000;
// After trouble so many batches come one by one.
constexpr int kAloneAfterTrouble = 20;
// How long a batch waits for its turn before it looks whether it is in the way.
constexpr auto kPatience = 100ms;

// While both batches are still being written a circle of their locks is the server's to break, and
// it may do so at the first one's cost.
bool IsOfLocks(const Error& error) {
  return error.condition() == Condition::kDeadlock || error.condition() == Condition::kLockTimeout;
}

// Nothing of it was parked.
bool IsWhole(const Target::Written& written) {
  return std::ranges::all_of(written, [](const auto& table) {
    return table.second.refused == 0 && table.second.waiting == 0;
  });
}

// Returns when the batch before is committed. It may wait, over other sessions, for a lock of ours,
// which no server finds out.
void AwaitTurn(Target& own, const std::shared_future<bool>& committed, const Target& before) {
  while (committed.wait_for(kPatience) != std::future_status::ready) {
    if (own.WaitsForLock(before.lane_id())) {
      throw RestartError("the batch before waits for a lock");
    }
  }
  if (!committed.get()) throw RestartError("the batch before was not committed");
}

}  // namespace

ParallelApplier::ParallelApplier(std::unique_ptr<Target> target, std::shared_ptr<Logger> logger)
    : logger_(std::move(logger)) {
  std::unique_ptr<Target> second = target->MakeLane();
  lanes_.push_back(std::move(target));
  if (second != nullptr) lanes_.push_back(std::move(second));
}

ParallelApplier::~ParallelApplier() { Close(); }

void ParallelApplier::Open() {
  first().Open();
  if (std::exchange(warned_, true)) return;
  first().WarnOfLosses();
}

void ParallelApplier::Close() noexcept {
  running_.clear();  // each of them waits until it is over
  for (const auto& lane : lanes_) lane->Close();
  was_beside_ = false;
  calm_ = false;
  settled_.clear();
  plain_.clear();
}

void ParallelApplier::Rest() noexcept {
  SYNCLINE_CHECK(running_.empty());
  if (lanes_.size() > 1) lanes_.back()->Close();
  plain_.clear();
}

// True if it is open. Where it cannot be, as when the server has no more connections to give, one
// lane has to do.
bool ParallelApplier::OpenSecond() {
  Target& second = *lanes_.back();
  if (second.is_open()) return true;
  try {
    second.Open();
    return true;
  } catch (const Error& error) {
    logger_->Debug("no second session error=\"{}\"", error.message());
    second.Close();
    alone_ = kAloneAfterTrouble;
    return false;
  }
}

// Many rows that come in key order are not written from two sides: a B-tree that grows at its end
// only takes less work, and three quarters of the room.
bool ParallelApplier::MayGoAhead(const ReadyBatch& ready) const {
  return may_share() && calm_ && alone_ == 0 && ready.batch.changes() >= kChangesMin &&
         running_.back().is_settled && IsSettled(ready) &&
         std::ranges::all_of(ready.tables, [this](const TableChanges& changes) {
           return !changes.came_in_key_order || changes.upserts.size() < kChangesMin;
         });
}

// The target's tables were made ready for these schemas, and no other one has come since.
bool ParallelApplier::IsSettled(const ReadyBatch& ready) const {
  return std::ranges::all_of(ready.tables, [this](const TableChanges& changes) {
    const auto found = settled_.find(changes.schema->table);
    return found != settled_.end() && found->second == changes.schema->id();
  });
}

Target& ParallelApplier::IdleLane() {
  const bool first = running_.empty() || running_.back().target != lanes_.front().get();
  return first ? *lanes_.front() : *lanes_.back();
}

// Whether their tables are, as an idle session finds.
bool ParallelApplier::MayAllGoAhead(const std::vector<TableChanges>& tables) {
  try {
    return std::ranges::all_of(tables, [this](const TableChanges& changes) {
      const auto [at, added] = plain_.try_emplace(changes.schema->table, false);
      if (added) at->second = IdleLane().MayGoAhead(*changes.schema);
      return at->second;
    });
  } catch (const Error&) {
    alone_ = kAloneAfterTrouble;  // whoever uses that session next will tell
    return false;
  }
}

bool ParallelApplier::HasRoomFor(ReadyBatch& ready) {
  if (running_.empty()) return true;
  if (running_.size() == kLanes || !MayGoAhead(ready)) return false;
  if (!ready.keys) ready.keys.emplace(ready.tables);
  return !ready.keys->MayMeet(*running_.back().keys) && OpenSecond() && MayAllGoAhead(ready.tables);
}

void ParallelApplier::Begin(ReadyBatch ready, const std::optional<Progress>& from,
                            const Progress& to, bool here) {
  SYNCLINE_CHECK(running_.size() < lanes_.size());
  const bool is_ahead = !running_.empty();
  if (!is_ahead && alone_ > 0) --alone_;
  Running running{.target = &IdleLane(), .is_ahead = is_ahead, .to = to};
  Target::Turn turn;
  if (is_ahead) {
    turn = [committed = running_.back().committed, &before = *running_.back().target,
            &own = *running.target] { AwaitTurn(own, committed, before); };
  }
  running.changes = ready.batch.changes();
  if (may_share() && !ready.keys) ready.keys.emplace(ready.tables);
  running.keys = std::move(ready.keys);
  running.is_settled = IsSettled(ready);
  for (const TableChanges& changes : ready.tables) running.schemas.push_back(changes.schema);
  std::promise<bool> committed;
  running.committed = committed.get_future().share();
  auto write = [&target = *running.target, ready = std::move(ready), from, to,
                turn = std::move(turn), committed = std::move(committed)]() mutable {
    try {
      Outcome outcome{target.Apply({.name = ready.batch.name(),
                                    .schemas = std::move(ready.schemas),
                                    .tables = std::move(ready.tables),
                                    .frames = std::move(ready.batch.frames)},
                                   from, to, turn)};
      outcome.calm = target.is_calm() && IsWhole(outcome.written);
      committed.set_value(true);
      return outcome;
    } catch (...) {
      committed.set_value(false);
      throw;
    }
  };
  // Where there is no thread for it the batch is written by whoever waits for it.
  auto task = std::make_shared<decltype(write)>(std::move(write));
  const auto run = [task] { return (*task)(); };
  try {
    running.outcome = std::async(here ? std::launch::deferred : std::launch::async, run);
  } catch (const std::system_error&) {
    running.outcome = std::async(std::launch::deferred, run);
  }
  running_.push_back(std::move(running));
}

ParallelApplier::Finished ParallelApplier::Finish() {
  Running& running = running_.front();
  Outcome outcome;
  try {
    outcome = running.outcome.get();
  } catch (const Error& error) {
    was_beside_ = running.is_ahead || (running_.size() > 1 && IsOfLocks(error));
    if (was_beside_) {
      alone_ = kAloneAfterTrouble;
      logger_->Debug("a batch is applied again, alone error=\"{}\"", error.message());
    }
    throw;
  }
  calm_ = outcome.calm;
  for (const auto& schema : running.schemas) settled_.erase(schema->table);
  for (const auto& schema : running.schemas) {
    const auto [at, is_only] = settled_.try_emplace(schema->table, schema->id());
    if (!is_only) at->second = SchemaId{};  // none that could come next
  }
  Finished finished{running.to, running.changes, running.is_ahead, std::move(outcome.written)};
  running_.pop_front();
  return finished;
}

}  // namespace syncline::apply
