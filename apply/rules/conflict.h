#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "apply/rules/table_mapping.h"
#include "engine/base/offset.h"
#include "engine/model/schema.h"

namespace syncline::apply {

// What kind of conflict it is when the target's row is neither the state that a change follows nor
// the change's own. Names and meanings are those of EDB Postgres Distributed's reference.
enum class ConflictType {
  kInsertExists,           // the log's first state of a key meets a row
  kUpdateDiffering,        // the target's row is another state than the one that was changed
  kUpdateMissing,          // the row that was changed is not on the target
  kDeleteRecentlyUpdated,  // the target's row is another state than the one that was deleted
};
std::string_view ConflictTypeName(ConflictType type);  // "insert_exists" ...
std::string_view ConflictRuleName(ConflictRule rule);  // "latest_wins" ...

// A change that has reached a target, as far as the decision depends on it.
struct Arrival {
  ConflictRule rule = ConflictRule::kLatestWins;
  bool deletion = false;
  bool first = false;  // the log knows of no state before
  // The target has had this change, or a later one, and was set back: what it holds instead is a
  // state of the log's own, and no conflict.
  bool again = false;
  // Of two different states with the same version, the change's wins. The caller says so by
  // comparing the identities of the two databases, so that both come to the same answer.
  bool takes_ties = false;
};

// The target's row with the change's key, as it was seen under the row's lock.
struct Look {
  bool exists = false;
  bool follows = false;       // the state that the change follows, or one that it passed over
  bool same_version = false;  // its version is the change's
  bool newer = false;         // its version is higher than the change's
  bool undecided = false;     // nobody can tell which of the two versions is the higher one
  bool same_content = false;  // its columns are the change's
};

struct Decision {
  bool write = false;
  std::optional<ConflictType> conflict;

  bool operator==(const Decision&) const = default;
};

// The rule of README.md in this folder: whether the change is written, and which conflict that is,
// if it is one. Pure.
Decision Decide(const Arrival& arrival, const Look& look);
// Whether the rule needs to know which of two versions is the higher one, and nobody can tell.
// Pure.
bool IsUndecided(const Arrival& arrival, const Look& look);

// A decided conflict, as syncline_conflicts keeps it. Rows are JSON objects by the target's names
// of columns.
struct Conflict {
  TableName table;  // on the target
  std::string key;
  ConflictType type = ConflictType::kInsertExists;
  ConflictRule rule = ConflictRule::kLatestWins;
  bool source_won = false;
  Offset offset;                              // of the change
  std::string source_version;                 // of the change
  std::optional<std::string> target_version;  // none: no row, or no version
  std::optional<std::string> source_row;      // none: a deletion
  std::optional<std::string> target_row;      // none: there was no row
};

}  // namespace syncline::apply
