#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace syncline {

// The index into a list that somebody else keeps: for each of its elements its number, found by the
// hash of its key. Open addressing, never more than half full. Private to engine/log; plain and
// movable. Threads: one, that of the list.
class Places {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  // What an element costs here, at least.
  static constexpr size_t kBytesEach = 16;

  // Where an element of that hash is, or belongs: its number, or kNone, to be set by the caller.
  // `is_it` says whether the element of a number has the key that is looked for. To be called only
  // after Reserve. Valid until the next Reserve or Clear.
  template <typename IsIt>
  uint32_t& At(uint32_t hash, IsIt&& is_it) {
    Place& place = places_[IndexOf(hash, is_it)];
    place.hash = hash;
    return place.number;
  }
  template <typename IsIt>
  uint32_t Find(uint32_t hash, IsIt&& is_it) const {
    return places_.empty() ? kNone : places_[IndexOf(hash, is_it)].number;
  }

  // Makes room for so many elements.
  void Reserve(size_t count) {
    if (places_.size() >= 2 * count) return;
    std::vector<Place> old = std::exchange(places_, {});
    places_.resize(std::max(kMin, std::bit_ceil(2 * count)));
    for (const Place& place : old) {
      if (place.number == kNone) continue;
      places_[IndexOf(place.hash, [](uint32_t) { return false; })] = place;
    }
  }

  // Empty again; keeps the memory.
  void Clear() { std::ranges::fill(places_, Place()); }

 private:
  static constexpr size_t kMin = 64;
  struct Place {
    uint32_t hash = 0;
    uint32_t number = kNone;
  };

  template <typename IsIt>
  size_t IndexOf(uint32_t hash, IsIt&& is_it) const {
    const size_t mask = places_.size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      const Place& place = places_[at];
      if (place.number == kNone || (place.hash == hash && is_it(place.number))) return at;
    }
  }

  std::vector<Place> places_;
};

}  // namespace syncline
