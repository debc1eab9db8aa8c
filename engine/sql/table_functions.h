#pragma once

#include <string>
#include <vector>

#include "engine/model/schema.h"
#include "engine/sql/session.h"

namespace syncline::sql {

// A function that runs as the session's role when a table is written or a view is read: of a
// trigger or its condition, a constraint, a default, a generated column, an index, a partition key,
// a policy, a domain, or the view itself. A stranger's domain counts as one.
struct TableFunction {
  std::string used_by;    // "trigger audit", "constraint positive", "view totals"
  std::string signature;  // as SQL: "public.f(integer)"; of a domain its name
  std::string owner;      // who could change what it does: that of the table, or of the function
  bool trusted = false;   // the owner is trusted as that of an own table is (trusted_roles.h)
  // It belongs, itself, to a role that is not trusted, and runs with the session's rights.
  bool of_stranger = false;
  bool on_read = false;  // it runs when the table is read
  // What it finds only by a search_path, although it has none of its own; empty: nothing that can
  // be told from its text.
  std::string needs;
};

// Those of a PostgreSQL table, its partitions and children, or of a view and what it is made of,
// besides the system's own. Empty on SQLite, whose functions are the program's.
std::vector<TableFunction> FunctionsOf(Session& session, const TableName& table);

// Those of the tables for which FunctionsOf may find any, by one quick question for all of them.
std::vector<TableName> MayHaveFunctions(Session& session, const std::vector<TableName>& tables);

// "SET search_path = public, pg_temp": the schemas that functions of this database are made for,
// for an ALTER FUNCTION.
std::string SetPathClause(Session& session);

}  // namespace syncline::sql
