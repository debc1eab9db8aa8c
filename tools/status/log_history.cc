#include "tools/status/log_history.h"

#include <chrono>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/on_restart.h"

namespace syncline::cli {
namespace {

// The log may be folded, or show a moment's hole, so often while it is read.
constexpr int kHistoryTriesMax = 10;
// For what the writer has acknowledged to be seen here.
constexpr Microseconds kWait = std::chrono::milliseconds(100);
constexpr int kWaitsMax = 100;
constexpr size_t kReadEntries = 1'000;

}  // namespace

void LogHistory::Want(const TableName& table, const Row& key) { keys_[table][key.bytes()]; }

void LogHistory::Read(Offset start, Offset end) {
  bool again = false;
  AgainOnRestart(kHistoryTriesMax, [&] {
    if (std::exchange(again, true)) Forget();
    if (!begun_) ReadBase(start);
    begun_ = true;
    ReadFrames(end);
  });
}

void LogHistory::Forget() {
  for (auto& [table, keys] : keys_) {
    for (auto& [key, states] : keys) states.clear();
  }
  begun_ = false;
}

void LogHistory::ReadBase(Offset start) {
  next_ = start;
  base_ = deletions_from_ = Offset();
  if (start < log_.begin()) {
    const std::unique_ptr<BaseReader> base = log_.OpenBase();
    next_ = base_ = base->info().as_of;
    deletions_from_ = base->info().deletions_from;
    for (auto entries = base->Next(kReadEntries); !entries.empty();
         entries = base->Next(kReadEntries)) {
      for (BaseEntry& entry : entries) {
        Change change{
            .op = entry.op, .row = std::move(entry.row), .version = std::move(entry.version)};
        Add(entry.table, change, entry.offset);
      }
    }
  }
  log_.Seek(next_);
}

void LogHistory::ReadFrames(Offset end) {
  int waits = 0;
  while (next_ < end) {
    const std::optional<Frame> frame = log_.Next();
    if (!frame) {
      if (++waits > kWaitsMax) {
        throw RetryError("what capture has just logged cannot be seen yet", "try again");
      }
      log_.Wait(kWait, {});
      continue;
    }
    Offset offset = frame->header.base;
    for (const Change& change : frame->changes) {
      if (offset >= next_ && change.op != Op::kMark)
        Add(frame->tables[change.table], change, offset);
      offset = offset + 1;
    }
    next_ = offset;
  }
}

void LogHistory::Add(const std::shared_ptr<const TableSchema>& table, const Change& change,
                     Offset offset) {
  const auto keys = keys_.find(table->table);
  if (keys == keys_.end()) return;
  const Row key = change.op == Op::kDelete ? change.row : Project(change.row, table->key);
  const auto found = keys->second.find(key.bytes());
  if (found == keys->second.end()) return;
  States& states = found->second;
  if (offset < keep_from_) states.clear();
  states.push_back({table, offset, change.op, change.row, change.version});
}

const LogHistory::States* LogHistory::Find(const TableName& table, const Row& key) const {
  const auto keys = keys_.find(table);
  if (keys == keys_.end()) return nullptr;
  const auto found = keys->second.find(key.bytes());
  return found == keys->second.end() ? nullptr : &found->second;
}

const LoggedState* LogHistory::Before(const TableName& table, const Row& key, Offset offset) const {
  const LoggedState* last = nullptr;
  const States* states = Find(table, key);
  if (states == nullptr) return nullptr;
  for (const LoggedState& state : *states) {
    if (state.offset < offset) last = &state;
  }
  return last;
}

bool LogHistory::Knows(const TableName& table, const Row& key, Offset offset) const {
  if (offset >= base_) return true;
  const States* states = Find(table, key);
  if (states == nullptr || states->empty()) return offset >= deletions_from_;
  return states->front().offset < offset;
}

bool LogHistory::IsTouched(const TableName& table, const Row& key, Offset from, Offset to) const {
  const States* states = Find(table, key);
  // A deletion that the base has forgotten may have come since.
  if (states == nullptr || states->empty()) return from < base_ && from < deletions_from_;
  for (const LoggedState& state : *states) {
    if (from <= state.offset && state.offset < to) return true;
  }
  return false;
}

}  // namespace syncline::cli
