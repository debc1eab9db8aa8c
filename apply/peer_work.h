#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "apply/own_log.h"
#include "engine/model/change.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// A state that a transaction has given a row of the target, as the target's own log is to know it;
// what the row then holds is read at the transaction's end.
struct OwnChange {
  std::shared_ptr<const TableSchema> table;  // as the log has it
  Row key;
  std::optional<Value> previous;  // as Change has it
  Value known_version;            // of the state before; NULL: there was none
  Lineage lineage;
};

// Whether the database's own users win against those of `origin` by that list.
bool IsPreferred(const std::vector<NodeId>& prefer, NodeId own, NodeId origin);

// One transaction of a pipeline of two directions, on its way. Borrows the log.
struct PeerWork {
  OwnLog& log;
  NodeId via = 0;  // the other database
  // Databases whose users win conflicts, whatever the clocks say, against those of later ones and
  // of those that are not named.
  const std::vector<NodeId>& prefer;
  std::vector<OwnChange> changes = {};
};

// In the session's transaction, before its commit: reads what the changed rows are now, triggers
// and rounding included; the draft of a frame.
ChangeLog::Draft DraftOf(sql::Session& session, const std::vector<OwnChange>& changes);

}  // namespace syncline::apply
