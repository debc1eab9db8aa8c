#pragma once

#include <optional>
#include <string_view>

#include "engine/base/error.h"

namespace syncline::sql {

// Whether an error is about one row, and what it says of it in words; else nothing. `code` is
// SQLite's extended result code. Its messages name columns and constraints only. Pure.
std::optional<Refusal> SqliteRefusal(int code, std::string_view message);

}  // namespace syncline::sql
