#include "engine/sql/sqlite/sqlite_catalog.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/sql/dialect.h"

namespace syncline::sql {
namespace {

std::string Text(const SqliteStatement& statement, int column) {
  const auto* text =
      reinterpret_cast<const char*>(::sqlite3_column_text(statement.handle(), column));
  return text == nullptr ? "" : text;
}

bool Flag(const SqliteStatement& statement, int column) {
  return ::sqlite3_column_int(statement.handle(), column) != 0;
}

// Names are compared without regard to case, as SQLite does; the stored spelling is what is
// returned.
std::optional<TableInfo> FindTable(SqliteConnection& connection, const TableName& table) {
  if (!table.schema.empty() && table.schema != "main") return std::nullopt;
  SqliteStatement found(connection,
                        "SELECT name, type FROM pragma_table_list "
                        "WHERE schema = 'main' AND name = $1 COLLATE NOCASE");
  found.Bind({table.name});
  if (!found.Step()) return std::nullopt;
  TableInfo info;
  info.name.name = Text(found, 0);
  info.kind = Text(found, 1) == "view" ? TableInfo::Kind::kView : TableInfo::Kind::kTable;
  return info;
}

void ReadColumns(SqliteConnection& connection, TableInfo& info) {
  constexpr int kVirtualTableHidden =
      1;  // of table_xinfo's `hidden`; 2 and 3 are generated columns
  SqliteStatement columns(connection,
                          "SELECT name, type, \"notnull\", dflt_value, pk, hidden "
                          "FROM pragma_table_xinfo($1) ORDER BY cid");
  columns.Bind({info.name.name});
  std::vector<std::pair<int, std::string>> key;
  while (columns.Step()) {
    const int hidden = ::sqlite3_column_int(columns.handle(), 5);
    if (hidden == kVirtualTableHidden) continue;
    ColumnInfo column;
    column.column.name = Text(columns, 0);
    column.column.native_type = Text(columns, 1);
    column.column.type = TypeOf(column.column.native_type, Dialect::kSqlite);
    const int place_in_key = ::sqlite3_column_int(columns.handle(), 4);
    if (place_in_key > 0) key.emplace_back(place_in_key, column.column.name);
    // SQLite lets a primary key hold NULL for old times' sake; a key of ours cannot.
    column.column.nullable = !Flag(columns, 2) && place_in_key == 0;
    column.default_expression = Text(columns, 3);
    column.generated = hidden != 0;
    info.columns.push_back(std::move(column));
  }
  std::sort(key.begin(), key.end());
  for (auto& [place, name] : key) info.primary_key.push_back(std::move(name));
}

void ReadIndexes(SqliteConnection& connection, TableInfo& info) {
  // INTEGER PRIMARY KEY is the rowid and has no index of its own.
  if (!info.primary_key.empty()) info.indexed.push_back(info.primary_key.front());
  SqliteStatement rows(connection,
                       "SELECT l.name, l.\"unique\", l.origin, l.partial, i.name "
                       "FROM pragma_index_list($1) AS l JOIN pragma_index_info(l.name) AS i "
                       "ORDER BY l.name, i.seqno");
  rows.Bind({info.name.name});
  struct Index {
    std::string name;
    bool unique = false;
    bool primary = false;
    bool partial = false;
    std::vector<std::string> columns;  // empty text for an expression
  };
  std::vector<Index> indexes;
  while (rows.Step()) {
    if (indexes.empty() || indexes.back().name != Text(rows, 0)) {
      indexes.push_back({Text(rows, 0), Flag(rows, 1), Text(rows, 2) == "pk", Flag(rows, 3), {}});
    }
    indexes.back().columns.push_back(Text(rows, 4));
  }
  for (Index& index : indexes) {
    if (index.partial) continue;
    const std::string& first = index.columns.front();
    if (!first.empty() && !index.primary) info.indexed.push_back(first);
    const bool plain =
        std::all_of(index.columns.begin(), index.columns.end(), [&info](const std::string& column) {
          const ColumnInfo* known = info.Find(column);
          return known != nullptr && !known->column.nullable;
        });
    if (!index.unique || index.primary) continue;
    const bool named = std::ranges::none_of(index.columns, &std::string::empty);
    if (named) info.unique_indexes.push_back(index.columns);
    if (plain) info.unique_keys.push_back(std::move(index.columns));
  }
}

void ReadForeignKeys(SqliteConnection& connection, TableInfo& info) {
  SqliteStatement rows(connection,
                       "SELECT id, \"table\", \"from\" FROM pragma_foreign_key_list($1) "
                       "ORDER BY id, seq");
  rows.Bind({info.name.name});
  int last = -1;
  while (rows.Step()) {
    const int id = ::sqlite3_column_int(rows.handle(), 0);
    if (id != last) {
      last = id;
      // Deferrable whatever its declaration says: PRAGMA defer_foreign_keys defers all of a
      // transaction's.
      info.foreign_keys.push_back(
          {.references = {"", Text(rows, 1)}, .columns = {}, .deferrable = true});
    }
    info.foreign_keys.back().columns.push_back(Text(rows, 2));
  }
}

}  // namespace

std::vector<TableName> ListUserTables(SqliteConnection& connection) {
  SqliteStatement rows(connection,
                       "SELECT name FROM pragma_table_list WHERE schema = 'main' "
                       "AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
                       "AND name NOT LIKE 'syncline\\_%' ESCAPE '\\' ORDER BY name");
  std::vector<TableName> tables;
  while (rows.Step()) tables.push_back({"", Text(rows, 0)});
  return tables;
}

std::optional<TableInfo> DescribeTable(SqliteConnection& connection, const TableName& table) {
  std::optional<TableInfo> info = FindTable(connection, table);
  if (!info.has_value()) return std::nullopt;
  ReadColumns(connection, *info);
  ReadIndexes(connection, *info);
  ReadForeignKeys(connection, *info);
  return info;
}

}  // namespace syncline::sql
