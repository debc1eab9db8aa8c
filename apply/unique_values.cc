#include "apply/unique_values.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "engine/base/error.h"

namespace syncline::apply {
namespace {

// What an index says of one row; nothing where a part of it is NULL, which is never equal to
// anything.
std::optional<std::vector<std::string>> Entry(const sql::FirstRow& found) {
  if (!found) return std::nullopt;
  std::vector<std::string> entry;
  for (const auto& part : *found) {
    if (!part) return std::nullopt;
    entry.push_back(*part);
  }
  return entry;
}

std::vector<const Row*> PointersTo(const std::vector<Row>& rows) {
  std::vector<const Row*> pointers;
  for (const Row& row : rows) pointers.push_back(&row);
  return pointers;
}

}  // namespace

UniqueValues::UniqueValues(sql::Session& session, const TargetShape& shape,
                           const std::vector<std::vector<std::string>>& indexes)
    : session_(session) {
  for (const auto& columns : indexes) {
    const std::optional<std::string> free = VacatedColumn(shape, columns);
    if (!free) continue;
    indexes_.push_back({.wanted = WantedSql(shape, columns),
                        .held_by_upsert = HeldSql(shape, columns, /*deletion=*/false),
                        .held_by_delete = HeldSql(shape, columns, /*deletion=*/true),
                        .vacate_upsert = VacateSql(shape, *free, /*deletion=*/false),
                        .vacate_delete = VacateSql(shape, *free, /*deletion=*/true)});
  }
}

void UniqueValues::Free(const WriteTask& upserts, const WriteTask& deletes) {
  const std::vector<const Row*> written = PointersTo(upserts.rows);
  const std::vector<const Row*> deleted = PointersTo(deletes.rows);
  for (const Index& index : indexes_) {
    const std::vector<sql::FirstRow> wanted = session_.QueryEach(index.wanted, written);
    std::map<std::vector<std::string>, size_t> wanted_by;
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (auto entry = Entry(wanted[i])) wanted_by.emplace(*std::move(entry), i);
    }
    const auto holders = [&](const std::string& sql, const std::vector<const Row*>& rows,
                             bool keeps_its_own) {
      std::vector<const Row*> found;
      const std::vector<sql::FirstRow> held = session_.QueryEach(sql, rows);
      for (size_t i = 0; i < held.size(); ++i) {
        const auto entry = Entry(held[i]);
        if (!entry) continue;
        const auto by = wanted_by.find(*entry);
        if (by == wanted_by.end() || (keeps_its_own && Entry(wanted[i]) == entry)) continue;
        found.push_back(rows[i]);
      }
      return found;
    };
    Vacate(index.vacate_upsert, holders(index.held_by_upsert, written, true));
    Vacate(index.vacate_delete, holders(index.held_by_delete, deleted, false));
  }
}

void UniqueValues::Vacate(const std::string& sql, const std::vector<const Row*>& rows) {
  for (const sql::FirstRow& found : session_.QueryEach(sql, rows)) {
    if (!found || found->at(0) == "t" || found->at(0) == "1") continue;
    throw StopError(
        "a trigger on the target changes the cursor column while unique values are moved",
        "Let the trigger leave alone what Syncline writes, for instance by the session's role.");
  }
}

}  // namespace syncline::apply
