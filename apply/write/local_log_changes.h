#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apply/batch/batch.h"
#include "apply/rules/table_mapping.h"
#include "apply/state/progress.h"
#include "apply/state/replica_log.h"
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
  bool missing = false;  // there is no such row, and this transaction makes none
};

// Whether the database's own users win against those of `origin` by that list.
bool IsPreferred(const std::vector<NodeId>& prefer, NodeId own, NodeId origin);

// One transaction of a pipeline of two directions, on its way. Borrows the log.
struct LocalLogChanges {
  ReplicaLog& log;
  NodeId via = 0;  // the other database
  // Databases whose users win conflicts, whatever the clocks say, against those of later ones and
  // of those that are not named.
  const std::vector<NodeId>& prefer;
  std::vector<OwnChange> changes = {};
};

// Takes out what the database has given away itself, and is coming back: all that its log knows, or
// something newer. `mappings` are the pipeline's, by source. Throws UsageError for changes without
// a lineage; `source` names their database.
void TakeOutEchoes(std::vector<TableChanges>& tables, ReplicaLog& own,
                   const std::map<TableName, TableMapping>& mappings, const std::string& source);

// The last step before a transaction's commit: deferred triggers have their say, then the target's
// log is prepared for what the rows have become. Throws RestartError when a row is there that was
// not, and that nobody could lock.
void PrepareReplicaLog(sql::Session& session, const LocalLogChanges& work, const Progress& at);
// The first step after it.
void ConfirmReplicaLog(const LocalLogChanges& work, const Progress& at);

}  // namespace syncline::apply
