#include "apply/batch/keyed_rows.h"

#include <algorithm>
#include <vector>

#include "engine/sql/dialect.h"

namespace syncline::apply {
namespace {

// Named in one statement; IsOneOf says why not more.
constexpr size_t kKeysRead = 200;

}  // namespace

KeyedRows ReadByKeys(sql::Session& session, const TableSchema& table, std::span<const Row> keys,
                     const sql::Sql& from) {
  std::vector<std::string> columns;
  for (const uint32_t column : table.key) columns.push_back(table.columns[column].name);
  const std::vector<sql::Sql> equals = sql::KeyEquals(session, table);
  KeyedRows rows;
  for (; !keys.empty(); keys = keys.subspan(std::min(kKeysRead, keys.size()))) {
    const auto some = keys.first(std::min(kKeysRead, keys.size()));
    const sql::Sql where = sql::IsOneOf(columns, some, session.dialect(), equals);
    session.ReadRows({.schema = table, .where = where, .from = from}, [&](Row& row) {
      rows.insert_or_assign(Project(row, table.key).bytes(), std::move(row));
    });
  }
  return rows;
}

}  // namespace syncline::apply
