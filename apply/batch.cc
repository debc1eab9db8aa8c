#include "apply/batch.h"

#include <algorithm>
#include <deque>
#include <map>
#include <string_view>
#include <unordered_map>

namespace syncline::apply {
namespace {

// A key's step while the batch is being read. Lives in a deque: the map's keys point into `key`.
struct Step {
  RowChange change;
  SchemaId schema_id = 0;
  const std::shared_ptr<const TableSchema>* schema = nullptr;
  Op op = Op::kUpsert;
};

struct TableSteps {
  std::deque<Step> steps;
  std::unordered_map<std::string_view, Step*> by_key;  // key bytes ->
};

void Add(Change& change, Offset offset, SchemaId schema_id,
         const std::shared_ptr<const TableSchema>& schema, TableSteps& table) {
  const bool deletion = change.op == Op::kDelete;
  Row key = deletion ? std::move(change.row) : Project(change.row, schema->key);
  Step* step = nullptr;
  if (const auto found = table.by_key.find(key.bytes()); found != table.by_key.end()) {
    step = found->second;
    step->change.passed.push_back(std::move(step->change.version));
  } else {
    step = &table.steps.emplace_back();
    step->change.key = std::move(key);
    step->change.previous = std::move(change.previous);
    table.by_key.emplace(step->change.key.bytes(), step);
  }
  step->op = change.op;
  step->change.offset = offset;
  step->schema_id = schema_id;
  step->schema = &schema;
  step->change.version = std::move(change.version);
  step->change.row = deletion ? Row() : std::move(change.row);
}

bool KeyLess(const RowChange& a, const RowChange& b) {
  auto i = a.key.begin();
  auto j = b.key.begin();
  for (; i != a.key.end() && j != b.key.end(); ++i, ++j) {
    const auto order = CompareValues(*i, *j);
    if (order != 0) return order < 0;
  }
  return i == a.key.end() && j != b.key.end();
}

void Sort(std::vector<RowChange>& changes) {
  // Initial loads and replays of them come in key order already.
  if (!std::is_sorted(changes.begin(), changes.end(), KeyLess)) {
    std::sort(changes.begin(), changes.end(), KeyLess);
  }
}

}  // namespace

void SortByKey(TableChanges& changes) {
  Sort(changes.upserts);
  Sort(changes.deletes);
}

std::vector<TableChanges> Collapse(Batch& batch,
                                   const std::function<bool(const TableName&)>& wanted) {
  std::map<TableName, TableSteps> tables;
  for (Frame& frame : batch.frames) {
    std::vector<TableSteps*> of_index;
    for (const auto& schema : frame.tables) {
      of_index.push_back(wanted(schema->table) ? &tables[schema->table] : nullptr);
    }
    Offset offset = frame.header.base;
    for (Change& change : frame.changes) {
      const Offset own = offset;
      offset = offset + 1;
      if (change.op == Op::kMark || of_index[change.table] == nullptr) continue;
      Add(change, own, frame.header.schemas[change.table], frame.tables[change.table],
          *of_index[change.table]);
    }
  }

  std::vector<TableChanges> all;
  for (auto& [name, table] : tables) {
    std::map<SchemaId, size_t> place;
    for (Step& step : table.steps) {
      const auto [found, added] = place.emplace(step.schema_id, all.size());
      if (added) all.push_back({.schema = *step.schema});
      TableChanges& changes = all[found->second];
      auto& side = step.op == Op::kDelete ? changes.deletes : changes.upserts;
      side.push_back(std::move(step.change));
    }
  }
  for (TableChanges& changes : all) SortByKey(changes);
  batch.frames.clear();
  return all;
}

}  // namespace syncline::apply
