#include "engine/log/pending_frame.h"

#include <functional>
#include <string_view>
#include <utility>

namespace syncline {
namespace {

// What a change takes beside its row: tags, lengths, versions.
constexpr size_t kChangeOverheadBytes = 32;
constexpr size_t kPlacesMin = 64;

uint32_t HashOf(const Row& key) {
  return static_cast<uint32_t>(std::hash<std::string_view>()(key.bytes()));
}

}  // namespace

void PendingFrame::Add(const std::shared_ptr<const TableSchema>& table, Row key, Change change,
                       Fingerprint fingerprint) {
  if (places_.size() < 2 * (keys_.size() + 1)) Grow();
  const uint32_t hash = HashOf(key);
  places_[PlaceOf(table->table, key, hash)] = {hash, static_cast<uint32_t>(keys_.size())};
  change.table = Slot(table);
  bytes_ += change.row.bytes().size() + kChangeOverheadBytes;
  keys_.push_back(std::move(key));
  draft_.fingerprints.push_back(fingerprint);
  draft_.changes.push_back(std::move(change));
}

std::optional<PendingFrame::State> PendingFrame::Find(const TableName& table,
                                                      const Row& key) const {
  if (empty()) return {};
  const uint32_t index = places_[PlaceOf(table, key, HashOf(key))].index;
  if (index == kFree) return {};
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

ChangeLog::Draft PendingFrame::Take() {
  keys_.clear();
  places_.clear();
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

size_t PendingFrame::PlaceOf(const TableName& table, const Row& key, uint32_t hash) const {
  const size_t mask = places_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const Place& place = places_[at];
    if (place.index == kFree) return at;
    if (place.hash == hash && keys_[place.index] == key &&
        draft_.tables[draft_.changes[place.index].table]->table == table) {
      return at;
    }
  }
}

void PendingFrame::Grow() {
  std::vector<Place> old = std::exchange(places_, {});
  places_.resize(old.empty() ? kPlacesMin : 2 * old.size());
  const size_t mask = places_.size() - 1;
  for (const Place& place : old) {
    if (place.index == kFree) continue;
    size_t at = place.hash & mask;
    while (places_[at].index != kFree) at = (at + 1) & mask;
    places_[at] = place;
  }
}

}  // namespace syncline
