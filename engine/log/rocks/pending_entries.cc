#include "engine/log/rocks/pending_entries.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "engine/base/check.h"
#include "engine/log/big_endian.h"

namespace syncline {
namespace {

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
  if (!IsBehindAll(key)) {
    HashEntries();
    const uint32_t number =
        places_.Find(HashOf(key), [&](uint32_t known) { return KeyOf(entries_[known]) == key; });
    if (number != Places::kNone) {
      Entry& known = entries_[number];
      if (known.entry_bytes == entry.size()) {
        entry.copy(bytes_.data() + known.entry_at, entry.size());
      } else {
        known.entry_at = Store(entry);
        known.entry_bytes = static_cast<uint32_t>(entry.size());
      }
      return;
    }
    in_key_order_ = false;
  }
  const uint32_t key_at = Store(key);
  entries_.push_back({key_at, static_cast<uint32_t>(key.size()), Store(entry),
                      static_cast<uint32_t>(entry.size())});
}

std::optional<std::string_view> PendingEntries::Find(std::string_view key) {
  if (IsBehindAll(key)) return {};
  HashEntries();
  const uint32_t number =
      places_.Find(HashOf(key), [&](uint32_t known) { return KeyOf(entries_[known]) == key; });
  if (number == Places::kNone) return {};
  return EntryOf(entries_[number]);
}

void PendingEntries::HashEntries() {
  places_.Reserve(entries_.size());
  for (; hashed_ < entries_.size(); ++hashed_) {
    places_.At(HashOf(KeyOf(entries_[hashed_])), [](uint32_t) { return false; }) =
        static_cast<uint32_t>(hashed_);
  }
}

void PendingEntries::Clear() {
  bytes_.clear();
  entries_.clear();
  if (hashed_ != 0) places_.Clear();
  hashed_ = 0;
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

}  // namespace syncline
