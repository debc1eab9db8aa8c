#include "apply/batch/batch_keys.h"

#include <algorithm>
#include <functional>
#include <string_view>

namespace syncline::apply {

BatchKeys::BatchKeys(const std::vector<TableChanges>& tables) {
  for (const TableChanges& changes : tables) {
    OfTable& keys = tables_[changes.schema->table];
    for (const auto* side : {&changes.upserts, &changes.deletes}) {
      if (side->empty()) continue;
      const bool is_first = keys.first.size() == 0;
      if (is_first || KeyLess(side->front().key, keys.first)) keys.first = side->front().key;
      if (is_first || KeyLess(keys.last, side->back().key)) keys.last = side->back().key;
      if (changes.came_in_key_order) continue;
      for (const RowChange& change : *side) {
        keys.hashes.push_back(std::hash<std::string_view>()(change.key.bytes()));
      }
    }
  }
  for (auto& [table, keys] : tables_) std::ranges::sort(keys.hashes);
}

bool BatchKeys::AreApart(const OfTable& a, const OfTable& b) {
  return KeyLess(a.last, b.first) || KeyLess(b.last, a.first);
}

bool BatchKeys::MayMeet(const BatchKeys& other) const {
  return std::ranges::any_of(tables_, [&](const auto& table) {
    const auto found = other.tables_.find(table.first);
    if (found == other.tables_.end() || AreApart(table.second, found->second)) return false;
    const std::vector<uint64_t>& a = table.second.hashes;
    const std::vector<uint64_t>& b = found->second.hashes;
    if (a.empty() || b.empty()) return true;
    for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
      if (*i == *j) return true;
      *i < *j ? ++i : ++j;
    }
    return false;
  });
}

}  // namespace syncline::apply
