#include "apply/write/row_looks.h"

#include <compare>

#include "engine/base/error.h"
#include "engine/model/same_value.h"
#include "engine/model/stamp.h"

namespace syncline::apply {
namespace {

// "t" from PostgreSQL, "1" from SQLite.
bool IsTrue(const std::optional<std::string>& flag) { return flag == "t" || flag == "1"; }

Look LookFrom(const sql::FirstRow& found) {
  if (!found) return {};
  return {.exists = true,
          .follows = IsTrue(found->at(0)),
          .same_version = IsTrue(found->at(1)),
          .newer = IsTrue(found->at(2)),
          .same_content = IsTrue(found->at(3))};
}

// `row` with another previous version, which stands at `place`.
Row WithPrevious(const Row& row, size_t place, ValueView previous) {
  Row changed;
  changed.Reserve(row.bytes().size());
  size_t column = 0;
  for (const ValueView value : row) changed.Append(column++ == place ? previous : value);
  return changed;
}

}  // namespace

RowLooks::RowLooks(sql::Session& session, const ApplyPlan& plan, const TargetShape& shape)
    : session_(session),
      plan_(plan),
      shape_(shape),
      upserts_{.look = LookUpsertSql(shape),
               .look_up_to = LookUpsertSql(shape, Follows::kAnyUpToThat)},
      deletes_{.look = LookDeleteSql(shape),
               .look_up_to = LookDeleteSql(shape, Follows::kAnyUpToThat)},
      image_(ImageUpsertSql(shape)) {}

size_t RowLooks::PlaceOfPrevious(const WriteTask& task) const {
  return task.deletion ? shape_.key.size() : shape_.columns.size();
}

std::vector<Look> RowLooks::At(const WriteTask& task, std::span<const uint32_t> numbers,
                               Follows follows, bool passed) {
  const Statements& statements = For(task);
  const sql::Sql& sql = follows == Follows::kAnyUpToThat ? statements.look_up_to : statements.look;
  const std::vector<sql::FirstRow> found = session_.QueryEach(sql, task.Pointers(numbers));
  std::vector<Look> looks;
  for (size_t i = 0; i < found.size(); ++i) {
    Look& look = looks.emplace_back(LookFrom(found[i]));
    if (look.exists && shape_.compares_stamps) {
      Compare(task, numbers[i], follows, passed, found[i]->back(), look);
    }
  }
  if (passed && !shape_.compares_stamps) LookForPassed(task, numbers, looks);
  if (!shape_.words().can().has_typed_values && !task.deletion) {
    CompareForms(task, numbers, looks);
  }
  return looks;
}

void RowLooks::Compare(const WriteTask& task, uint32_t number, Follows follows, bool passed,
                       const std::optional<std::string>& stored, Look& look) const {
  look.follows = look.same_version = look.newer = false;
  if (!stored) return;  // NULL is no state of the log's, and lower than any
  const ValueView own = ValueView::Text(*stored);
  const RowChange& change = task.changes[number];
  const ValueView previous = task.rows[number][PlaceOfPrevious(task)];
  if (!previous.is_null()) {
    const std::partial_ordering order = CompareStamps(own, previous);
    look.follows = follows == Follows::kAnyUpToThat ? order <= 0 : order == 0;
  }
  for (const Value& version : change.passed) {
    if (passed && CompareStamps(own, version) == 0) look.follows = true;
  }
  if (change.version.is_null()) return;
  const std::partial_ordering order = CompareStamps(own, change.version);
  look.same_version = order == 0;
  look.newer = order > 0;
  look.undecided = order == std::partial_ordering::unordered;
  // The statement has left the column of the version out of the content.
  if (shape_.words().can().has_typed_values && !task.deletion) {
    look.same_content = look.same_content && look.same_version;
  }
}

// A target that was set back may hold one of the states that the batch passes over.
void RowLooks::LookForPassed(const WriteTask& task, std::span<const uint32_t> numbers,
                             std::vector<Look>& looks) {
  if (!shape_.has_versions()) return;
  std::vector<Row> rows;
  std::vector<size_t> of;
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (!looks[i].exists || looks[i].follows) continue;
    for (const Value& version : task.changes[numbers[i]].passed) {
      rows.push_back(WithPrevious(task.rows[numbers[i]], PlaceOfPrevious(task), version));
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

// Rows that SQLite holds in other forms, perhaps: not where the stamps say that they differ.
void RowLooks::CompareForms(const WriteTask& task, std::span<const uint32_t> numbers,
                            std::vector<Look>& looks) {
  std::vector<size_t> of;
  std::vector<const Row*> rows;
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (!looks[i].exists || looks[i].same_content || !looks[i].same_version) continue;
    of.push_back(i);
    rows.push_back(&task.rows[numbers[i]]);
  }
  const std::vector<sql::FirstRow> found = session_.QueryEach(image_, rows);
  for (size_t i = 0; i < found.size(); ++i) {
    if (!found[i]) throw RestartError("a row that was locked cannot be seen any more");
    looks[of[i]].same_content = IsSame(*rows[i], *found[i]);
  }
}

bool RowLooks::IsSame(const Row& row, const std::vector<std::optional<std::string>>& stored) const {
  size_t column = 0;
  for (const ValueView value : row) {
    if (column == stored.size()) break;
    const ValueView own = stored[column] ? ValueView::Text(*stored[column]) : ValueView::Null();
    const bool is_stamp = shape_.compares_stamps && plan_.IsCursor(static_cast<uint32_t>(column));
    const Type type =
        ComparedType(plan_.columns[column].type, shape_.columns[column].type, is_stamp);
    if (!terms::IsKey(shape_, shape_.columns[column].name) && !IsSameValue(type, value, own))
      return false;
    ++column;
  }
  return true;
}

}  // namespace syncline::apply
