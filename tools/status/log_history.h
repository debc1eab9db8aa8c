#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/log/log_reader.h"
#include "engine/model/change.h"
#include "engine/model/schema.h"

namespace syncline::cli {

// A state of a row, as the log has it.
struct LoggedState {
  std::shared_ptr<const TableSchema> schema;
  Offset offset;
  Op op = Op::kUpsert;
  Row row;  // as in Change
  Value version;

  bool deleted() const { return op == Op::kDelete; }
};

// What a log says of chosen keys: for each its last state before an offset, and every one from
// there on. Reads the log once, from its base on, and then only what was added. Belongs to one
// thread; borrows the reader.
class LogHistory {
 public:
  // `keep_from`: states before it are asked for as one.
  LogHistory(LogReader& log, Offset keep_from) : log_(log), keep_from_(keep_from) {}

  // To be called before Read.
  void Want(const TableName& table, const Row& key);

  // Reads everything from `start` to `end`, which the log has reached; what is folded is read from
  // the base. Called again: goes on to `end`. Throws as LogReader does, save that it starts over
  // when the log is folded meanwhile.
  void Read(Offset start, Offset end);

  // The last state before `offset`, which is keep_from or behind it; null: there is none.
  const LoggedState* Before(const TableName& table, const Row& key, Offset offset) const;
  // False: the log has folded the state that the key had then.
  bool Knows(const TableName& table, const Row& key, Offset offset) const;
  // Whether the key has a change in [from, to), as far as it was read.
  bool IsTouched(const TableName& table, const Row& key, Offset from, Offset to) const;

 private:
  using States = std::deque<LoggedState>;

  void Forget();
  void ReadBase(Offset start);
  void ReadFrames(Offset end);
  void Add(const std::shared_ptr<const TableSchema>& table, const Change& change, Offset offset);
  const States* Find(const TableName& table, const Row& key) const;

  LogReader& log_;
  const Offset keep_from_;
  std::map<TableName, std::unordered_map<std::string, States>> keys_;  // by the bytes of the key
  bool begun_ = false;
  Offset next_;            // read up to here
  Offset base_;            // states before it are the base's
  Offset deletions_from_;  // of these the base tells
};

}  // namespace syncline::cli
