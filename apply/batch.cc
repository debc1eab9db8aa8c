#include "apply/batch.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <string_view>
#include <utility>

namespace syncline::apply {
namespace {

// A key's step while the batch is being read.
struct Step {
  RowChange change;
  SchemaId schema_id = 0;
  const std::shared_ptr<const TableSchema>* schema = nullptr;
  Op op = Op::kUpsert;
};

// The steps of one table, found by the bytes of their keys: open addressing with linear probing, at
// most half full. A node for each key would cost more than all else that is done with it here.
class TableSteps {
 public:
  // The key's step; `added` if there was none.
  std::pair<Step*, bool> FindOrAdd(Row key) {
    if (2 * (steps_.size() + 1) > slots_.size()) Grow();
    const auto hash = static_cast<uint32_t>(std::hash<std::string_view>()(key.bytes()));
    for (size_t at = hash;; ++at) {
      Slot& slot = slots_[at & (slots_.size() - 1)];
      if (slot.number == 0) {
        steps_.emplace_back().change.key = std::move(key);
        slot = {.hash = hash, .number = static_cast<uint32_t>(steps_.size())};
        return {&steps_.back(), true};
      }
      Step& step = steps_[slot.number - 1];
      if (slot.hash == hash && step.change.key == key) return {&step, false};
    }
  }

  std::deque<Step>& steps() { return steps_; }

 private:
  struct Slot {
    uint32_t hash = 0;
    uint32_t number = 0;  // of the step, from 1; 0: free
  };

  void Grow() {
    std::vector<Slot> old(std::max(kSlotsMin, 2 * slots_.size()));
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.number == 0) continue;
      size_t at = slot.hash;
      while (slots_[at & (slots_.size() - 1)].number != 0) ++at;
      slots_[at & (slots_.size() - 1)] = slot;
    }
  }

  static constexpr size_t kSlotsMin = 64;  // a power of two, as are all sizes

  std::deque<Step> steps_;  // does not move what it holds
  std::vector<Slot> slots_;
};

void AddLineage(const Lineage& lineage, bool first, RowChange& step) {
  if (!step.peer) step.peer = std::make_shared<PeerStep>();
  PeerStep& peer = *step.peer;
  if (!first) {
    peer.follows.push_back(peer.clock);
  } else if (lineage.before) {
    peer.follows.push_back(*lineage.before);
  }
  peer.clock = lineage.clock;
  peer.via = lineage.via;
}

void Add(Change& change, Offset offset, SchemaId schema_id,
         const std::shared_ptr<const TableSchema>& schema, TableSteps& table) {
  const bool deletion = change.op == Op::kDelete;
  Row key = deletion ? std::move(change.row) : Project(change.row, schema->key);
  const auto [step, added] = table.FindOrAdd(std::move(key));
  if (added) {
    step->change.previous = std::move(change.previous);
  } else {
    step->change.passed.push_back(std::move(step->change.version));
    step->change.passed_deletion |= step->op == Op::kDelete;
  }
  if (change.lineage) AddLineage(*change.lineage, added, step->change);
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

// Where a change sorts, without looking at it: values of the first key column that CompareValues
// orders have ranks in that order, or the same.
struct Place {
  Type type = Type::kNull;
  uint64_t rank = 0;
  uint32_t index = 0;
};

Place PlaceOf(const RowChange& change, size_t index) {
  Place place{.index = static_cast<uint32_t>(index)};
  if (change.key.size() == 0) return place;
  const ValueView first = *change.key.begin();
  place.type = first.type();
  if (place.type == Type::kDouble || place.type == Type::kDecimal) return place;
  if (HoldsString(place.type)) {  // bytewise
    const std::string_view bytes = first.as_string();
    std::memcpy(&place.rank, bytes.data(), std::min(bytes.size(), sizeof place.rank));
    place.rank = __builtin_bswap64(place.rank);
  } else {
    place.rank = static_cast<uint64_t>(first.as_int()) ^ (uint64_t{1} << 63);
  }
  return place;
}
static_assert(std::endian::native == std::endian::little);

// Puts the change of places[i] at i. Each is moved once.
void Arrange(std::vector<RowChange>& changes, std::vector<Place>& places) {
  for (uint32_t start = 0; start < places.size(); ++start) {
    if (places[start].index == start) continue;
    RowChange first = std::move(changes[start]);
    uint32_t to = start;
    while (places[to].index != start) {
      changes[to] = std::move(changes[places[to].index]);
      to = std::exchange(places[to].index, to);
    }
    changes[to] = std::move(first);
    places[to].index = to;
  }
}

void Sort(std::vector<RowChange>& changes) {
  // Initial loads and replays of them come in key order already.
  if (std::is_sorted(changes.begin(), changes.end(), KeyLess)) return;
  std::vector<Place> places;
  places.reserve(changes.size());
  for (const RowChange& change : changes) places.push_back(PlaceOf(change, places.size()));
  std::ranges::sort(places, [&](const Place& a, const Place& b) {
    if (a.type != b.type) return a.type < b.type;
    if (a.rank != b.rank) return a.rank < b.rank;
    return KeyLess(changes[a.index], changes[b.index]);
  });
  Arrange(changes, places);
}

}  // namespace

std::string Batch::name() const {
  return "offsets " + std::to_string(begin.value()) + " to " + std::to_string(end.value() - 1);
}

void SortByKey(TableChanges& changes) {
  Sort(changes.upserts);
  Sort(changes.deletes);
}

std::vector<std::shared_ptr<const TableSchema>> SchemasOf(const Batch& batch,
                                                          const TablePredicate& wanted,
                                                          Offset again_before) {
  std::vector<std::shared_ptr<const TableSchema>> schemas;
  std::map<TableName, const TableSchema*> last;
  for (const Frame& frame : batch.frames) {
    if (frame.header.base < again_before) continue;
    for (const auto& schema : frame.tables) {
      const TableSchema*& before = last[schema->table];
      if (!wanted(schema->table) || (before != nullptr && *before == *schema)) continue;
      before = schema.get();
      schemas.push_back(schema);
    }
  }
  return schemas;
}

std::vector<TableChanges> Collapse(Batch& batch, const TablePredicate& wanted,
                                   const TablePredicate& kept) {
  std::map<TableName, TableSteps> tables;
  for (Frame& frame : batch.frames) {
    std::vector<TableSteps*> of_index;
    std::vector<bool> ignores_deletions;
    for (const auto& schema : frame.tables) {
      of_index.push_back(wanted(schema->table) ? &tables[schema->table] : nullptr);
      ignores_deletions.push_back(kept && kept(schema->table));
    }
    Offset offset = frame.header.base;
    for (Change& change : frame.changes) {
      const Offset own = offset;
      offset = offset + 1;
      if (change.op == Op::kMark || of_index[change.table] == nullptr) continue;
      if (change.op == Op::kDelete && ignores_deletions[change.table]) continue;
      Add(change, own, frame.header.schemas[change.table], frame.tables[change.table],
          *of_index[change.table]);
    }
    frame.changes = {};  // gives the memory back
  }

  std::vector<TableChanges> all;
  for (auto& [name, table] : tables) {
    std::map<SchemaId, size_t> place;
    for (std::deque<Step>& steps = table.steps(); !steps.empty(); steps.pop_front()) {
      Step& step = steps.front();
      const auto [found, added] = place.emplace(step.schema_id, all.size());
      if (added) {
        all.push_back({.schema = *step.schema});
        all.back().upserts.reserve(steps.size());  // few are anything else
      }
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
