#include "apply/target/foreign_code.h"

#include <fmt/format.h>

#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/sql/dialect.h"
#include "engine/sql/table_functions.h"

namespace syncline::apply {
namespace {

constexpr char kSuperuserSql[] =
    "SELECT CURRENT_USER FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER AND rolsuper";

[[noreturn]] void Refuse(const sql::TableFunction& function, const TableName& table,
                         const std::string& role) {
  const bool domain = !function.signature.ends_with(")");
  throw UsageError(
      fmt::format("{} of table {} on the target runs {}, which belongs to role {}: as {}, a "
                  "superuser, it could do anything",
                  function.used_by, table.ToString(), function.signature, function.owner, role),
      fmt::format("Put a role into the address that has what it needs and no more (`syncline "
                  "check` shows the GRANTs); or look at the {0}, and at what it calls, and as a "
                  "superuser run: ALTER {1} {2} OWNER TO {3};",
                  domain ? "domain" : "function", domain ? "DOMAIN" : "FUNCTION",
                  function.signature, role));
}

}  // namespace

void LookAtForeignCode(sql::Session& session, const std::vector<TableName>& tables,
                       Logger& logger) {
  std::optional<std::string> superuser;
  for (const TableName& table : sql::MayHaveFunctions(session, tables)) {
    for (const sql::TableFunction& function : sql::FunctionsOf(session, table)) {
      if (function.trusted || function.on_read) continue;
      if (function.of_stranger && !superuser) {
        const auto rows = session.Query(kSuperuserSql).rows;
        superuser = rows.empty() ? "" : sql::Quote(rows.front().at(0).value()).ToString();
      }
      if (function.of_stranger && !superuser->empty()) Refuse(function, table, *superuser);
      logger.Warn("what a role decides runs as Syncline's role role={} table={} what={} runs={}",
                  function.owner, table.ToString(), function.used_by, function.signature);
    }
  }
}

}  // namespace syncline::apply
