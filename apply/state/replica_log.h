#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/log/frame_draft.h"
#include "engine/log/key_index.h"
#include "engine/model/row_clock.h"

namespace syncline::apply {

// The log of the very database that is applied to, in a pipeline of two directions. It holds what
// the database's users have made and what was applied, and with each key its row clock.
//
// Nobody reads the database into that log, or applies to it, without the turn; so between looking
// at what is known of a row and logging what it became nothing else happens to the log. Users go
// on: what they do meanwhile is seen under the rows' locks. Everything but Turn wants the turn. Any
// thread may have the turn.
class ReplicaLog {
 public:
  virtual ~ReplicaLog() = default;

  // Waits for the turn, and until all tables are in the log; what was prepared is settled then.
  // Throws RetryError when that cannot be now.
  virtual std::unique_lock<std::mutex> Turn() = 0;

  virtual NodeId node() const = 0;
  // How a table is captured; null: it is not.
  virtual std::shared_ptr<const TableSchema> Schema(const TableName& table) = 0;
  // What the log has last said of these keys, of key values as they are captured.
  virtual std::vector<std::optional<IndexEntry>> Known(const TableName& table,
                                                       const std::vector<Row>& keys) = 0;
  // Has the log told what the database's users have made, of these rows at any rate.
  virtual void Capture(const TableName& table, std::vector<Row> keys) = 0;

  // Two steps around the target's commit: `draft` is in the log if, and only if, the transaction
  // that moves the progress row to what `token` says is committed, however that ends.
  virtual void Prepare(FrameDraft draft, const std::string& pipeline, const std::string& token) = 0;
  virtual void Confirm() = 0;
  // The same for a transaction that has changed nothing, once it is committed. An empty token: as
  // if nothing had been applied yet.
  virtual void Note(const std::string& pipeline, const std::string& token) = 0;
  // The token of the last batch of that pipeline that is in the log; without the turn, too.
  virtual std::optional<std::string> Applied(const std::string& pipeline) = 0;
};

// What makes a pipeline one of two directions, on the side that is applied to.
struct TwoWay {
  ReplicaLog* log = nullptr;        // borrowed; null: one direction
  std::vector<NodeId> prefer = {};  // ConflictRule::kPrefer: whose users win, first ones first
};

}  // namespace syncline::apply
