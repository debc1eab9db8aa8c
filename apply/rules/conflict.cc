#include "apply/rules/conflict.h"

#include "engine/base/check.h"

namespace syncline::apply {
namespace {

ConflictType TypeOf(const Arrival& arrival, const Look& look) {
  if (!look.exists) return ConflictType::kUpdateMissing;
  if (arrival.deletion) return ConflictType::kDeleteRecentlyUpdated;
  return arrival.first ? ConflictType::kInsertExists : ConflictType::kUpdateDiffering;
}

// Between two different states, of which neither follows the other.
bool SourceWins(const Arrival& arrival, const Look& look) {
  switch (arrival.rule) {
    case ConflictRule::kSourceWins:
      return true;
    case ConflictRule::kTargetWins:
      return false;
    case ConflictRule::kPrefer:
    case ConflictRule::kLatestWins:
      return look.same_version ? arrival.takes_ties : !look.newer;
  }
  SYNCLINE_CHECK(false);
  return false;
}

}  // namespace

std::string_view ConflictTypeName(ConflictType type) {
  switch (type) {
    case ConflictType::kInsertExists:
      return "insert_exists";
    case ConflictType::kUpdateDiffering:
      return "update_differing";
    case ConflictType::kUpdateMissing:
      return "update_missing";
    case ConflictType::kDeleteRecentlyUpdated:
      return "delete_recently_updated";
  }
  return "";
}

std::string_view ConflictRuleName(ConflictRule rule) {
  switch (rule) {
    case ConflictRule::kLatestWins:
      return "latest_wins";
    case ConflictRule::kSourceWins:
      return "source_wins";
    case ConflictRule::kTargetWins:
      return "target_wins";
    case ConflictRule::kPrefer:
      return "prefer";
  }
  return "";
}

bool IsUndecided(const Arrival& arrival, const Look& look) {
  const bool compares =
      arrival.rule == ConflictRule::kLatestWins || arrival.rule == ConflictRule::kPrefer;
  return compares && look.exists && look.undecided && !look.follows;
}

Decision Decide(const Arrival& arrival, const Look& look) {
  const auto conflict = [&] {
    return arrival.again ? std::nullopt : std::optional(TypeOf(arrival, look));
  };
  if (!look.exists) {
    if (arrival.deletion) return {.write = false};
    return {.write = true, .conflict = arrival.first ? std::nullopt : conflict()};
  }
  if (look.follows) return {.write = true};
  if (look.same_version) {
    if (arrival.deletion) return {.write = true};
    if (look.same_content) return {.write = false};
    // The log's own state, of which the target has not got everything: a column that was left out.
    if (arrival.again) return {.write = arrival.rule != ConflictRule::kTargetWins};
  }
  return {.write = SourceWins(arrival, look), .conflict = conflict()};
}

}  // namespace syncline::apply
