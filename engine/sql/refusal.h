#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/error.h"
#include "engine/sql/postgres_error.h"

namespace syncline::sql {

// Which error reports are about one row, and what they say of it in words. Nothing for those that
// are about the statement, the session or the server. All functions are pure.

// `column` is that of a failed COPY. Of the report's message only what cannot be a value is used.
std::optional<Refusal> PostgresRefusal(const PostgresReport& report, std::string_view column);

// `code` is SQLite's extended result code. Its messages name columns and constraints only.
std::optional<Refusal> SqliteRefusal(int code, std::string_view message);

}  // namespace syncline::sql
