#include "engine/log/pending_frame.h"

#include <functional>
#include <string_view>
#include <utility>

namespace syncline {
namespace {

// What a change takes beside its row: tags, lengths, versions.
constexpr size_t kChangeOverheadBytes = 32;

uint32_t HashOf(const Row& key) {
  return static_cast<uint32_t>(std::hash<std::string_view>()(key.bytes()));
}

}  // namespace

void PendingFrame::Add(const std::shared_ptr<const TableSchema>& table, Row key, Change change,
                       Fingerprint fingerprint) {
  places_.Reserve(keys_.size() + 1);
  places_.At(HashOf(key), [&](uint32_t number) { return IsOf(number, table->table, key); }) =
      static_cast<uint32_t>(keys_.size());
  change.table = Slot(table);
  bytes_ += change.row.bytes().size() + kChangeOverheadBytes;
  keys_.push_back(std::move(key));
  draft_.fingerprints.push_back(fingerprint);
  draft_.changes.push_back(std::move(change));
}

std::optional<PendingFrame::State> PendingFrame::Find(const TableName& table,
                                                      const Row& key) const {
  const uint32_t index =
      places_.Find(HashOf(key), [&](uint32_t number) { return IsOf(number, table, key); });
  if (index == Places::kNone) return {};
  return State{draft_.changes[index], draft_.fingerprints[index]};
}

void PendingFrame::Absorb(PendingFrame& other) {
  if (empty()) {
    std::swap(*this, other);
  } else {
    for (size_t i = 0; i < other.keys_.size(); ++i) {
      Change& change = other.draft_.changes[i];
      Add(other.draft_.tables[change.table], std::move(other.keys_[i]), std::move(change),
          other.draft_.fingerprints[i]);
    }
  }
  other.Take();
}

FrameDraft PendingFrame::Take() {
  keys_.clear();
  places_ = {};
  bytes_ = 0;
  return std::exchange(draft_, {});
}

uint32_t PendingFrame::Slot(const std::shared_ptr<const TableSchema>& table) {
  auto& tables = draft_.tables;
  for (size_t slot = tables.size(); slot-- > 0;) {
    if (tables[slot] == table) return static_cast<uint32_t>(slot);
  }
  tables.push_back(table);
  return static_cast<uint32_t>(tables.size() - 1);
}

bool PendingFrame::IsOf(uint32_t number, const TableName& table, const Row& key) const {
  return keys_[number] == key && draft_.tables[draft_.changes[number].table]->table == table;
}

}  // namespace syncline
