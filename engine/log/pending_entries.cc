#include "engine/log/pending_entries.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

#include "engine/base/check.h"
#include "engine/log/layout.h"

namespace syncline {
namespace {

constexpr size_t kPlacesMin = 64;

uint32_t HashOf(std::string_view key) {
  return static_cast<uint32_t>(std::hash<std::string_view>()(key));
}

// A key's first 16 bytes as numbers that order as they do: nearly every comparison ends there.
struct SortKey {
  uint64_t high;
  uint64_t low;
  uint32_t index;

  SortKey(std::string_view key, uint32_t index) : index(index) {
    char start[16] = {};
    std::memcpy(start, key.data(), std::min(key.size(), sizeof start));
    high = layout::ReadBigEndian64(start);
    low = layout::ReadBigEndian64(start + 8);
  }
};

}  // namespace

void PendingEntries::Put(std::string_view key, std::string_view entry) {
  if (places_.size() < 2 * (entries_.size() + 1)) Grow();
  const uint32_t hash = HashOf(key);
  Place& place = places_[PlaceOf(key, hash)];
  if (place.index == kFree) {
    if (!entries_.empty() && key <= KeyOf(entries_.back())) in_key_order_ = false;
    place = {hash, static_cast<uint32_t>(entries_.size())};
    const uint32_t key_at = Store(key);
    entries_.push_back({key_at, static_cast<uint32_t>(key.size()), Store(entry),
                        static_cast<uint32_t>(entry.size())});
    return;
  }
  Entry& known = entries_[place.index];
  if (known.entry_bytes == entry.size()) {
    entry.copy(bytes_.data() + known.entry_at, entry.size());
  } else {
    known.entry_at = Store(entry);
    known.entry_bytes = static_cast<uint32_t>(entry.size());
  }
}

std::optional<std::string_view> PendingEntries::Find(std::string_view key) const {
  if (empty()) return {};
  const uint32_t index = places_[PlaceOf(key, HashOf(key))].index;
  if (index == kFree) return {};
  return EntryOf(entries_[index]);
}

void PendingEntries::Clear() {
  bytes_.clear();
  entries_.clear();
  std::ranges::fill(places_, Place());
  in_key_order_ = true;
}

std::vector<PendingEntries::KeyedEntry> PendingEntries::InKeyOrder() const {
  std::vector<KeyedEntry> ordered;
  ordered.reserve(entries_.size());
  if (in_key_order_) {
    for (const Entry& entry : entries_) ordered.push_back({KeyOf(entry), EntryOf(entry)});
    return ordered;
  }
  std::vector<SortKey> keys;
  keys.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    keys.emplace_back(KeyOf(entry), static_cast<uint32_t>(keys.size()));
  }
  std::ranges::sort(keys, [this](const SortKey& a, const SortKey& b) {
    if (a.high != b.high) return a.high < b.high;
    if (a.low != b.low) return a.low < b.low;
    return KeyOf(entries_[a.index]) < KeyOf(entries_[b.index]);
  });
  for (const SortKey& key : keys) {
    ordered.push_back({KeyOf(entries_[key.index]), EntryOf(entries_[key.index])});
  }
  return ordered;
}

uint32_t PendingEntries::Store(std::string_view bytes) {
  SYNCLINE_CHECK(bytes.size() < UINT32_MAX - bytes_.size());
  const auto at = static_cast<uint32_t>(bytes_.size());
  bytes_ += bytes;
  return at;
}

size_t PendingEntries::PlaceOf(std::string_view key, uint32_t hash) const {
  const size_t mask = places_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const Place& place = places_[at];
    if (place.index == kFree || (place.hash == hash && KeyOf(entries_[place.index]) == key)) {
      return at;
    }
  }
}

void PendingEntries::Grow() {
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
