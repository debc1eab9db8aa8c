#include "apply/target/target_tables.h"

#include <gtest/gtest.h>

#include "engine/sql/dialect.h"
#include "engine/sql/session.h"
#include "tests/apply/test_log.h"

namespace syncline::apply {
namespace {

bool AreBytes(const Column& source, const Column& target) {
  sql::TableInfo info;
  Column renamed = target;
  renamed.name = "key";
  info.columns.push_back({.column = renamed});
  TableMapping mapping;
  mapping.columns["id"] = "key";
  return KeysAreBytes(*test::MakeSchema("public.t", {source, {"at", Type::kInt, "bigint"}}),
                      mapping, info);
}

// Fails when a key is taken that the target compares by more than its bytes, or converts.
TEST(KeysAreBytesTest, OnlyWhereKeysThatDifferInTheLogDifferOnTheTarget) {
  const auto same = [](Type type, const char* native) {
    return AreBytes({"id", type, native}, {"id", type, native});
  };
  EXPECT_TRUE(same(Type::kInt, "bigint"));
  EXPECT_TRUE(same(Type::kText, "text"));
  EXPECT_TRUE(same(Type::kText, "character varying(20)"));
  EXPECT_TRUE(same(Type::kUuid, "uuid"));
  EXPECT_TRUE(same(Type::kTimestampTz, "timestamp with time zone"));
  EXPECT_TRUE(AreBytes({"id", Type::kInt, "integer"}, {"id", Type::kInt, "bigint"}));
  EXPECT_FALSE(same(Type::kText, "character(8)")) << "trailing spaces";
  EXPECT_FALSE(same(Type::kDecimal, "numeric")) << "1.0 and 1.00";
  EXPECT_FALSE(same(Type::kDouble, "double precision")) << "0 and -0";
  EXPECT_FALSE(same(Type::kOther, "citext"));
  EXPECT_FALSE(AreBytes({"id", Type::kTimestampTz, "timestamp with time zone"},
                        {"id", Type::kTimestampTz, "timestamp(0) with time zone"}));
  EXPECT_FALSE(AreBytes({"id", Type::kText, "text"}, {"id", Type::kInt, "bigint"})) << "01 and 1";
  EXPECT_FALSE(AreBytes({"id", Type::kText, "text"}, {"id", Type::kText, "character varying(8)"}));
}

class ReadyTablesTest : public testing::Test {
 protected:
  TableChanges ChangesOf(const std::string& table, std::initializer_list<Column> more = {}) {
    std::vector<Column> columns = {{"id", Type::kInt, "INTEGER"}, {"at", Type::kText, "TEXT"}};
    columns.insert(columns.end(), more);
    auto schema = std::make_shared<TableSchema>();
    schema->table = {"", table};
    schema->columns = std::move(columns);
    schema->key = {0};
    schema->cursor = 1;
    schema->dialect = Dialect::kSqlite;
    mappings_[schema->table] = {.source = schema->table, .target = schema->table};
    return {.schema = std::move(schema)};
  }

  test::TempFolder folder_;
  const std::unique_ptr<sql::Session> session_ = sql::Session::Open(
      sql::DatabaseUrl::Parse("sqlite:" + (folder_.path() / "t.db").string()), {.create = true});
  std::map<TableName, TableMapping> mappings_;
  TargetTables tables_{mappings_, test::QuietLogger()};
};

// A batch may hold changes of one table under two schemas. Seen to fail when all tables of a batch
// that are not there were made at once, by the schema of each ("table t already exists").
TEST_F(ReadyTablesTest, ASecondSchemaOfANewTableAddsItsColumns) {
  const std::vector<TableChanges> batch = {ChangesOf("t"),
                                           ChangesOf("t", {{"more", Type::kText, "TEXT"}})};
  sql::Transaction transaction(*session_, sql::Session::Isolation::kWrite);
  EXPECT_EQ(tables_.TasksFor(*session_, batch).size(), 2);
  EXPECT_NE(session_->Describe({"", "t"})->Find("more"), nullptr);
}

// Seen to fail when tables that are there were made again, and when one that must not be made was.
TEST_F(ReadyTablesTest, OfManyTablesThoseThatAreNotThereAreMade) {
  std::vector<TableChanges> batch;
  for (int i = 0; i < 100; ++i) batch.push_back(ChangesOf("t" + std::to_string(i)));
  mappings_.at({"", "t7"}).create = false;
  session_->Execute("CREATE TABLE t50 (id INTEGER PRIMARY KEY, at TEXT)");
  tables_.MakeMissing(*session_, batch);
  EXPECT_EQ(session_->ListTables().size(), 99);
  EXPECT_FALSE(session_->Describe({"", "t7"}));
  tables_.MakeMissing(*session_, batch);
  sql::Transaction transaction(*session_, sql::Session::Isolation::kWrite);
  EXPECT_THROW(tables_.TasksFor(*session_, batch), Error);
}

}  // namespace
}  // namespace syncline::apply
