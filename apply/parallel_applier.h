#pragma once

#include <deque>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apply/batch/batch_keys.h"
#include "apply/log_feed.h"
#include "apply/state/progress.h"
#include "apply/target/target.h"
#include "engine/base/logger.h"

namespace syncline::apply {

// Brings batches to a target in the log's order, each on a thread of its own, and up to two at a
// time where the target has a second lane (Target::MakeLane): where two neighbours have nothing to
// do with each other, the second one's rows are written on that while the first one is still under
// way. Its position moves, and it commits, when the first one has committed (invariant 4). So
// everybody sees the same states of the target, in the same order, as if they came one by one.
//
// Two batches have nothing to do with each other if no key is in both, their schemas are no news,
// the target is calm (Target::is_calm), and all of the second one's tables may go ahead
// (Target::MayGoAhead). Loads in key order come one by one. Constraints may still join the two:
// whatever the second one meets before its turn makes it fail, and it is applied again alone. If
// the first one waits for a lock, maybe one of the second's, that gives up its own.
//
// Belongs to one thread.
class ParallelApplier {
 public:
  ParallelApplier(std::unique_ptr<Target> target, std::shared_ptr<Logger> logger);
  ~ParallelApplier();

  void Open();
  // Waits for what is being written; its outcome is in the progress row.
  void Close() noexcept;
  bool is_open() const { return first().is_open(); }
  // Nothing is being written, and nothing to be seen that would be: one session will do.
  void Rest() noexcept;

  // Where batches are written one by one. Only while nothing is being written, except for what may
  // be called from any thread.
  Target& first() { return *lanes_.front(); }
  const Target& first() const { return *lanes_.front(); }

  bool empty() const { return running_.empty(); }
  // Where the progress row will be after what is being written.
  const Progress& last() const { return running_.back().to; }
  const Progress& next() const { return running_.front().to; }

  // Whether Begin may be called now; if not, after the next Finish.
  bool HasRoomFor(ReadyBatch& ready);
  // Begins to write, from `from` to `to`; with `here` not before Finish, on its caller's thread.
  void Begin(ReadyBatch ready, const std::optional<Progress>& from, const Progress& to, bool here);

  struct Finished {
    Progress to;
    uint64_t changes = 0;
    bool was_ahead = false;  // written while the batch before was under way
    Target::Written written;
  };
  // Waits for the batch that was begun first. After an exception only Close is allowed.
  Finished Finish();
  // What Finish has thrown may come of two batches being under way: applied again, each is alone.
  bool WasBeside() const { return was_beside_; }

 private:
  struct Outcome {
    Target::Written written;
    bool calm = false;  // Target::is_calm
  };
  struct Running {
    Target* target;
    bool is_ahead;
    Progress to;
    uint64_t changes = 0;
    bool is_settled = false;
    std::vector<std::shared_ptr<const TableSchema>> schemas = {};
    std::optional<BatchKeys> keys = {};
    std::shared_future<bool> committed = {};
    std::future<Outcome> outcome = {};
  };

  bool may_share() const { return lanes_.size() > 1; }
  bool OpenSecond();
  Target& IdleLane();
  bool MayAllGoAhead(const std::vector<TableChanges>& tables);
  bool IsSettled(const ReadyBatch& ready) const;
  bool MayGoAhead(const ReadyBatch& ready) const;

  const std::shared_ptr<Logger> logger_;
  bool warned_ = false;                         // Target::WarnOfLosses
  std::vector<std::unique_ptr<Target>> lanes_;  // one or two
  std::deque<Running> running_;

  bool calm_ = false;  // as the last batch that was written has found it
  int alone_ = 0;      // so many batches are to come one by one
  bool was_beside_ = false;
  std::map<TableName, SchemaId> settled_;  // by source: the last schema that was committed
  std::map<TableName, bool> plain_;        // by source: Target::MayGoAhead
};

}  // namespace syncline::apply
