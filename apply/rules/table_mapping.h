#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/model/schema.h"

namespace syncline::apply {

// Who wins when the target's row is neither the state that a change follows nor the change's own.
enum class ConflictRule {
  kLatestWins,  // the higher version
  kSourceWins,  // the change, always
  kTargetWins,  // the row that is there
  // In two directions the row clock decides, which is what kLatestWins comes to there; or this.
  kPrefer,  // the database that comes first in a list
};

// True when the rule looks at versions; the target then needs the cursor column.
constexpr bool ComparesVersions(ConflictRule rule) { return rule != ConflictRule::kSourceWins; }

// What to do with a column of the source that the target's table lacks.
enum class NewColumns {
  kEvolve,  // add it
  kIgnore,  // leave it out, and go on
  kPause,   // stop, with the statement to run
};

// What to do when a column goes from the source's table, or gets another type there.
enum class ChangedColumns {
  kPause,  // stop, with the statement to run
  kKeep,   // leave the target's as it is, warn, and go on
};

// What becomes of the target's row when the source's row is gone.
enum class OnDelete {
  kDelete,  // it goes, too
  kFlag,    // it stays, with a column set that says so; a later state of the row clears it
  kIgnore,  // it stays as it is
};

// How one captured table reaches the target. Plain value type.
struct TableMapping {
  TableName source;
  TableName target;
  std::map<std::string, std::string> columns;  // source column -> target column; others keep theirs
  std::vector<std::string> omit;               // source columns that this target does not get
  ConflictRule conflict = ConflictRule::kLatestWins;
  bool create = true;  // make the target table
  NewColumns new_columns = NewColumns::kEvolve;
  ChangedColumns changed_columns = ChangedColumns::kPause;
  OnDelete on_delete = OnDelete::kDelete;
  std::string flag;  // kFlag: that column of the target
};

}  // namespace syncline::apply
