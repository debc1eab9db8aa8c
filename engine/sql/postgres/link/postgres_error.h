#pragma once

#include <cstdint>
#include <string_view>

#include "engine/base/error.h"
#include "engine/sql/postgres/link/postgres_report.h"

namespace syncline::sql {

// What the report means for us: the table of SQLSTATEs in README.md. No value of a row gets into
// the message: DETAIL is never read, and what the messages of class 22 quote is left out. `where`
// (the database) stands before the message.
Error TranslatePostgresError(const PostgresReport& report, std::string_view where);

// The number after "line " in the context of a failed COPY, from 1; 0 if there is none.
uint64_t CopyLine(const PostgresReport& report);

}  // namespace syncline::sql
