#include "apply/unique_contest.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "apply/row_image.h"
#include "engine/model/value_text.h"

namespace syncline::apply {
namespace {

// "t" from PostgreSQL, "1" from SQLite.
bool IsTrue(const std::optional<std::string>& flag) { return flag == "t" || flag == "1"; }

}  // namespace

UniqueContest::UniqueContest(sql::Session& session, const TablePlan& plan, const TargetShape& shape,
                             const std::vector<std::vector<std::string>>& indexes)
    : session_(session), plan_(plan), shape_(shape), erase_(EraseRowSql(shape)) {
  for (const auto& columns : indexes) {
    if (Has(shape, columns)) holders_.push_back(HolderSql(shape, columns));
  }
}

bool UniqueContest::Wins(const RowChange& change, const Row& row, const WriteOptions& options,
                         std::vector<Conflict>& conflicts) {
  constexpr size_t kFlags = 2;
  std::vector<Column> key_columns;
  for (const uint32_t column : plan_.key) key_columns.push_back(shape_.columns[column]);
  std::vector<Conflict> met;
  std::set<std::string> losers;  // keys, as images
  bool wins = true;
  const Row* const only = &row;
  for (const std::string& holder : holders_) {
    const sql::FirstRow found = session_.QueryEach(holder, {&only, 1}).front();
    if (!found) continue;
    const std::vector<std::optional<std::string>> values(found->begin() + kFlags, found->end());
    const Look look{
        .exists = true, .same_version = IsTrue(found->at(0)), .newer = IsTrue(found->at(1))};
    const bool won =
        Decide({.rule = plan_.conflict, .first = IsFirst(change), .takes_ties = options.takes_ties},
               look)
            .write;
    wins = wins && won;
    std::vector<std::optional<std::string>> key;
    for (const uint32_t column : plan_.key) key.push_back(values[column]);
    losers.insert(RowImage(key_columns, key));
    met.push_back({.table = shape_.table,
                   .key = RowImage(key_columns, change.key),
                   .type = ConflictType::kUniqueExists,
                   .rule = plan_.conflict,
                   .source_won = won,
                   .offset = change.offset,
                   .source_version = ToText(change.version),
                   .source_row = RowImage(plan_.columns, TargetRow(plan_, change.row)),
                   .target_row = RowImage(shape_.columns, values)});
    if (plan_.cursor) met.back().target_version = values[*plan_.cursor];
  }
  for (Conflict& conflict : met) conflict.source_won = wins;
  if (wins) {
    for (const std::string& loser : losers) {
      const Row key = ParseRow(key_columns, loser);
      const Row* const one = &key;
      session_.ExecuteEach(erase_, {&one, 1});
    }
  }
  std::ranges::move(met, std::back_inserter(conflicts));
  return wins;
}

}  // namespace syncline::apply
