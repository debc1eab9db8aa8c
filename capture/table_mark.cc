#include "capture/table_mark.h"

#include <charconv>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

namespace syncline::capture {
namespace {

// Of so many parts that are new the rows are not asked for one by one.
constexpr size_t kPartsRead = 500;

std::set<std::string> Split(const std::string& files) {
  std::set<std::string> parts;
  std::istringstream words(files);
  for (std::string word; words >> word;) parts.insert(word);
  return parts;
}

// "7.1", an oid and a file -> 7. Nothing for anything else, which no number stands in front of.
std::optional<uint64_t> OidOf(const std::string& part) {
  uint64_t oid = 0;
  const char* const end = part.data() + part.size();
  const auto [at, error] = std::from_chars(part.data(), end, oid);
  return error == std::errc() && (at == end || *at == '.') ? std::optional(oid) : std::nullopt;
}

// "7.1" -> 7, 1; zeros for anything else.
std::pair<uint64_t, uint64_t> Counts(const std::string& columns) {
  std::pair<uint64_t, uint64_t> counts{0, 0};
  const char* const end = columns.data() + columns.size();
  const auto [at, error] = std::from_chars(columns.data(), end, counts.first);
  if (error == std::errc() && at != end) std::from_chars(at + 1, end, counts.second);
  return counts;
}

// A column was dropped and one was added: it may have the other's name and holds none of its
// values.
bool ColumnsMayBeOthers(const std::string& before, const std::string& now) {
  const auto [had, had_dropped] = Counts(before);
  const auto [has, has_dropped] = Counts(now);
  return has > had && has_dropped > had_dropped;
}

}  // namespace

TableChange Compare(const TableMark& before, const TableMark& now, bool has_parts) {
  using Kind = TableChange::Kind;
  if (before.object.empty() || now.object.empty()) return {};
  if (before.object != now.object) return {.kind = Kind::kReplaced};
  if (ColumnsMayBeOthers(before.columns, now.columns)) return {.kind = Kind::kRewritten};
  if (before.files == now.files) return {};
  const std::set<std::string> had = Split(before.files), has = Split(now.files);
  // A table that has, or had, nothing but itself.
  if (!has_parts || (had.size() == 1 && has.size() == 1)) return {.kind = Kind::kRewritten};
  TableChange change{.kind = Kind::kParts};
  for (const std::string& part : has) {
    if (had.contains(part)) continue;
    const std::optional<uint64_t> oid = OidOf(part);
    if (!oid) return {.kind = Kind::kRewritten};
    change.parts.push_back(*oid);
  }
  if (change.parts.size() > kPartsRead) return {.kind = Kind::kRewritten};
  return change;
}

}  // namespace syncline::capture
