#pragma once

#include <string>

namespace syncline::sql {

// The fields of one error report of a PostgreSQL server; empty where it sent none. Plain value
// type.
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

}  // namespace syncline::sql
