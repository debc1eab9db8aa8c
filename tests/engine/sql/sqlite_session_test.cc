#include "engine/sql/session.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "engine/sql/dialect.h"
#include "tests/engine/sql/session_fixture.h"
#include "tests/support/any_sql.h"

namespace syncline::sql {
namespace {

using Isolation = Session::Isolation;

class SqliteSessionTest : public SessionTest {
 protected:
  std::unique_ptr<Session> Open(const std::string& file, const SessionOptions& options) const {
    return Session::Open(DatabaseUrl::Parse("sqlite:" + file, folder()), options);
  }

  const std::unique_ptr<Session> session_ = OpenSqlite();
};

// What is stored, byte for byte and with its storage class.
std::string Contents(Session& session, const std::string& table) {
  std::string contents;
  const TableSchema schema = SchemaOf(session, {"", table});
  for (const Column& column : schema.columns) {
    contents +=
        column.name + ": " +
        One(session, "SELECT group_concat(typeof(" + column.name + ") || ' ' || hex(" +
                         column.name + "), ', ') FROM (SELECT * FROM " + table + " ORDER BY id)") +
        "\n";
  }
  return contents;
}

// Fails when a text that only looks like a value of the declared type is rewritten in our own form.
TEST_F(SqliteSessionTest, WhateverIsStoredIsCopiedByteForByte) {
  const std::vector<std::string> types = {"",          "INTEGER",       "TEXT",
                                          "REAL",      "NUMERIC",       "BLOB",
                                          "BOOLEAN",   "DATE",          "TIME",
                                          "TIMESTAMP", "TIMESTAMPTZ",   "DATETIME",
                                          "UUID",      "DECIMAL(12,2)", "DECIMAL_TEXT(12,2)",
                                          "JSON",      "JSON_TEXT",     "VARCHAR(20)",
                                          "STRING",    "DOUBLE"};
  const std::vector<std::string> values = {"NULL",
                                           "0",
                                           "1",
                                           "2",
                                           "-9223372036854775808",
                                           "9223372036854775807",
                                           "1.5",
                                           "0.1",
                                           "1e300",
                                           "9e999",
                                           "-9e999",
                                           "''",
                                           "' '",
                                           "'text'",
                                           "'1'",
                                           "'1.50'",
                                           "'007'",
                                           "'1e3'",
                                           "'NaN'",
                                           "'Infinity'",
                                           "'infinity'",
                                           "x''",
                                           "x'00ff'",
                                           "CAST(x'610062' AS TEXT)",
                                           "CAST(x'ff' AS TEXT)",
                                           "'true'",
                                           "'2026-01-31'",
                                           "'2026-02-31'",
                                           "'0044-03-15 BC'",
                                           "'12:30:00'",
                                           "'12:30:00.000000'",
                                           "'24:00:00.000000'",
                                           "'2026-01-31 12:30:00'",
                                           "'2026-01-31 12:30:00.000000'",
                                           "'2026-01-31T12:30:00Z'",
                                           "'2026-01-31 12:30:00.000000+00'",
                                           "'2026-01-31 12:30:00.000000+02'",
                                           "'00000000-0000-0000-0000-00000000000A'",
                                           "'00000000-0000-0000-0000-00000000000a'",
                                           "'{\"a\": 1.0}'",
                                           "1769860800"};
  std::string columns = "id INTEGER PRIMARY KEY";
  for (size_t i = 0; i < types.size(); ++i) columns += ", c" + std::to_string(i) + " " + types[i];
  session_->Execute(test::AnySql("CREATE TABLE source (" + columns + "); CREATE TABLE loaded (" +
                                 columns + "); CREATE TABLE executed (" + columns + ")"));
  for (const std::string& value : values) {
    std::string row = "NULL";
    for (size_t i = 0; i < types.size(); ++i) row += ", " + value;
    session_->Execute(test::AnySql("INSERT INTO source VALUES (" + row + ")"));
  }

  const TableSchema schema = SchemaOf(*session_, {"", "source"});
  const std::vector<Row> rows = ReadAll(*session_, schema.table, "id");
  ASSERT_EQ(rows.size(), values.size());
  session_->LoadRows({"", "loaded"}, ColumnNames(schema), Pointers(rows));
  std::string parameters;
  for (size_t i = 1; i <= schema.columns.size(); ++i) {
    parameters += (i > 1 ? ", $" : "$") + std::to_string(i);
  }
  session_->ExecuteEach(test::AnySql("INSERT INTO executed VALUES (" + parameters + ")"),
                        Pointers(rows));
  EXPECT_EQ(Contents(*session_, "loaded"), Contents(*session_, "source"));
  EXPECT_EQ(Contents(*session_, "executed"), Contents(*session_, "source"));
  EXPECT_EQ(ReadAll(*session_, {"", "loaded"}, "id"), rows);
}

TEST_F(SqliteSessionTest, CanonicalTextIsAValueOfItsDeclaredType) {
  session_->Execute(
      "CREATE TABLE t (d DATE, ts TIMESTAMPTZ, u UUID, n DECIMAL_TEXT(9,2), j JSON_TEXT, b BOOLEAN,"
      " f DOUBLE);"
      "INSERT INTO t VALUES ('2026-01-31', '2026-01-31 12:00:00.000000+00',"
      " '00000000-0000-0000-0000-00000000000a', '1.50', '1.0', 1, 'NaN'),"
      " ('2026-1-31', '2026-01-31 12:00:00', 'A', 'abc', 1, 7, 1)");
  const std::vector<Row> rows = ReadAll(*session_, {"", "t"}, "rowid");
  const std::vector<Type> exact = {Type::kDate, Type::kTimestampTz, Type::kUuid,  Type::kDecimal,
                                   Type::kJson, Type::kBool,        Type::kDouble};
  const std::vector<Type> stored = {Type::kText, Type::kText, Type::kText,  Type::kText,
                                    Type::kJson, Type::kInt,  Type::kDouble};
  for (size_t i = 0; i < exact.size(); ++i) {
    EXPECT_EQ(TypeName(rows[0][i].type()), TypeName(exact[i])) << i;
    EXPECT_EQ(TypeName(rows[1][i].type()), TypeName(stored[i])) << i;
  }
}

TEST_F(SqliteSessionTest, DescribeKnowsRowidTablesViewsAndGeneratedColumns) {
  session_->Execute(
      "CREATE TABLE Items (id INTEGER PRIMARY KEY, n INT, v INT GENERATED ALWAYS AS (n + 1) "
      "VIRTUAL);"
      "CREATE TABLE keyed (a TEXT, b INT, PRIMARY KEY (b, a)) WITHOUT ROWID;"
      "CREATE VIEW looks AS SELECT * FROM items; CREATE TABLE plain (x)");
  const TableInfo items = session_->Describe({"", "ITEMS"}).value();
  EXPECT_EQ(items.name, (TableName{"", "Items"}));  // as it is spelt in the file
  EXPECT_EQ(items.indexed, (std::vector<std::string>{"id"}));
  EXPECT_FALSE(items.Find("id")->column.nullable);
  EXPECT_TRUE(items.Find("v")->generated);
  const TableInfo keyed = session_->Describe({"", "keyed"}).value();
  EXPECT_EQ(keyed.primary_key, (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(keyed.indexed, (std::vector<std::string>{"b"}));
  EXPECT_EQ(session_->Describe({"", "looks"})->kind, TableInfo::Kind::kView);
  EXPECT_TRUE(session_->Describe({"", "plain"})->primary_key.empty());
  EXPECT_FALSE(session_->Describe({"public", "items"}).has_value());
}

TEST_F(SqliteSessionTest, AFileThatWeMakeIsInWalModeAndOneThatIsThereKeepsItsMode) {
  EXPECT_EQ(One(*session_, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(One(*session_, "PRAGMA synchronous"), "3");
  EXPECT_EQ(One(*session_, "PRAGMA foreign_keys"), "1");
  session_->Execute("PRAGMA journal_mode = DELETE");
  const std::unique_ptr<Session> again = OpenSqlite();
  EXPECT_EQ(One(*again, "PRAGMA journal_mode"), "delete");
}

// Fails without SQLITE_DBCONFIG_DQS_DML: SQLite takes the unknown "column" for a string.
TEST_F(SqliteSessionTest, AMisspeltColumnIsAnErrorAndNotAText) {
  session_->Execute("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
  EXPECT_EQ(Catch([&] { session_->Query("SELECT \"idd\" FROM t"); }).reaction(), Reaction::kStop);
}

// Seen on the build before: a statement could make any file, and what a stranger's schema says ran
// with whatever functions and virtual tables the library has.
TEST_F(SqliteSessionTest, AFileCannotReachBeyondItself) {
  const auto refused = [&](const Sql& sql) {
    return Catch([&] { session_->Execute(sql); }).message();
  };
  EXPECT_NE(refused("ATTACH DATABASE ':memory:' AS other").find("too many attached"),
            std::string::npos);
  EXPECT_NE(refused("SELECT load_extension('x')").find("not authorized"), std::string::npos);
  EXPECT_NE(refused("PRAGMA writable_schema = ON; CREATE TABLE s (id INTEGER PRIMARY KEY); "
                    "UPDATE sqlite_schema SET sql = 'x'")
                .find("may not be modified"),
            std::string::npos);
  session_->Execute("CREATE VIEW v AS SELECT name FROM pragma_database_list");
  EXPECT_NE(refused("SELECT * FROM v").find("unsafe use"), std::string::npos);
}

// What people's schemas do have: full text kept by triggers, SQLite's own functions in triggers,
// defaults, checks, generated columns and indexes. Fails when the session is hardened further than
// that.
TEST_F(SqliteSessionTest, WhatIsHarmlessInASchemaWorks) {
  session_->Execute(R"(
    CREATE TABLE docs (id INTEGER PRIMARY KEY, body TEXT CHECK (length(body) < 100),
                       stamp TEXT DEFAULT (strftime('%Y', 'now')),
                       upper_body TEXT GENERATED ALWAYS AS (upper(body)) STORED);
    CREATE INDEX docs_lower ON docs (lower(body));
    CREATE VIRTUAL TABLE docs_text USING fts5(body, content='docs', content_rowid='id');
    CREATE VIRTUAL TABLE boxes USING rtree(id, low, high);
    CREATE TRIGGER docs_insert AFTER INSERT ON docs BEGIN
      INSERT INTO docs_text (rowid, body) VALUES (new.id, new.body);
      INSERT INTO boxes VALUES (new.id, abs(random()) % 10, 20);
    END;
    CREATE VIEW found AS SELECT rowid FROM docs_text WHERE docs_text MATCH 'needle';
    CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT);
    INSERT INTO sqlite_sequence (name, seq) VALUES ('counted', 41);
    INSERT INTO counted DEFAULT VALUES;
)");
  // As somebody else makes it, whose session trusts the schema.
  session_->Execute(
      "PRAGMA trusted_schema = ON; CREATE TABLE json_docs (id INTEGER PRIMARY KEY, "
      "body TEXT CHECK (json_valid(body)), name TEXT AS (json_extract(body, '$.a')))");

  const auto again = OpenSqlite();  // a session looks at the schema when it begins
  again->Execute("INSERT INTO docs (id, body) VALUES (7, 'a needle')");
  EXPECT_EQ(One(*again, "SELECT rowid FROM found"), "7");
  again->Execute("INSERT INTO json_docs (body) VALUES ('{\"a\": 5}')");
  EXPECT_EQ(One(*again, "SELECT name FROM json_docs"), "5");
  EXPECT_EQ(One(*session_, "SELECT id FROM counted"), "42");
}

TEST_F(SqliteSessionTest, WhatCannotBeOpenedIsTold) {
  const Error missing = Catch([&] { Open("missing.db", {}); });
  EXPECT_EQ(missing.cause(), Cause::kEnvironment);
  EXPECT_EQ(missing.exit_code(), 3);
  EXPECT_EQ(missing.condition(), Condition::kNoSuchFile);
  EXPECT_FALSE(std::filesystem::exists(folder() / "missing.db"));
  EXPECT_EQ(Catch([&] { Open("missing.db", {.read_only = true, .create = true}); }).code(),
            "SQLITE_CANTOPEN");
  const Error no_folder = Catch([&] { Open("no/folder.db", {.create = true}); });
  EXPECT_EQ(no_folder.code(), "SQLITE_CANTOPEN");
  EXPECT_EQ(no_folder.cause(), Cause::kEnvironment);
  EXPECT_EQ(no_folder.condition(), Condition::kNoSuchDatabase);
  std::ofstream(folder() / "text.db") << std::string(4096, 'x');
  const Error text = Catch([&] { Open("text.db", {}); });
  EXPECT_EQ(text.code(), "SQLITE_NOTADB");
  EXPECT_EQ(text.condition(), Condition::kNotADatabase);
  const std::unique_ptr<Session> reader = Open("test.db", {.read_only = true});
  const Error read_only = Catch([&] { reader->Execute("CREATE TABLE t (id)"); });
  EXPECT_EQ(read_only.code(), "SQLITE_READONLY");
  EXPECT_EQ(read_only.reaction(), Reaction::kStop);
}

TEST_F(SqliteSessionTest, ABusyFileIsARestart) {
  const std::unique_ptr<Session> other = OpenSqlite();
  other->Execute("PRAGMA busy_timeout = 1");
  session_->Begin(Isolation::kWrite);
  EXPECT_EQ(Catch([&] { other->Begin(Isolation::kWrite); }).reaction(), Reaction::kRestart);
  other->Rollback();
  session_->Commit();
  EXPECT_NO_THROW(other->Begin(Isolation::kWrite));
}

// An application that is killed, or loses its power, leaves its journal beside the file. Fails when
// a session that only reads is refused by it: seen before such a file was finished on opening.
TEST_F(SqliteSessionTest, ATransactionThatWasCutOffIsRolledBackForWhoReads) {
  const std::string alive = folder() / "alive.db", left = folder() / "left.db";
  auto writer = Open(alive, {.create = true});
  writer->Execute("PRAGMA journal_mode = DELETE");
  writer->Execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a')");
  writer->Execute("PRAGMA cache_size = 5");
  writer->Begin(Isolation::kWrite);
  writer->Execute(
      "INSERT INTO t SELECT value, hex(zeroblob(500)) FROM "
      "(WITH RECURSIVE n(value) AS (SELECT 2 UNION ALL SELECT value + 1 FROM n LIMIT 2000) "
      "SELECT value FROM n)");
  std::filesystem::copy_file(alive, left);
  std::filesystem::copy_file(alive + "-journal", left + "-journal");
  ASSERT_GT(std::filesystem::file_size(left), 100'000u);  // some of it is in the file already

  auto reader = Open(left, {.read_only = true});
  EXPECT_EQ(One(*reader, "SELECT count(*) FROM t"), "1");
  EXPECT_FALSE(std::filesystem::exists(left + "-journal"));
}

TEST_F(SqliteSessionTest, AFullDiskIsARetry) {
  session_->Execute("CREATE TABLE t (b BLOB); PRAGMA max_page_count = 10");
  session_->Begin(Isolation::kWrite);
  const Error error = Catch([&] { session_->Execute("INSERT INTO t VALUES (zeroblob(1000000))"); });
  session_->Rollback();
  EXPECT_EQ(error.reaction(), Reaction::kRetry);
  EXPECT_EQ(error.code(), "SQLITE_FULL");
}

TEST_F(SqliteSessionTest, ADamagedFileIsDamage) {
  session_->Execute(
      "PRAGMA journal_mode = DELETE; CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)");
  session_->Execute("INSERT INTO t VALUES (1, 'x')");
  {
    std::fstream file(folder() / "test.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);  // the root page of t
    file << std::string(4096, '\xee');
  }
  const std::unique_ptr<Session> again = OpenSqlite();
  EXPECT_EQ(Catch([&] { again->Query("SELECT * FROM t"); }).reaction(), Reaction::kDamage);
}

TEST_F(SqliteSessionTest, OneFileHasOneIdentityWhateverPathLeadsToIt) {
  std::filesystem::create_symlink(folder() / "test.db", folder() / "link.db");
  EXPECT_EQ(Open("link.db", {})->Identity(), session_->Identity());
}

TEST_F(SqliteSessionTest, TooFewParametersAreRefusedAndNotNull) {
  EXPECT_EQ(Catch([&] { session_->Query("SELECT $2", {"one"}); }).cause(), Cause::kUsage);
  EXPECT_EQ(Catch([&] { session_->Query("SELECT ?", {"one"}); }).cause(), Cause::kUsage);
}

// Fails when one of them is opened: a pipe or a device may keep who opens it for ever.
TEST_F(SqliteSessionTest, WhatIsNoFileIsNotOpened) {
  OpenSqlite()->Execute("CREATE TABLE t (id int)");
  for (const char* name : {"folder.db", "test.db-wal", "test.db-shm", "test.db-journal"}) {
    std::filesystem::remove(folder() / name);
    std::filesystem::create_directory(folder() / name);
    const std::string file = std::string(name).substr(0, std::string(name).find("db") + 2);
    const Error error = Catch([&] { OpenSqlite(file); });
    EXPECT_NE(error.message().find("is not a file but a folder"), std::string::npos)
        << name << ": " << error.message();
    std::filesystem::remove(folder() / name);
  }
  EXPECT_NO_THROW(OpenSqlite());
}

}  // namespace
}  // namespace syncline::sql
