#include "apply/write/row_conflict_resolver.h"

#include <algorithm>
#include <string>

#include "apply/plan/key_fit.h"
#include "engine/base/error.h"

namespace syncline::apply {
namespace {

// Rows that are looked at together; bounds what is held of them.
constexpr size_t kLooksMax = 5'000;
// A row that is missing when it is looked at, and cannot be inserted, is looked at again so often:
// somebody was quicker, or a trigger keeps it out.
constexpr int kResolveRounds = 3;

// A change that is parked like those that the database refuses.
Error Undecided(uint32_t number) {
  const std::string reason =
      "nobody can tell whether it is later than the target's row: of the two stamps one is no time";
  Error error = StopError("a change cannot be decided about: " + reason,
                          "Write both as times, or choose `conflict: source_wins`.");
  error.SetRefusal({.kind = Refusal::Kind::kRule, .reason = reason, .row = number});
  return error;
}

}  // namespace

RowConflictResolver::RowConflictResolver(sql::Session& session, const ApplyPlan& plan,
                                         const TargetShape& shape)
    : session_(session),
      plan_(plan),
      shape_(shape),
      looks_(session, plan, shape),
      images_(session, plan, shape),
      overwrite_(OverwriteRowSql(shape)),
      erase_(EraseRowSql(shape)),
      insert_(InsertRowSql(shape)),
      taken_(TakenKeySql(shape)) {}

void RowConflictResolver::Settle(WriteTask& task) {
  for (int round = 0; round < kResolveRounds && !task.open.empty(); ++round) {
    std::vector<uint32_t> still_open;
    for (std::span<const uint32_t> left = task.open; !left.empty();) {
      const auto some = left.first(std::min(left.size(), kLooksMax));
      SettleSome(task, some, still_open);
      left = left.subspan(some.size());
    }
    task.open = std::move(still_open);
  }
  if (shape_.may_be_taken() && !task.deletion) RefuseTaken(task);
  task.counts.suppressed += task.open.size();
  task.open.clear();
}

// A row that is not there by its key's text, and cannot be inserted.
void RowConflictResolver::RefuseTaken(const WriteTask& task) {
  const std::vector<sql::FirstRow> found = session_.QueryEach(taken_, task.Pointers(task.open));
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i]) throw KeyIsTaken(task.open[i]);
  }
}

void RowConflictResolver::SettleSome(WriteTask& task, std::span<const uint32_t> numbers,
                                     std::vector<uint32_t>& still_open) {
  const std::vector<Look> looks = looks_.At(task, numbers, task.follows(), /*passed=*/true);
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

  const sql::Sql& force = task.deletion ? erase_ : overwrite_;
  const size_t kept = session_.ExecuteEach(force, task.Pointers(locked)).size();
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

Decision RowConflictResolver::DecideOn(const WriteTask& task, uint32_t number,
                                       const Look& look) const {
  const RowChange& change = task.changes[number];
  const Arrival arrival{
      .rule = plan_.conflict,
      .deletion = task.deletion,
      .first = IsFirst(change) || ((task.from_base || change.passed_deletion) && !look.exists),
      .again = task.IsAgain(number),
      .takes_ties = task.options.takes_ties};
  if (IsUndecided(arrival, look)) throw Undecided(number);
  return Decide(arrival, look);
}

}  // namespace syncline::apply
