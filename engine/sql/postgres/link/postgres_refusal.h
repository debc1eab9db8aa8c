#pragma once

#include <optional>
#include <string_view>

#include "engine/base/error.h"
#include "engine/sql/postgres/link/postgres_report.h"

namespace syncline::sql {

// Whether an error report is about one row, and what it says of it in words. Nothing for those that
// are about the statement, the session or the server. `column` is that of a failed COPY. Of the
// report's message only what cannot be a value is used. Pure.
std::optional<Refusal> PostgresRefusal(const PostgresReport& report, std::string_view column);

}  // namespace syncline::sql
