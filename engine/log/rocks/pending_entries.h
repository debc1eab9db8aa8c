#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/log/places.h"

namespace syncline {

// Entries of the RowIndex that are not in its store yet: for each key the last one. Bytes only; it
// knows nothing of their meaning. Keeps its memory for the next ones. Keys that come in order are
// new without a look, and are hashed only when one that lies among them is asked for. Private to
// engine/log. Belongs to the log's writing thread.
class PendingEntries {
 public:
  bool empty() const { return entries_.empty(); }
  // About what it holds, in memory.
  size_t bytes() const {
    return bytes_.size() + entries_.size() * (sizeof(Entry) + Places::kBytesEach);
  }

  void Put(std::string_view key, std::string_view entry);
  // The key's entry; lasts until the next Put or Clear.
  std::optional<std::string_view> Find(std::string_view key);
  void Clear();

  struct KeyedEntry {
    std::string_view key;
    std::string_view entry;
  };
  // All of them, bytewise by key; last until the next Put or Clear.
  std::vector<KeyedEntry> InKeyOrder() const;

 private:
  // Where key and entry lie in bytes_.
  struct Entry {
    uint32_t key_at, key_bytes;
    uint32_t entry_at, entry_bytes;
  };
  std::string_view KeyOf(const Entry& entry) const {
    return {bytes_.data() + entry.key_at, entry.key_bytes};
  }
  std::string_view EntryOf(const Entry& entry) const {
    return {bytes_.data() + entry.entry_at, entry.entry_bytes};
  }
  uint32_t Store(std::string_view bytes);
  // Whether the key is greater than all that are here. Says no where it would have to look.
  bool IsBehindAll(std::string_view key) const {
    return in_key_order_ && (entries_.empty() || key > KeyOf(entries_.back()));
  }
  // Takes in what is not hashed yet.
  void HashEntries();

  std::string bytes_;
  std::vector<Entry> entries_;
  Places places_;  // of entries_, the first hashed_ of them
  size_t hashed_ = 0;
  bool in_key_order_ = true;  // entries_ is, as a load in key order leaves it
};

}  // namespace syncline
