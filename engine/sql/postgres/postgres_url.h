#pragma once

#include <string_view>

#include "engine/sql/database_url.h"

namespace syncline::sql {

// A postgresql:// address. Throws UsageError, with `forms` as the hint of how addresses are
// written, for a text that libpq does not take for one, or would take for another one.
DatabaseUrl ParsePostgresUrl(std::string_view text, std::string_view forms);

}  // namespace syncline::sql
