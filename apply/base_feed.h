#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apply/batch/batch.h"
#include "apply/state/progress.h"
#include "apply/target/target.h"
#include "engine/base/clock.h"
#include "engine/log/base_reader.h"

namespace syncline::apply {

// While a target goes through a base, its progress row stays where it was and counts the batches in
// the place of a frame's hash, so that the row moves. True for such a row: the target is between
// two states of the source. (A frame has a hash that looks like a count once in four thousand
// millions.)
bool IsInBase(const Progress& progress);

// A target that has missed frames, and how far it is to go; nothing: as far as the log does.
struct BaseRequest {
  const std::string& pipeline;
  Offset next;  // it holds everything before
  std::optional<Offset> to_offset;
  std::optional<WallTime> to_time;
};

// Throws StopError or UsageError where that base cannot bring it there.
void CheckReaches(const BaseInfo& base, const BaseRequest& request);

// Hands out the base of a log as steps for a target that holds everything before `from` and nothing
// after: rows that did not change since then are left out. Table by table, so that no step refers
// to one that comes later: the upserts of all tables, parents first, then the deletions, children
// first. (Rows of one table that refer to each other, and tables in a circle, have no such order:
// there the keys decide.) For targets that take every change it hands out the entries as they come
// in the base instead, each as a frame of its own. Belongs to one thread; borrows the reader.
class BaseFeed {
 public:
  // `parents_first`: the source tables that are wanted.
  BaseFeed(BaseReader& base, Offset from, const std::vector<TableName>& parents_first,
           bool as_frames = false);

  // The next batch, of about `count` rows or `bytes` of them, whatever is reached first; nothing at
  // the end. The whole base has been found right before the first deletion of steps, and the end.
  // Throws as BaseReader::Next.
  std::optional<TargetBatch> Next(uint64_t count, uint64_t bytes);
  // One without changes.
  TargetBatch Empty() const { return {.name = "the log's base", .base = base_.info()}; }

 private:
  // One reading of one table: for its rows with that last change; without: only to be counted.
  struct Leg {
    TableName table;
    std::optional<Op> op;
  };

  // Stands in a leg that is not over, as far as it is known; false at the end.
  bool Stand();
  bool Takes(const BaseEntry& entry);
  std::optional<TargetBatch> NextFrames(uint64_t count, uint64_t bytes);

  BaseReader& base_;
  const Offset from_;
  const bool as_frames_;
  std::deque<Leg> legs_;       // still to go
  bool begun_ = false;         // with the first of them
  std::deque<Leg> deletions_;  // found on the way, children first
  bool whole_ = false;         // all tables have been read
};

// How many changes a batch has.
uint64_t ChangesIn(const TargetBatch& batch);

}  // namespace syncline::apply
