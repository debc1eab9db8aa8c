#include "tools/config/named_by.h"

#include "engine/sql/dialect.h"
#include "tools/config/mapped_table.h"
#include "tools/support/glob.h"

namespace syncline::cli {

bool GlobFinds(const std::string& glob, const TableName& table, Dialect dialect) {
  if (glob == "*") return true;
  const TableName parts = QualifiedName(glob, dialect);
  return GlobMatches(parts.schema, table.schema) && GlobMatches(parts.name, table.name);
}

bool IsNamedBy(const TableRule& rule, const TableName& table, Dialect dialect) {
  if (rule.is_glob) return GlobFinds(rule.pattern, table, dialect);
  const TableName named = QualifiedName(rule.pattern, dialect);
  return named.schema == table.schema && sql::IsSameName(named.name, table.name, dialect);
}

}  // namespace syncline::cli
