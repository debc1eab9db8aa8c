#pragma once

#include <map>
#include <string>

#include "engine/sql/postgres/link/postgres_connection.h"
#include "engine/sql/session.h"

namespace syncline::sql {

// The operators that a PostgreSQL database compares values of a type with, as its default operator
// classes name them. With an empty search_path `=` alone means the system's: for citext that of
// text, for a user's own type none at all. Asked once for each type. Belongs to the session.
// Belongs to the session and its thread.
class PostgresOperators {
 public:
  explicit PostgresOperators(PostgresConnection& connection) : connection_(connection) {}

  // `native_type` as format_type() writes it: without a schema the type is the system's own, and
  // so are its operators.
  const Sql& For(const std::string& native_type, Comparison comparison);

 private:
  using OfType = std::map<Comparison, Sql>;
  OfType Look(const std::string& native_type);

  PostgresConnection& connection_;
  std::map<std::string, OfType> known_;
};

}  // namespace syncline::sql
