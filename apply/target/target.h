#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apply/batch/batch.h"
#include "apply/state/progress.h"
#include "apply/state/replica_log.h"
#include "apply/write/write_counts.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/log/base_reader.h"
#include "engine/log/log_info.h"

namespace syncline::apply {

// What a target is handed at a time. A plain value type.
struct TargetBatch {
  std::string name;  // "offsets 5 to 9", for errors
  // Of tables that the target wants: those that come under another schema than before.
  std::vector<std::shared_ptr<const TableSchema>> schemas = {};
  // For targets that take last states: the steps of each table, each key once and in key order.
  std::vector<TableChanges> tables = {};
  // For targets that take every change: all of the log's, also those of tables that it does not
  // want. From the log's base one frame for each entry, without what only frames of the log have.
  std::vector<Frame> frames = {};
  std::optional<BaseInfo> base = {};  // that the batch comes from; none: from the log's frames
};

// Where changes of one log are brought to, and how far they have come there. A target that was
// applied to is always at one position (`Progress`) of one log, and knows it itself.
//
// Call order: Open; Resume; Begin with what Resume has said; Apply again and again, each from where
// the one before has ended. Begin may come again in between, from where the target is. After any
// exception only Close, and then Open, is allowed. Close is allowed at any time.
//
// Threads: one at a time, save for what says otherwise.
//
// Errors, as everywhere, say what is to become of them (Reaction): after kRetry and kRestart the
// caller closes, opens, resumes. The target holds all of a batch then or nothing of it; where the
// answer to a commit was lost, Resume tells which.
class Target {
 public:
  using Written = std::map<TableName, WriteCounts>;  // by the target's table

  Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  virtual ~Target() = default;

  // Its name for people, without secrets. From any thread.
  virtual const std::string& name() const = 0;

  virtual void Open() = 0;
  virtual void Close() noexcept = 0;
  virtual bool is_open() const = 0;

  // The position of the pipeline that this target was made for; none: nothing was applied yet.
  // Refuses with a UsageError or DamageError what cannot go on with that log. Whether the log
  // reaches that far the caller finds out (CheckFollows, LogReader::end).
  virtual std::optional<Progress> Resume(const LogInfo& log) = 0;
  // The caller will go on from `from`, which Resume or the last Apply has said, in the log or its
  // base. What the target holds beyond it, if it can, is taken back: what a crash has left, or a
  // base that is begun again.
  virtual void Begin(const std::optional<Progress>& from) = 0;
  // Takes a batch and moves the position from `from` to `to`, in one step that nothing can divide;
  // what was written. Throws RestartError when the target is not at `from` any more. `turn`: see
  // below.
  using Turn = std::function<void()>;
  virtual Written Apply(TargetBatch batch, const std::optional<Progress>& from, const Progress& to,
                        const Turn& turn) = 0;

  // True: batches have their frames, change by change. False: they have the last state of each key.
  // From any thread.
  virtual bool TakesEveryChange() const = 0;
  // Whether the pipeline has that table of the source. From any thread.
  virtual bool Wants(const TableName& table) const = 0;
  // Whether its rows stay there when the source's are gone. From any thread.
  virtual bool KeepsDeleted(const TableName&) const { return false; }

  // What only targets with tables have.
  // The source's tables that are wanted and have no table there.
  virtual std::set<TableName> MissingTables() { return {}; }
  // The source's tables that are wanted, those that others refer to first.
  virtual std::vector<TableName> ParentsFirst() { return {}; }
  // The changes that it has refused and keeps, of this pipeline.
  virtual uint64_t CountRefused() { return 0; }

  // Waits until nothing is left to be done of an earlier Apply, wherever that ended.
  virtual void AwaitSettled() {}
  // Warns of what can be lost of what was applied, whatever Apply does. The target is open.
  virtual void WarnOfLosses() {}
  // An error that ends the work, with the way on where the target knows one. Never throws.
  virtual Error Explain(const Error& error) const { return error; }

  // A second lane: another way to the same target, for a thread of its own, on which a batch is
  // written while the one before is under way. Null: there is none, and none of what follows is
  // called. With `turn` what Apply writes does not depend on `from`; it calls `turn` when all is
  // written, and that returns when the target is at `from`. What Apply cannot do ahead of its turn
  // is a RestartError.
  virtual std::unique_ptr<Target> MakeLane() const { return nullptr; }
  // Whether batches of that table may be written ahead. Apply with `turn` looks again.
  virtual bool MayGoAhead(const TableSchema&) { return false; }
  // The last batch met nothing that a batch ahead would have to know of.
  virtual bool is_calm() const { return false; }
  // Names this lane to the other one. From any thread.
  virtual int lane_id() const { return 0; }
  // Asked within `turn`, of the other lane: it waits for a lock, which may be one of ours.
  virtual bool WaitsForLock(int /*lane_id*/) { return false; }
};

// For whom a target is made.
struct TargetRequest {
  std::string pipeline;
  std::string source;             // LogInfo::source
  uint64_t quarantine_limit = 0;  // how many refused changes it may keep; 0: none
  bool is_replay = false;         // old states are built anew, in a place that nobody lives in yet
  TwoWay two_way = {};
  std::shared_ptr<Logger> logger;
};
using TargetMaker = std::function<std::unique_ptr<Target>(const TargetRequest&)>;

}  // namespace syncline::apply
