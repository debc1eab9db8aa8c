#include "apply/batch/batch.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <map>
#include <string_view>
#include <utility>

#include "engine/base/check.h"

namespace syncline::apply {
namespace {

bool ChangeLess(const RowChange& a, const RowChange& b) { return KeyLess(a.key, b.key); }

// The steps of one table while the batch is being read, where they stay until they are written: to
// move them costs as much as to find them. Keys that come in order, as those of an initial load,
// are new without a look. From the first one on that does not lie behind all others they are found
// by their bytes: open addressing with linear probing, at most half full.
class TableSteps {
 public:
  // So many more changes may come; all are to be told before the first one comes.
  void Expect(size_t changes) { expected_ += changes; }

  // The number under which Add takes a schema; each is kept once.
  uint32_t SchemaNumber(SchemaId id, const std::shared_ptr<const TableSchema>& schema) {
    const auto known = std::ranges::find(schemas_, id, &Schema::id);
    if (known != schemas_.end()) return static_cast<uint32_t>(known - schemas_.begin());
    schemas_.push_back({id, schema});
    return static_cast<uint32_t>(schemas_.size() - 1);
  }

  void Add(Change& change, Offset offset, uint32_t schema);

  // The results, one for each schema that a step has. Empties this.
  void MoveTo(std::vector<TableChanges>& all);

 private:
  struct Schema {
    SchemaId id;
    std::shared_ptr<const TableSchema> schema;
  };
  // What a step's last change was.
  struct Kind {
    uint32_t schema = 0;
    Op op = Op::kUpsert;
    bool operator==(const Kind&) const = default;
  };
  struct Slot {
    uint32_t hash = 0;
    uint32_t number = 0;  // of the step, from 1; 0: free
  };

  // The number of the key's step, from 0; `added` if there was none.
  std::pair<size_t, bool> FindOrAdd(Row key) {
    if (in_key_order_) {
      if (steps_.empty() || KeyLess(steps_.back().key, key)) return {Append(std::move(key)), true};
      in_key_order_ = false;
      HashSteps();
    }
    const uint32_t hash = HashOf(key);
    Slot& slot = SlotOf(hash, key);
    if (slot.number != 0) return {slot.number - 1, false};
    slot = {.hash = hash, .number = static_cast<uint32_t>(steps_.size() + 1)};
    return {Append(std::move(key)), true};
  }

  size_t Append(Row key) {
    SYNCLINE_CHECK(steps_.size() < expected_);
    if (steps_.empty()) steps_.reserve(expected_);
    steps_.emplace_back().key = std::move(key);
    kinds_.emplace_back();
    return steps_.size() - 1;
  }

  static uint32_t HashOf(const Row& key) {
    return static_cast<uint32_t>(std::hash<std::string_view>()(key.bytes()));
  }

  // Where the key is, or belongs.
  Slot& SlotOf(uint32_t hash, const Row& key) {
    for (size_t at = hash;; ++at) {
      Slot& slot = slots_[at & (slots_.size() - 1)];
      if (slot.number == 0) return slot;
      if (slot.hash == hash && steps_[slot.number - 1].key == key) return slot;
    }
  }

  void HashSteps() {
    slots_.resize(std::bit_ceil(2 * expected_));
    for (size_t number = 0; number < steps_.size(); ++number) {
      const Row& key = steps_[number].key;
      const uint32_t hash = HashOf(key);
      SlotOf(hash, key) = {.hash = hash, .number = static_cast<uint32_t>(number + 1)};
    }
  }

