#include "tools/service/replica.h"

#include <utility>

#include "apply/state/prepared.h"
#include "engine/base/error.h"

namespace syncline::cli {
namespace {

using namespace std::chrono_literals;

constexpr Microseconds kLoadingPoll = 20ms;

}  // namespace

Replica::Replica(sql::DatabaseUrl database, const LogInfo& info, KeyIndex& index,
                 PreparedAppends& log, Clock& clock)
    : database_(std::move(database)),
      id_(NodeIdOf(info.source)),
      index_(index),
      log_(log),
      clock_(clock) {}

capture::NodeOptions Replica::CaptureOptions(Microseconds max_skew, capture::AheadStamps ahead) {
  return {.id = id_, .max_skew = max_skew, .ahead = ahead, .turn = &turn_, .settle = [this] {
            Settle();
          }};
}

std::unique_lock<std::mutex> Replica::Turn() {
  while (!closed_) {
    std::unique_lock turn(turn_);
    if (stage_->stats().loads_running == 0) {
      Settle();
      return turn;
    }
    turn.unlock();
    clock_.Sleep(kLoadingPoll, {});
  }
  throw RetryError(database_.display + " is no longer captured by this process");
}

void Replica::Settle() {
  if (settled_) return;
  apply::SettlePrepared(database_, log_);
  apply::CheckNotBehind(database_, log_);
  settled_ = true;
}

std::shared_ptr<const TableSchema> Replica::Schema(const TableName& table) {
  return stage_->Schema(table);
}

std::vector<std::optional<IndexEntry>> Replica::Known(const TableName& table,
                                                      const std::vector<Row>& keys) {
  return index_.Lookup(table, keys);
}

void Replica::Capture(const TableName& table, std::vector<Row> keys) {
  stage_->PollNow({table, std::move(keys)});
}

void Replica::Prepare(FrameDraft draft, const std::string& pipeline, const std::string& token) {
  settled_ = false;
  log_.Prepare(std::move(draft), pipeline, token);
}

void Replica::Confirm() {
  log_.AppendPrepared();
  settled_ = true;
}

}  // namespace syncline::cli
