#include "apply/state/all_own_tables.h"

#include <string_view>

#include "apply/state/conflict_table.h"
#include "apply/state/own_tables.h"
#include "apply/state/progress.h"
#include "apply/state/quarantine.h"
#include "apply/state/schema_watch.h"
#include "engine/sql/own_table.h"

namespace syncline::apply {

void OwnTables::Open(sql::Session& session) {
  EnsureProgressTable(session);
  EnsureConflictTable(session);
  EnsureQuarantineTable(session);
  EnsureSchemaTable(session);
  are_shaky_ = false;
  for (const std::string_view name : kOwnTables) {
    are_shaky_ = are_shaky_ || sql::LookAtOwnTable(session, OwnTable(session, name)).is_shaky;
  }
}

void OwnTables::Hold(sql::Session& session) const {
  if (!are_shaky_) return;
  for (const std::string_view name : kOwnTables) {
    LockOwnTable(session, name);
    HasOwnTable(session, name);
  }
}

}  // namespace syncline::apply