  size_t expected_ = 0;
  std::vector<Schema> schemas_;
  std::vector<RowChange> steps_;
  std::vector<Kind> kinds_;  // parallel to steps_
  bool in_key_order_ = true;
  std::vector<Slot> slots_;  // of all steps, once they are not in key order
};

void AddLineage(const Lineage& lineage, bool first, RowChange& step) {
  if (!step.origin) step.origin = std::make_shared<OriginInfo>();
  OriginInfo& origin = *step.origin;
  if (!first) {
    origin.follows.push_back(origin.clock);
  } else if (lineage.before) {
    origin.follows.push_back(*lineage.before);
  }
  origin.clock = lineage.clock;
  origin.via = lineage.via;
}

void TableSteps::Add(Change& change, Offset offset, uint32_t schema) {
  const bool deletion = change.op == Op::kDelete;
  Row key = deletion ? std::move(change.row) : Project(change.row, schemas_[schema].schema->key);
  const auto [number, added] = FindOrAdd(std::move(key));
  RowChange& step = steps_[number];
  if (added) {
    step.previous = std::move(change.previous);
  } else {
    step.passed.push_back(std::move(step.version));
    step.passed_deletion |= kinds_[number].op == Op::kDelete;
  }
  if (change.lineage) AddLineage(*change.lineage, added, step);
  kinds_[number] = {schema, change.op};
  step.offset = offset;
  step.version = std::move(change.version);
  step.row = deletion ? Row() : std::move(change.row);
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
  if (std::is_sorted(changes.begin(), changes.end(), ChangeLess)) return;
  std::vector<Place> places;
  places.reserve(changes.size());
  for (const RowChange& change : changes) places.push_back(PlaceOf(change, places.size()));
  std::ranges::sort(places, [&](const Place& a, const Place& b) {
    if (a.type != b.type) return a.type < b.type;
    if (a.rank != b.rank) return a.rank < b.rank;
    return ChangeLess(changes[a.index], changes[b.index]);
  });
  Arrange(changes, places);
}

void TableSteps::MoveTo(std::vector<TableChanges>& all) {
  if (steps_.empty()) return;
  const size_t first = all.size();
  const Kind kind = kinds_.front();
  if (std::ranges::all_of(kinds_, [&](const Kind& other) { return other == kind; })) {
    TableChanges& changes = all.emplace_back();
    changes.schema = schemas_[kind.schema].schema;
    (kind.op == Op::kDelete ? changes.deletes : changes.upserts) = std::move(steps_);
  } else {
    std::vector<TableChanges> parts(schemas_.size());
    for (size_t number = 0; number < steps_.size(); ++number) {
      TableChanges& changes = parts[kinds_[number].schema];
      if (!changes.schema) {
        changes.schema = schemas_[kinds_[number].schema].schema;
        changes.upserts.reserve(steps_.size() - number);  // few are anything else
      }
      auto& side = kinds_[number].op == Op::kDelete ? changes.deletes : changes.upserts;
      side.push_back(std::move(steps_[number]));
    }
    for (TableChanges& changes : parts) {
      if (changes.schema) all.push_back(std::move(changes));
    }
  }
  for (size_t i = first; i < all.size(); ++i) {
    all[i].came_in_key_order = in_key_order_;
    if (!in_key_order_) SortByKey(all[i]);
  }
}

// A table of a frame.
struct FrameTable {
  TableSteps* steps = nullptr;  // none: not wanted
  uint32_t schema = 0;          // its number there
  bool ignores_deletions = false;
};

// Tells the tables, too, how many changes may come.
std::vector<FrameTable> TablesOf(const Frame& frame, std::map<TableName, TableSteps>& tables,
                                 const TablePredicate& wanted, const TablePredicate& kept) {
  std::vector<FrameTable> of_index;
  for (size_t i = 0; i < frame.tables.size(); ++i) {
    FrameTable& of_frame = of_index.emplace_back();
    const auto& schema = frame.tables[i];
    if (!wanted(schema->table)) continue;
    of_frame.steps = &tables[schema->table];
    of_frame.schema = of_frame.steps->SchemaNumber(frame.header.schemas[i], schema);
    of_frame.ignores_deletions = kept && kept(schema->table);
    const bool is_only = frame.tables.size() == 1;
    of_frame.steps->Expect(is_only ? frame.changes.size()
                                   : std::ranges::count(frame.changes, i, &Change::table));
  }
  return of_index;
}

}  // namespace

bool KeyLess(const Row& a, const Row& b) {
  auto i = a.begin();
  auto j = b.begin();
  for (; i != a.end() && j != b.end(); ++i, ++j) {
    const auto order = CompareValues(*i, *j);
    if (order != 0) return order < 0;
  }
  return i == a.end() && j != b.end();
}

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
  std::vector<std::vector<FrameTable>> of_frames;
  for (const Frame& frame : batch.frames) {
    of_frames.push_back(TablesOf(frame, tables, wanted, kept));
  }
  for (size_t i = 0; i < batch.frames.size(); ++i) {
    Frame& frame = batch.frames[i];
    Offset offset = frame.header.base;
    for (Change& change : frame.changes) {
      const Offset own = offset;
      offset = offset + 1;
      if (change.op == Op::kMark) continue;
      const FrameTable& table = of_frames[i][change.table];
      if (table.steps == nullptr) continue;
      if (change.op == Op::kDelete && table.ignores_deletions) continue;
      table.steps->Add(change, own, table.schema);
    }
    frame.changes = {};  // gives the memory back
  }

  std::vector<TableChanges> all;
  for (auto& [name, table] : tables) table.MoveTo(all);
  batch.frames.clear();
  return all;
}

}  // namespace syncline::apply
