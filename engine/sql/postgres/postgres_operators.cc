#include "engine/sql/postgres/postgres_operators.h"

#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/sql_maker.h"

namespace syncline::sql {
namespace {

// Strategies are numbered as in Comparison; a hash class has only equality, as its first. A type
// that is another one's by a cast that changes nothing is compared as that.
constexpr char kOperatorsSql[] = R"(
  WITH RECURSIVE base AS (
    SELECT t.oid, t.typtype, t.typbasetype FROM pg_catalog.pg_type t
    WHERE t.oid = pg_catalog.to_regtype($1)
    UNION ALL
    SELECT t.oid, t.typtype, t.typbasetype
    FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd'),
  classes AS (
    SELECT c.opcfamily, c.opcintype, m.amname, c.opcintype <> b.oid AS indirect
    FROM base b JOIN pg_catalog.pg_opclass c ON c.opcdefault
      AND (c.opcintype = b.oid OR EXISTS (
        SELECT FROM pg_catalog.pg_cast k WHERE k.castsource = b.oid AND k.casttarget = c.opcintype
          AND k.castmethod = 'b' AND k.castcontext = 'i'))
    JOIN pg_catalog.pg_am m ON m.oid = c.opcmethod AND m.amname IN ('btree', 'hash')
    WHERE b.typtype <> 'd')
  SELECT DISTINCT ON (1) CASE c.amname WHEN 'hash' THEN 3 ELSE a.amopstrategy END, n.nspname,
         o.oprname
  FROM classes c JOIN pg_catalog.pg_amop a ON a.amopfamily = c.opcfamily
    AND a.amoplefttype = c.opcintype AND a.amoprighttype = c.opcintype
  JOIN pg_catalog.pg_operator o ON o.oid = a.amopopr
  JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
  ORDER BY 1, c.indirect, c.amname)";

// What CREATE OPERATOR allows a name to consist of.
constexpr std::string_view kNameCharacters = "+-*/<>=~!@#%^&|`?";

Sql Qualified(std::string_view schema, std::string_view name) {
  if (name.empty() || name.find_first_not_of(kNameCharacters) != std::string_view::npos ||
      name.find("--") != std::string_view::npos || name.find("/*") != std::string_view::npos) {
    throw StopError("the catalogue names an operator that cannot be one");
  }
  return Format("OPERATOR({}.{})", Quote(schema), SqlMaker::Of(std::string(name)));
}

}  // namespace

const Sql& PostgresOperators::For(const std::string& native_type, Comparison comparison) {
  const auto known = known_.find(native_type);
  OfType& operators = known != known_.end()
                          ? known->second
                          : known_.emplace(native_type, Look(native_type)).first->second;
  return operators.try_emplace(comparison, Symbol(comparison)).first->second;
}

PostgresOperators::OfType PostgresOperators::Look(const std::string& native_type) {
  OfType operators;
  if (SchemaOfType(native_type).empty()) return operators;
  for (const PostgresResult::Row row :
       connection_.Run(kOperatorsSql, {DeclaredType(native_type, Dialect::kPostgres).ToString()})) {
    const std::string schema = row[1].c_str();
    if (schema == "pg_catalog") continue;
    operators.insert_or_assign(static_cast<Comparison>(std::stoi(row[0].c_str())),
                               Qualified(schema, row[2].c_str()));
  }
  return operators;
}

}  // namespace syncline::sql
