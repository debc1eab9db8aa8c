#pragma once

#include <string>
#include <string_view>

#include "engine/base/error.h"

namespace syncline::sql {

// The fields of one error report of a PostgreSQL server; empty where it sent none.
struct PostgresReport {
  std::string code;  // SQLSTATE
  std::string message;
  std::string context;
  std::string schema;
  std::string table;
  std::string column = {};
  std::string constraint = {};
  std::string routine = {};  // the server's own function that reports it
};

// What the report means for us: the table of SQLSTATEs in README.md. No value of a row gets into
// the message: DETAIL is never read, and what the messages of class 22 quote is left out. `where`
// (the database) stands before the message.
Error TranslatePostgresError(const PostgresReport& report, std::string_view where);

// The number after "line " in the context of a failed COPY, from 1; 0 if there is none.
uint64_t CopyLine(const PostgresReport& report);

}  // namespace syncline::sql
