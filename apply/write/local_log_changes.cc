#include "apply/write/local_log_changes.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "apply/batch/keyed_rows.h"
#include "apply/state/prepared.h"
#include "engine/base/error.h"
#include "engine/model/stamp.h"

namespace syncline::apply {
namespace {

// Reads what the changed rows are now, triggers and rounding included.
FrameDraft DraftOf(sql::Session& session, const std::vector<OwnChange>& changes) {
  FrameDraft draft;
  for (size_t first = 0; first < changes.size();) {
    const std::shared_ptr<const TableSchema>& table = changes[first].table;
    std::vector<Row> keys;
    size_t end = first;
    for (; end < changes.size() && changes[end].table == table; ++end) {
      keys.push_back(changes[end].key);
    }
    KeyedRows rows = ReadByKeys(session, *table, keys);
    draft.tables.push_back(table);
    for (; first < end; ++first) {
      const OwnChange& own = changes[first];
      Change change{.table = static_cast<uint32_t>(draft.tables.size() - 1),
                    .previous = own.previous,
                    .lineage = own.lineage};
      if (const auto row = rows.find(own.key.bytes()); row != rows.end()) {
        if (own.missing) {
          throw RestartError("somebody has inserted a row that another database has deleted");
        }
        change.row = std::move(row->second);
        change.version = Value(table->VersionOf(change.row));
      } else {
        change.op = Op::kDelete;
        change.row = own.key;
        // Of a row that the log never had the clock says when.
        change.version = own.known_version.is_null()
                             ? VersionAt(table->columns[table->cursor].type, own.lineage.clock.time)
                             : own.known_version;
      }
      draft.fingerprints.push_back(change.row.fingerprint());
      draft.changes.push_back(std::move(change));
    }
  }
  return draft;
}

}  // namespace

bool IsPreferred(const std::vector<NodeId>& prefer, NodeId own, NodeId origin) {
  const auto place = std::ranges::find(prefer, own);
  return place != prefer.end() && std::find(prefer.begin(), place, origin) == place;
}

// Usually a key has the same form in both logs; what has not is decided about like any change,
// which costs more and comes to the same.
void TakeOutEchoes(std::vector<TableChanges>& tables, ReplicaLog& own,
                   const std::map<TableName, TableMapping>& mappings, const std::string& source) {
  for (TableChanges& table : tables) {
    const TableName& target = mappings.at(table.schema->table).target;
    for (std::vector<RowChange>* const changes : {&table.upserts, &table.deletes}) {
      std::vector<Row> keys;
      for (const RowChange& change : *changes) {
        if (change.origin == nullptr) throw NoLineage(table.schema->table, source);
        if (change.origin->via == own.node()) keys.push_back(change.key);
      }
      if (keys.empty()) continue;
      const std::vector<std::optional<IndexEntry>> known = own.Known(target, keys);
      size_t echo = 0;
      std::erase_if(*changes, [&](const RowChange& change) {
        if (change.origin->via != own.node()) return false;
        const std::optional<IndexEntry>& entry = known[echo++];
        return entry && entry->clock && *entry->clock >= change.origin->clock;
      });
    }
  }
}

void PrepareReplicaLog(sql::Session& session, const LocalLogChanges& work, const Progress& at) {
  if (work.changes.empty()) return;
  session.CheckDeferred();
  work.log.Prepare(DraftOf(session, work.changes), at.pipeline, PreparedToken(at));
}

void ConfirmReplicaLog(const LocalLogChanges& work, const Progress& at) {
  if (work.changes.empty()) {
    work.log.Note(at.pipeline, PreparedToken(at));
  } else {
    work.log.Confirm();
  }
}

}  // namespace syncline::apply
