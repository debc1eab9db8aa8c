#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/sql/session.h"
#include "tests/support/mini_postgres.h"

namespace syncline::sql {

// The one server of this test program; made at first use.
test::MiniPostgres& Server();

// The server's database, emptied, and a folder for SQLite files, for each test.
class SessionTest : public ::testing::Test {
 protected:
  SessionTest();
  ~SessionTest() override;

  // Sessions of their own with the test's database, and with a SQLite file that is made when it is
  // missing.
  std::unique_ptr<Session> OpenPostgres(const std::string& user = "postgres") const;
  std::unique_ptr<Session> OpenSqlite(const std::string& file = "test.db") const;

  std::string PostgresUrl(const std::string& user = "postgres") const {
    return Server().Url("postgres", user);
  }
  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

// The schema with all columns of a table; its key is the first column.
TableSchema SchemaOf(Session& session, const TableName& table);
std::vector<Row> ReadAll(Session& session, const TableName& table, const Sql& order_by);
std::vector<const Row*> Pointers(const std::vector<Row>& rows);
std::vector<std::string> ColumnNames(const TableSchema& schema);
Row MakeRow(std::initializer_list<ValueView> values);
// CREATE TABLE with the schema's columns as a database of that dialect gets them.
std::string CreateTable(const TableSchema& schema, const std::string& name, Dialect to);
// The single value of a query without parameters; "NULL" for NULL.
std::string One(Session& session, const std::string& sql);

// The Error that the body throws; fails the test and returns a default when it throws none.
Error Catch(const std::function<void()>& body);

}  // namespace syncline::sql
