#include "apply/row_settler.h"

#include <algorithm>

namespace syncline::apply {
namespace {

// Rows that are looked at together; bounds what is held of them.
constexpr size_t kLooksMax = 5'000;
// A row that is missing when it is looked at, and cannot be inserted, is looked at again so often:
// somebody was quicker, or a trigger keeps it out.
constexpr int kRounds = 3;

// "t" from PostgreSQL, "1" from SQLite.
bool IsTrue(const std::optional<std::string>& flag) { return flag == "t" || flag == "1"; }

// `row` with another previous version, which stands at `place`.
Row WithPrevious(const Row& row, size_t place, ValueView previous) {
  Row changed;
  changed.Reserve(row.bytes().size());
  size_t column = 0;
  for (const ValueView value : row) changed.Append(column++ == place ? previous : value);
  return changed;
}

}  // namespace

Look LookFrom(const sql::FirstRow& found) {
  if (!found) return {};
  return {.exists = true,
          .follows = IsTrue(found->at(0)),
          .same_version = IsTrue(found->at(1)),
          .newer = IsTrue(found->at(2)),
          .same_content = IsTrue(found->at(3))};
}

RowSettler::RowSettler(sql::Session& session, const TablePlan& plan, const TargetShape& shape)
    : session_(session),
      plan_(plan),
      shape_(shape),
      images_(session, plan, shape),
      upserts_{.look = LookUpsertSql(shape),
               .look_up_to = LookUpsertSql(shape, Follows::kAnyUpToThat),
               .force = OverwriteRowSql(shape)},
      deletes_{.look = LookDeleteSql(shape),
               .look_up_to = LookDeleteSql(shape, Follows::kAnyUpToThat),
               .force = EraseRowSql(shape)},
      insert_(InsertRowSql(shape)) {}

void RowSettler::Settle(WriteTask& task) {
  for (int round = 0; round < kRounds && !task.open.empty(); ++round) {
    std::vector<uint32_t> still_open;
    for (std::span<const uint32_t> left = task.open; !left.empty();) {
      const auto some = left.first(std::min(left.size(), kLooksMax));
      SettleSome(task, some, still_open);
      left = left.subspan(some.size());
    }
    task.open = std::move(still_open);
  }
  task.counts.suppressed += task.open.size();
  task.open.clear();
}

void RowSettler::SettleSome(WriteTask& task, std::span<const uint32_t> numbers,
                            std::vector<uint32_t>& still_open) {
  const std::vector<Look> looks = LookAt(task, numbers);
  std::vector<uint32_t> locked, missing, met;  // to be forced, to be inserted, in conflict
  std::vector<Conflict> conflicts;             // parallel to `met`
  for (size_t i = 0; i < numbers.size(); ++i) {
    const Decision decision = DecideOn(task, numbers[i], looks[i]);
    if (decision.write) (looks[i].exists ? locked : missing).push_back(numbers[i]);
    if (!decision.write && looks[i].newer) ++task.counts.newer;
    if (!decision.conflict || !looks[i].exists) continue;
    met.push_back(numbers[i]);
    conflicts.push_back(images_.Of(task, numbers[i], *decision.conflict, decision.write));
  }
  images_.Add(task, met, conflicts);  // before they are overwritten
  task.conflicts.insert(task.conflicts.end(), std::make_move_iterator(conflicts.begin()),
                        std::make_move_iterator(conflicts.end()));

  const size_t kept = session_.ExecuteEach(For(task).force, task.Pointers(locked)).size();
  task.counts.written += locked.size() - kept;
  task.counts.suppressed += kept;  // a trigger would not have it
  const auto refused = session_.ExecuteEach(insert_, task.Pointers(missing));
  for (uint32_t i = 0; i < missing.size(); ++i) {
    if (std::ranges::binary_search(refused, i)) {
      still_open.push_back(missing[i]);
      continue;
    }
    ++task.counts.written;
    const Decision decision = DecideOn(task, missing[i], {});
    if (decision.conflict)
      task.conflicts.push_back(images_.Of(task, missing[i], *decision.conflict, decision.write));
  }
}

std::vector<Look> RowSettler::LookAt(const WriteTask& task, std::span<const uint32_t> numbers) {
  const sql::Sql& sql = task.from_base ? For(task).look_up_to : For(task).look;
  std::vector<Look> looks;
  for (const sql::FirstRow& found : session_.QueryEach(sql, task.Pointers(numbers))) {
    looks.push_back(LookFrom(found));
  }
  LookForPassed(task, numbers, looks);
  return looks;
}

// A target that was set back may hold one of the states that the batch passes over.
void RowSettler::LookForPassed(const WriteTask& task, std::span<const uint32_t> numbers,
                               std::vector<Look>& looks) {
  if (!shape_.has_versions()) return;
  const size_t previous = task.deletion ? shape_.key.size() : shape_.columns.size();
  std::vector<Row> rows;
  std::vector<size_t> of;
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (!looks[i].exists || looks[i].follows) continue;
    for (const Value& version : task.changes[numbers[i]].passed) {
      rows.push_back(WithPrevious(task.rows[numbers[i]], previous, version));
      of.push_back(i);
    }
  }
  std::vector<const Row*> pointers;
  for (const Row& row : rows) pointers.push_back(&row);
  const std::vector<sql::FirstRow> found = session_.QueryEach(For(task).look, pointers);
  for (size_t i = 0; i < found.size(); ++i) {
    if (LookFrom(found[i]).follows) looks[of[i]].follows = true;
  }
}

Decision RowSettler::DecideOn(const WriteTask& task, uint32_t number, const Look& look) const {
  const RowChange& change = task.changes[number];
  return Decide(
      {.rule = plan_.conflict,
       .deletion = task.deletion,
       .first = IsFirst(change) || ((task.from_base || change.passed_deletion) && !look.exists),
       .again = task.IsAgain(number),
       .takes_ties = task.options.takes_ties},
      look);
}

}  // namespace syncline::apply
