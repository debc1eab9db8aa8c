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

// What is to be decided about: a change, as far as the decision depends on it.
struct Arrival {
  ConflictRule rule = ConflictRule::kLatestWins;
  bool deletion = false;
  bool first = false;  // the log knows of no state before
  // The target has had this change, or a later one, and was set back: what it holds instead is a
  // state of the log's own, and no conflict.
  bool again = false;
  // Of two different states with one version the change's is taken; by the names of the two
  // origins, so that every node says the same.
  bool takes_ties = false;
};

// What the target's row is, seen under its lock.
struct Look {
  bool exists = false;
  bool follows = false;       // the state that the change follows, or one that it passed over
  bool same_version = false;  // the change's own
  bool newer = false;         // a higher one
  bool undecided = false;     // one of which nobody can tell whether it is higher
  bool same_content = false;
};

struct Decision {
  bool write = false;
  std::optional<ConflictType> conflict;

  bool operator==(const Decision&) const = default;
};

// The rule of README.md. Pure.
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
