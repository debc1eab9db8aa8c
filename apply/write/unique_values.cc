#include "apply/write/unique_values.h"

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
    : session_(session), table_(shape.table) {
  for (const auto& columns : indexes) {
    const std::optional<std::string> free = VacatedColumn(shape, columns);
    if (!free) continue;
    indexes_.push_back({.wanted = WantedSql(shape, columns),
                        .held_by_upsert = HeldSql(shape, columns, /*deletion=*/false),
                        .held_by_delete = HeldSql(shape, columns, /*deletion=*/true),
                        .vacate_upsert = VacateSql(shape, *free, /*deletion=*/false),
                        .vacate_delete = VacateSql(shape, *free, /*deletion=*/true)});
  }
  if (!shape.has_versions()) return;
  look_upsert_ = LookUpsertSql(shape);
  look_delete_ = LookDeleteSql(shape);
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
    const auto holders = [&](const sql::Sql& sql, const std::vector<const Row*>& rows,
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
    Vacate(index.vacate_upsert, look_upsert_, holders(index.held_by_upsert, written, true));
    Vacate(index.vacate_delete, look_delete_, holders(index.held_by_delete, deleted, false));
  }
}

// A trigger may stamp the row that was written to: it is then no state that the change follows, and
// would stay as it is now.
void UniqueValues::Vacate(const sql::Sql& vacate, const sql::Sql& look,
                          std::vector<const Row*> rows) {
  std::vector<uint32_t> unchanged = session_.ExecuteEach(vacate, rows);
  std::ranges::reverse(unchanged);
  for (const uint32_t index : unchanged) rows.erase(rows.begin() + index);
  if (look.empty()) return;
  for (const sql::FirstRow& found : session_.QueryEach(look, rows)) {
    if (!found || !(found->at(0) == "t" || found->at(0) == "1")) throw ValuesWouldBeLost(table_);
  }
}

Error ValuesWouldBeLost(const TableName& table) {
  Error error = StopError(
      "table " + table.ToString() + ": a trigger keeps values of a unique index from moving",
      "Let the trigger leave alone what Syncline writes.");
  error.SetRefusal({Refusal::Kind::kUnique, "unique values move, and a trigger is in the way"});
  return error;
}

}  // namespace syncline::apply
