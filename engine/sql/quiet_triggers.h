#pragma once

#include "engine/sql/session.h"

namespace syncline::sql {

// From here on until the session ends no trigger and no rule fires for what it writes, except on
// PostgreSQL those that are made to fire for replicas, or always. Foreign keys are a matter of
// triggers there, and are not checked; on SQLite they are. Throws kStop (42501) where the role may
// not.
void QuietTriggers(Session& session);

}  // namespace syncline::sql
