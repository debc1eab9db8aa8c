#include "apply/target/missing_grants.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "apply/state/own_tables.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/session.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::apply {
namespace {

using sql::Quote;

// Of which role, and what it may not do here.
constexpr char kRoleSql[] =
    "SELECT current_user, current_database(), has_database_privilege(current_database(), 'TEMP')";
// Nothing: there is no such schema, which is another matter.
constexpr char kSchemaSql[] =
    "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = $1";
// The privileges of $3 that are missing on a table; nothing when there is no such table.
constexpr char kTableSql[] =
    "SELECT string_agg(p, ', ' ORDER BY at) FROM pg_class c JOIN pg_namespace n "
    "ON n.oid = c.relnamespace, unnest(string_to_array($3, ' ')) WITH ORDINALITY AS u(p, at) "
    "WHERE n.nspname = $1 AND c.relname = $2 AND NOT has_table_privilege(c.oid, p)";
constexpr char kOwnTablesSql[] =
    "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind = 'r' AND c.relname LIKE 'syncline\\_%' AND n.nspname = 'public' "
    "ORDER BY 1, 2";

constexpr char kWritten[] = "SELECT INSERT UPDATE DELETE";
constexpr char kOwn[] = "SELECT INSERT UPDATE";

bool IsFalse(const sql::ResultSet& result) {
  return !result.rows.empty() && result.rows[0].back() == "f";
}

class Grants {
 public:
  explicit Grants(sql::Session& session) : session_(session) {
    const sql::ResultSet role = session_.Query(kRoleSql);
    to_ = " TO " + Quote(role.rows.at(0).at(0).value()).ToString();
    if (IsFalse(role)) Add("TEMPORARY ON DATABASE " + Quote(role.rows[0][1].value()).ToString());
  }

  void AddTable(const TableName& table, const char* privileges) {
    if (schemas_.insert(table.schema).second &&
        IsFalse(session_.Query(kSchemaSql, {table.schema}))) {
      Add("USAGE ON SCHEMA " + Quote(table.schema).ToString());
    }
    const auto missing = session_.Query(kTableSql, {table.schema, table.name, privileges});
    const auto& list = missing.rows.at(0).at(0);
    if (list) Add(*list + " ON " + Quote(table).ToString());
  }

  void AddOwnTables() {
    for (const auto& row : session_.Query(kOwnTablesSql).rows) {
      const bool takes_out = row[1] == kQuarantineTable;
      AddTable({row[0].value(), row[1].value()}, takes_out ? kWritten : kOwn);
    }
  }

  std::string Text() const { return fmt::format("{}", fmt::join(statements_, " ")); }

 private:
  void Add(const std::string& privilege) {
    statements_.push_back("GRANT " + privilege + to_ + ";");
  }

  sql::Session& session_;
  std::string to_;
  std::set<std::string> schemas_;  // that were looked at
  std::vector<std::string> statements_;
};

// Whether an error may come from a privilege that the role lacks: PostgreSQL either says so, or
// does not find what it may not see.
bool MayLackPrivileges(const Error& error) {
  return error.condition() == Condition::kNoPrivilege ||
         error.condition() == Condition::kNoSuchRelation;
}

// Empty when nothing is missing, and where that cannot be told (SQLite; no connection).
std::string MissingGrants(const sql::DatabaseUrl& target, const std::vector<TableName>& tables) {
  const bool has_grants =
      sql::ForDialect(target.dialect, sql::IfPostgres{true}, sql::IfSqlite{false});
  if (!has_grants) return {};
  try {
    const auto session = sql::Session::Open(target, {.read_only = true});
    Grants grants(*session);
    for (const TableName& table : tables) {
      grants.AddTable({sql::WithDefaultSchema(table, target.dialect).schema, table.name}, kWritten);
    }
    grants.AddOwnTables();
    return grants.Text();
  } catch (const Error&) {
    return {};  // the error that led here is told without them
  }
}

}  // namespace

Error WithMissingGrants(const Error& error, const sql::DatabaseUrl& target,
                        const std::vector<TableName>& tables) {
  if (!MayLackPrivileges(error)) return error;
  const std::string grants = MissingGrants(target, tables);
  if (grants.empty()) return error;
  return error.WithHint(fmt::format("As the owner or a superuser, run: {}", grants));
}

}  // namespace syncline::apply
