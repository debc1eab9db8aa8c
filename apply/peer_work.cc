#include "apply/peer_work.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "apply/keyed_rows.h"
#include "engine/model/value_text.h"

namespace syncline::apply {
namespace {

constexpr int64_t kDayUs = 86'400'000'000;

// For the deletion of a row that the log never had.
Value VersionFor(const TableSchema& table, const RowClock& clock) {
  const Value time(ValueView::TimestampTz(clock.time));
  switch (table.columns[table.cursor].type) {
    case Type::kTimestamp:
      return Value(ValueView::Timestamp(clock.time));
    case Type::kDate:
      return Value(ValueView::Date(clock.time / kDayUs));
    case Type::kText:
      return Value(ValueView::Text(ToText(time)));
    default:
      return time;
  }
}

}  // namespace

bool IsPreferred(const std::vector<NodeId>& prefer, NodeId own, NodeId origin) {
  const auto place = std::ranges::find(prefer, own);
  return place != prefer.end() && std::find(prefer.begin(), place, origin) == place;
}

ChangeLog::Draft DraftOf(sql::Session& session, const std::vector<OwnChange>& changes) {
  ChangeLog::Draft draft;
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
        change.row = std::move(row->second);
        change.version = Value(change.row[table->cursor]);
      } else {
        change.op = Op::kDelete;
        change.row = own.key;
        change.version =
            own.known_version.is_null() ? VersionFor(*table, own.lineage.clock) : own.known_version;
      }
      draft.fingerprints.push_back(change.row.fingerprint());
      draft.changes.push_back(std::move(change));
    }
  }
  return draft;
}

}  // namespace syncline::apply
