#pragma once

#include "engine/model/schema.h"

namespace syncline::capture {

// The table that most tests of SQLite sources capture.
inline const TableName kItems{"", "items"};

}  // namespace syncline::capture
