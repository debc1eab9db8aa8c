#include "tests/engine/sql/session_fixture.h"

#include <stdlib.h>

#include "engine/sql/dialect.h"
#include "tests/support/any_sql.h"
#include "tests/support/user_session.h"

namespace syncline::sql {

test::MiniPostgres& Server() {
  // A role that has to give its password; all others are trusted.
  static const std::unique_ptr<test::MiniPostgres> server = [] {
    test::MiniPostgres::Options options;
    options.hba = {"local all guarded scram-sha-256"};
    auto started = test::MiniPostgres::Start(options);
    started->Execute("CREATE ROLE guarded LOGIN PASSWORD 'right'");
    started->Execute("CREATE ROLE reader LOGIN");
    return started;
  }();
  return *server;
}

// Emptying one database takes a tenth of what making one takes.
SessionTest::SessionTest() {
  Server().Execute("ALTER DATABASE postgres RESET ALL");
  Server().Execute(R"(
    DO $$ DECLARE name text; BEGIN
      FOR name IN SELECT nspname FROM pg_namespace
                  WHERE nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
      END LOOP;
      CREATE SCHEMA public;
      GRANT USAGE ON SCHEMA public TO public;
    END $$)");
  std::string name = std::filesystem::temp_directory_path() / "syncline-sql-XXXXXX";
  folder_ = ::mkdtemp(name.data());
}

SessionTest::~SessionTest() { std::filesystem::remove_all(folder_); }

std::unique_ptr<Session> SessionTest::OpenPostgres(const std::string& user) const {
  return test::OpenAsUser(DatabaseUrl::Parse(PostgresUrl(user)));
}

std::unique_ptr<Session> SessionTest::OpenSqlite(const std::string& file) const {
  return Session::Open(DatabaseUrl::Parse("sqlite:" + file, folder_), {.create = true});
}

TableSchema SchemaOf(Session& session, const TableName& table) {
  const std::optional<TableInfo> info = session.Describe(table);
  TableSchema schema;
  if (!info.has_value()) {
    ADD_FAILURE() << "no table " << table.ToString();
    return schema;
  }
  schema.table = info->name;
  schema.dialect = session.dialect();
  for (const ColumnInfo& column : info->columns) schema.columns.push_back(column.column);
  schema.key = {0};
  return schema;
}

std::vector<Row> ReadAll(Session& session, const TableName& table, const Sql& order_by) {
  const TableSchema schema = SchemaOf(session, table);
  std::vector<Row> rows;
  const uint64_t count = session.ReadRows({.schema = schema, .order_by = order_by},
                                          [&](Row& row) { rows.push_back(std::move(row)); });
  EXPECT_EQ(count, rows.size());
  return rows;
}

std::vector<const Row*> Pointers(const std::vector<Row>& rows) {
  std::vector<const Row*> pointers;
  for (const Row& row : rows) pointers.push_back(&row);
  return pointers;
}

std::vector<std::string> ColumnNames(const TableSchema& schema) {
  std::vector<std::string> names;
  for (const Column& column : schema.columns) names.push_back(column.name);
  return names;
}

Row MakeRow(std::initializer_list<ValueView> values) {
  Row row;
  for (const ValueView value : values) row.Append(value);
  return row;
}

std::string CreateTable(const TableSchema& schema, const std::string& name, Dialect to) {
  std::string columns;
  for (const Column& column : schema.columns) {
    if (!columns.empty()) columns += ", ";
    columns +=
        Format("{} {}", Quote(column.name), ColumnTypeFor(column, schema.dialect, to)).ToString();
  }
  return "CREATE TABLE " + Quote(name).ToString() + " (" + columns + ")";
}

std::string One(Session& session, const std::string& sql) {
  const ResultSet result = session.Query(test::AnySql(sql));
  if (result.rows.size() != 1 || result.rows[0].size() != 1) {
    ADD_FAILURE() << "not one value: " << sql;
    return {};
  }
  return result.rows[0][0].value_or("NULL");
}

Error Catch(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no Error was thrown";
  return StopError("nothing was thrown");
}

}  // namespace syncline::sql
