#include "capture/plan/table_mark.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include "capture/plan/short_hash.h"

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

// "2.1.5f02,": the names behind the counts; none where they are not known.
std::vector<std::string> Names(const std::string& columns) {
  size_t at = columns.find('.');
  if (at != std::string::npos) at = columns.find('.', at + 1);
  if (at == std::string::npos) return {};
  std::vector<std::string> names(1);
  for (const char letter : std::string_view(columns).substr(at + 1)) {
    if (letter == ',') {
      names.emplace_back();
    } else {
      names.back() += letter;
    }
  }
  return names;
}

// A name means another column than it did, or one that had another name: the log holds none of its
// values under that name. A column that was only added, or dropped, changes no other's.
bool ColumnsAreOthers(const std::vector<std::string>& before, const std::vector<std::string>& now) {
  const std::set<std::string> known(before.begin(), before.end());
  for (size_t i = 0; i < now.size(); ++i) {
    if (now[i].empty()) continue;
    if (i < before.size() ? now[i] != before[i] : known.contains(now[i])) return true;
  }
  return false;
}

// Where the names are not known: a column was dropped and one was added, it may have the other's
// name.
bool ColumnsMayBeOthers(const std::string& before, const std::string& now) {
  const std::vector<std::string> had_names = Names(before), has_names = Names(now);
  if (!had_names.empty() && !has_names.empty()) return ColumnsAreOthers(had_names, has_names);
  const auto [had, had_dropped] = Counts(before);
  const auto [has, has_dropped] = Counts(now);
  return has > had && has_dropped > had_dropped;
}

// "4:5f02,9ac1;7:03aa" -> by number.
std::map<std::string, std::string> ByColumn(const std::string& labels) {
  std::map<std::string, std::string> columns;
  std::istringstream entries(labels);
  for (std::string entry; std::getline(entries, entry, ';');) {
    const size_t colon = std::min(entry.find(':'), entry.size());
    columns[entry.substr(0, colon)] = entry.substr(std::min(colon + 1, entry.size()));
  }
  return columns;
}

// Labels that were only added stand behind those that were there.
bool LabelsAreOthers(const std::string& before, const std::string& now) {
  const std::map<std::string, std::string> had = ByColumn(before);
  for (const auto& [column, labels] : ByColumn(now)) {
    const auto known = had.find(column);
    if (known != had.end() && !(labels + ",").starts_with(known->second + ",")) return true;
  }
  return false;
}

}  // namespace

std::string ColumnsMark(const std::vector<Column>& columns) {
  std::string names;
  for (const Column& column : columns)
    names += fmt::format("{}:{},", column.name.size(), column.name);
  return fmt::format("{} {}", columns.size(), ShortHash(names));
}

bool AreRenamed(const TableMark& before, const TableMark& now) {
  const std::string count = before.columns.substr(0, before.columns.find(' ') + 1);
  return !count.empty() && now.columns.starts_with(count) && now.columns != before.columns;
}

TableChange Compare(const TableMark& before, const TableMark& now, bool has_parts) {
  using Kind = TableChange::Kind;
  if (before.object.empty() || now.object.empty()) return {};
  if (before.object != now.object) {
    return {.kind = Kind::kReplaced, .renamed = before.columns != now.columns};
  }
  if (ColumnsMayBeOthers(before.columns, now.columns)) {
    return {.kind = Kind::kRewritten, .renamed = true};
  }
  if (LabelsAreOthers(before.labels, now.labels)) return {.kind = Kind::kRewritten};
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
