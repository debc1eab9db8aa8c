// What both kinds of session do alike.

#include "engine/sql/session.h"

#include <gtest/gtest.h>

#include <thread>

#include "engine/sql/dialect.h"
#include "tests/engine/sql/session_fixture.h"
#include "tests/support/any_sql.h"

namespace syncline::sql {
namespace {

using Isolation = Session::Isolation;

class AnySessionTest : public SessionTest, public ::testing::WithParamInterface<Dialect> {
 protected:
  AnySessionTest() : session_(Open()) {}

  std::unique_ptr<Session> Open() const {
    return GetParam() == Dialect::kPostgres ? OpenPostgres() : OpenSqlite();
  }
  TableName Table(const std::string& name) const {
    return {GetParam() == Dialect::kPostgres ? "public" : "", name};
  }
  void MakeItems(int count) {
    session_->Execute("CREATE TABLE items (id bigint PRIMARY KEY, name text, price real)");
    for (int i = 1; i <= count; ++i) {
      session_->Change("INSERT INTO items VALUES ($1, $2, 1.5)",
                       {std::to_string(i), "name " + std::to_string(i)});
    }
  }

  std::unique_ptr<Session> session_;
};

INSTANTIATE_TEST_SUITE_P(Both, AnySessionTest,
                         ::testing::Values(Dialect::kPostgres, Dialect::kSqlite),
                         [](const auto& info) { return std::string(DialectName(info.param)); });

TEST_P(AnySessionTest, QueryBindsParametersInAnyOrderAndTellsNullFromEmpty) {
  const ResultSet result = session_->Query(
      "SELECT CAST($2 AS text) AS a, CAST($1 AS text) AS b, CAST($3 AS text) AS c, "
      "CAST($2 AS text) AS d",
      {"one", "two", std::nullopt});
  EXPECT_EQ(result.columns, (std::vector<std::string>{"a", "b", "c", "d"}));
  ASSERT_EQ(result.rows.size(), 1u);
  EXPECT_EQ(result.rows[0],
            (std::vector<std::optional<std::string>>{"two", "one", std::nullopt, "two"}));
  EXPECT_EQ(session_->Query("SELECT $1 || ''", {""}).rows[0][0], "");
}

TEST_P(AnySessionTest, ChangeCountsTheRows) {
  MakeItems(3);
  EXPECT_EQ(session_->Change("UPDATE items SET name = $1 WHERE id > $2", {"x", "1"}), 2u);
  EXPECT_EQ(session_->Change("UPDATE items SET name = 'y' WHERE id = 99"), 0u);
}

TEST_P(AnySessionTest, CommitKeepsAndRollbackForgets) {
  MakeItems(0);
  {
    Transaction transaction(*session_, Isolation::kWrite);
    session_->Execute("INSERT INTO items VALUES (1, 'kept', 0)");
    transaction.Commit();
  }
  {
    Transaction transaction(*session_, Isolation::kWrite);
    session_->Execute("INSERT INTO items VALUES (2, 'forgotten', 0)");
  }
  EXPECT_EQ(One(*Open(), "SELECT max(name) FROM items"), "kept");
  session_->Rollback();  // without a transaction: nothing
}

// Fails when Begin leaves the snapshot to the first statement that happens to come.
TEST_P(AnySessionTest, SnapshotIsFixedByBegin) {
  MakeItems(1);
  const std::unique_ptr<Session> reader = Open();
  reader->Begin(Isolation::kSnapshot);
  if (GetParam() == Dialect::kPostgres) reader->Query("SELECT 1");  // the server takes it there
  session_->Execute("INSERT INTO items VALUES (2, 'later', 0)");
  EXPECT_EQ(One(*reader, "SELECT count(*) FROM items"), "1");
  reader->Commit();
  EXPECT_EQ(One(*reader, "SELECT count(*) FROM items"), "2");
}

// Fails when a caller that acts on a condition would have to know which database it talks to.
TEST_P(AnySessionTest, ErrorsTellTheirConditionWhateverTheDatabase) {
  MakeItems(1);
  const auto condition = [this](const Sql& sql) {
    return Catch([&] { session_->Execute(sql); }).condition();
  };
  EXPECT_EQ(condition("INSERT INTO items SELECT * FROM items"), Condition::kUniqueViolation);
  EXPECT_EQ(condition("SELECT 1 FROM nowhere"), Condition::kNoSuchRelation);
  EXPECT_EQ(condition("SELECT no_such_function(1)"), Condition::kNoSuchObject);
  EXPECT_EQ(condition("INSERT INTO items (id) VALUES (9) ON CONFLICT (name) DO NOTHING"),
            Condition::kNoMatchingKey);
  EXPECT_EQ(condition("SELECT no_such_column FROM items"), Condition::kOther);
}

TEST_P(AnySessionTest, AfterAnErrorRollbackMakesTheSessionUsableAgain) {
  MakeItems(1);
  session_->Begin(Isolation::kWrite);
  const Error error = Catch([&] { session_->Execute("INSERT INTO items VALUES (1, 'again', 0)"); });
  EXPECT_EQ(error.reaction(), Reaction::kStop);
  EXPECT_FALSE(error.code().empty());
  session_->Rollback();
  EXPECT_EQ(One(*session_, "SELECT count(*) FROM items"), "1");
}

TEST_P(AnySessionTest, ReadRowsObeysConditionOrderAndLimit) {
  MakeItems(9);
  TableSchema schema = SchemaOf(*session_, Table("items"));
  std::swap(schema.columns[0], schema.columns[1]);  // another order than the table's
  schema.columns.pop_back();
  std::vector<Row> rows;
  const uint64_t count = session_->ReadRows(
      {.schema = schema, .where = "items.id > 3", .order_by = "id DESC", .limit = 2},
      [&](Row& row) { rows.push_back(row); });
  EXPECT_EQ(count, 2u);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0], MakeRow({ValueView::Text("name 9"), ValueView::Int(9)}));
  EXPECT_EQ(rows[1], MakeRow({ValueView::Text("name 8"), ValueView::Int(8)}));
}

TEST_P(AnySessionTest, ReadRowsOfAnEmptyTableCallsNobody) {
  MakeItems(0);
  EXPECT_TRUE(ReadAll(*session_, Table("items"), "").empty());
}

TEST_P(AnySessionTest, AnExceptionFromTheSinkLeavesTheSessionUsable) {
  session_->Execute("CREATE TABLE items (id bigint PRIMARY KEY, name text)");
  session_->Execute(
      "INSERT INTO items WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
      "20000) SELECT i, 'a name that takes some room in the buffers of a connection' FROM n");
  const TableSchema schema = SchemaOf(*session_, Table("items"));
  for (const bool in_transaction : {true, false}) {
    if (in_transaction) session_->Begin(Isolation::kSnapshot);
    int seen = 0;
    EXPECT_THROW(session_->ReadRows({.schema = schema},
                                    [&](Row&) {
                                      if (++seen == 10) throw std::runtime_error("enough");
                                    }),
                 std::runtime_error);
    EXPECT_EQ(seen, 10);
    session_->Rollback();
    EXPECT_EQ(One(*session_, "SELECT count(*) FROM items"), "20000");
  }
}

TEST_P(AnySessionTest, LoadRowsNamesTableAndRowOfARefusedRow) {
  MakeItems(1);
  const std::vector<Row> rows = {
      MakeRow({ValueView::Int(7), ValueView::Text("secret seven")}),
      MakeRow({ValueView::Int(1), ValueView::Text("secret one")}),
  };
  session_->Begin(Isolation::kWrite);
  const Error error = Catch([&] {
    session_->LoadRows(Table("items"), {"id", "name"}, Pointers(rows));
  });
  session_->Rollback();
  EXPECT_EQ(error.reaction(), Reaction::kStop);
  EXPECT_NE(error.message().find("row 1"), std::string::npos) << error.message();
  EXPECT_NE(error.message().find("items"), std::string::npos) << error.message();
  EXPECT_EQ(error.message().find("secret"), std::string::npos) << error.message();
  EXPECT_EQ(One(*session_, "SELECT count(*) FROM items"), "1");
}

// Fails when a refusal gets lost between the driver and the caller, or counts rows from elsewhere.
TEST_P(AnySessionTest, ARefusedRowIsToldByItsIndexAndInWords) {
  session_->Execute("CREATE TABLE items (id bigint PRIMARY KEY, name text NOT NULL)");
  std::vector<Row> rows;
  for (int i = 0; i < 1'000; ++i) {
    rows.push_back(MakeRow({ValueView::Int(i), ValueView::Text("name")}));
  }
  rows[700] = MakeRow({ValueView::Int(700), ValueView::Null()});
  const auto expect = [&](const std::function<void()>& write) {
    session_->Begin(Isolation::kWrite);
    const Error error = Catch(write);
    session_->Rollback();
    ASSERT_TRUE(error.refusal());
    EXPECT_EQ(error.refusal()->kind, Refusal::Kind::kNotNull);
    EXPECT_EQ(error.refusal()->reason, "NOT NULL column name holds NULL");
    EXPECT_EQ(error.refusal()->row, 700u);
  };
  expect([&] { session_->LoadRows(Table("items"), {"id", "name"}, Pointers(rows)); });
  expect([&] { session_->ExecuteEach("INSERT INTO items VALUES ($1, $2)", Pointers(rows)); });
  EXPECT_FALSE(Catch([&] { session_->Execute("SELECT nothing FROM nowhere"); }).refusal());
}

// Fails when the check waits for the commit.
TEST_P(AnySessionTest, DeferredConstraintsAreCheckedWhenAsked) {
  session_->Execute(
      "CREATE TABLE nodes (id bigint PRIMARY KEY, "
      "up bigint REFERENCES nodes (id) DEFERRABLE INITIALLY DEFERRED)");
  session_->Begin(Isolation::kWrite);
  session_->Execute("SAVEPOINT a");
  session_->Execute("INSERT INTO nodes VALUES (1, 2)");
  const Error error = Catch([&] { session_->CheckDeferred(); });
  ASSERT_TRUE(error.refusal());
  EXPECT_EQ(error.refusal()->kind, Refusal::Kind::kForeignKey);
  session_->Execute("ROLLBACK TO SAVEPOINT a");
  session_->Execute("INSERT INTO nodes VALUES (2, NULL)");
  session_->Execute("INSERT INTO nodes VALUES (1, 2)");
  session_->CheckDeferred();
  session_->Commit();
  EXPECT_EQ(One(*session_, "SELECT count(*) FROM nodes"), "2");
}

TEST_P(AnySessionTest, ExecuteEachTellsWhichRowsChangedNothing) {
  MakeItems(3);
  std::vector<Row> rows;
  // Far more than one chunk of a pipeline; only the ids 1 to 3 exist.
  for (int i = 0; i < 2000; ++i) {
    rows.push_back(MakeRow({ValueView::Text("unused"), ValueView::Int(i), ValueView::Text("new")}));
  }
  session_->Begin(Isolation::kWrite);
  const std::vector<uint32_t> unchanged =
      session_->ExecuteEach("UPDATE items SET name = $3 WHERE id = $2", Pointers(rows));
  session_->Commit();
  ASSERT_EQ(unchanged.size(), 1997u);
  EXPECT_EQ(unchanged[0], 0u);
  EXPECT_EQ(unchanged[1], 4u);
  EXPECT_EQ(unchanged.back(), 1999u);
  EXPECT_EQ(One(*session_, "SELECT count(*) FROM items WHERE name = 'new'"), "3");
  EXPECT_TRUE(session_->ExecuteEach("UPDATE items SET name = $3 WHERE id = $2", {}).empty());
}

TEST_P(AnySessionTest, ExecuteEachNamesTheRowAndGoesOnAfterRollback) {
  MakeItems(1);
  std::vector<Row> rows;
  for (int i = 1000; i > 0; --i) {
    rows.push_back(MakeRow({ValueView::Int(i), ValueView::Text("secret")}));
  }
  const std::string sql = "INSERT INTO items VALUES ($1, $2, 0)";
  session_->Begin(Isolation::kWrite);
  const Error error = Catch([&] { session_->ExecuteEach(test::AnySql(sql), Pointers(rows)); });
  session_->Rollback();
  EXPECT_NE(error.message().find("row 999"), std::string::npos) << error.message();
  EXPECT_EQ(error.message().find("secret"), std::string::npos) << error.message();
  rows.pop_back();
  session_->Begin(Isolation::kWrite);
  EXPECT_TRUE(session_->ExecuteEach(test::AnySql(sql), Pointers(rows)).empty());
  session_->Commit();
  EXPECT_EQ(One(*session_, "SELECT count(*) FROM items"), "1000");
}

// Fails when a row that returns nothing takes the answer of its neighbour.
TEST_P(AnySessionTest, QueryEachGivesEachRowItsOwnAnswer) {
  MakeItems(3);
  std::vector<Row> rows;
  for (int i = 0; i < 1500; ++i) rows.push_back(MakeRow({ValueView::Int(i)}));
  session_->Begin(Isolation::kWrite);
  const std::vector<FirstRow> found = session_->QueryEach(
      "SELECT name, CAST(NULL AS text) FROM items WHERE id = $1", Pointers(rows));
  session_->Commit();
  ASSERT_EQ(found.size(), 1500u);
  EXPECT_FALSE(found[0].has_value());
  EXPECT_EQ(found[3].value(), (std::vector<std::optional<std::string>>{"name 3", std::nullopt}));
  EXPECT_FALSE(found[4].has_value());
}

// Fails when PostgreSQL is told of more parameters than the statement has, as 70 types for the
// name.
TEST_P(AnySessionTest, ADollarInANameIsNoParameter) {
  const std::string name = Quote("up to $70 \"net\"").ToString();
  session_->Execute(test::AnySql("CREATE TABLE items (id bigint PRIMARY KEY, " + name + " text)"));
  const std::vector<Row> rows = {MakeRow({ValueView::Int(1), ValueView::Text("$3")})};
  session_->ExecuteEach(
      test::AnySql("INSERT INTO items (id, " + name + ") VALUES ($1, $2 || ' it''s $80')"),
      Pointers(rows));
  EXPECT_EQ(One(*session_, "SELECT " + name + " FROM items"), "$3 it's $80");
}

TEST_P(AnySessionTest, DescribeTellsKeysIndexesAndForeignKeys) {
  session_->Execute(
      "CREATE TABLE parents (a int, b text, PRIMARY KEY (b, a));"
      "CREATE TABLE items (id int PRIMARY KEY, code text NOT NULL UNIQUE, maybe text UNIQUE,"
      " updated_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, pa int, pb text,"
      " twice int GENERATED ALWAYS AS (pa * 2) STORED,"
      " FOREIGN KEY (pb, pa) REFERENCES parents (b, a));"
      "CREATE INDEX by_time ON items (updated_at, code);"
      "CREATE INDEX by_expression ON items (lower(code));"
      "CREATE UNIQUE INDEX part_of_it ON items (pa) WHERE pa > 0");
  const TableInfo parents = session_->Describe(Table("parents")).value();
  EXPECT_EQ(parents.primary_key, (std::vector<std::string>{"b", "a"}));
  EXPECT_FALSE(parents.Find("a")->column.nullable);

  const TableInfo items = session_->Describe(Table("items")).value();
  EXPECT_EQ(items.kind, TableInfo::Kind::kTable);
  EXPECT_EQ(items.primary_key, (std::vector<std::string>{"id"}));
  EXPECT_EQ(items.unique_keys, (std::vector<std::vector<std::string>>{{"code"}}));
  std::vector<std::vector<std::string>> unique = items.unique_indexes;
  std::sort(unique.begin(), unique.end());
  EXPECT_EQ(unique, (std::vector<std::vector<std::string>>{{"code"}, {"maybe"}}));
  std::vector<std::string> indexed = items.indexed;
  std::sort(indexed.begin(), indexed.end());
  EXPECT_EQ(indexed, (std::vector<std::string>{"code", "id", "maybe", "updated_at"}));
  ASSERT_EQ(items.foreign_keys.size(), 1u);
  EXPECT_EQ(items.foreign_keys[0].references, Table("parents"));
  EXPECT_EQ(items.foreign_keys[0].columns, (std::vector<std::string>{"pb", "pa"}));
  EXPECT_TRUE(items.Find("twice")->generated);
  EXPECT_FALSE(items.Find("id")->generated);
  EXPECT_EQ(items.Find("updated_at")->column.type, Type::kTimestamp);
  EXPECT_EQ(items.Find("updated_at")->default_expression, "CURRENT_TIMESTAMP");
  EXPECT_TRUE(items.Find("maybe")->column.nullable);
  EXPECT_EQ(items.Find("nothing"), nullptr);
  EXPECT_FALSE(session_->Describe(Table("nothing")).has_value());
}

TEST_P(AnySessionTest, OddIdentifiersWorkEverywhere) {
  const TableName table = Table("odd \"name\" with $1 and 'quote'; --");
  const std::string column = "a \"b\"\\ c%";
  session_->Execute("CREATE TABLE " + Quote(table) + " (id int PRIMARY KEY, " + Quote(column) +
                    " text)");
  const TableSchema schema = SchemaOf(*session_, table);
  ASSERT_EQ(schema.columns.size(), 2u);
  EXPECT_EQ(schema.columns[1].name, column);
  const std::vector<Row> rows = {MakeRow({ValueView::Int(1), ValueView::Text("x")})};
  session_->LoadRows(table, ColumnNames(schema), Pointers(rows));
  EXPECT_EQ(ReadAll(*session_, table, Quote(column)), rows);
  EXPECT_EQ(session_->ListTables(), (std::vector<TableName>{table}));
}

TEST_P(AnySessionTest, ListTablesIsSortedAndLeavesOutOurOwn) {
  session_->Execute(
      "CREATE TABLE b (i int); CREATE TABLE a (i int); CREATE TABLE syncline_progress (i int);"
      "CREATE TABLE synclines (i int)");
  EXPECT_EQ(session_->ListTables(),
            (std::vector<TableName>{Table("a"), Table("b"), Table("synclines")}));
}

TEST_P(AnySessionTest, IdentityIsTheSameForEverySession) {
  const std::string identity = session_->Identity();
  EXPECT_EQ(identity.rfind(GetParam() == Dialect::kPostgres ? "postgresql:" : "sqlite:/", 0), 0u);
  EXPECT_EQ(Open()->Identity(), identity);
}

// Fails when Literal gives a number or a text that the database reads as something else.
TEST_P(AnySessionTest, LiteralsCompareWithColumnsOfTheirType) {
  session_->Execute(
      test::AnySql("CREATE TABLE items (id bigint PRIMARY KEY, d double precision, t text, b " +
                   std::string(GetParam() == Dialect::kPostgres ? "bytea" : "blob") +
                   ", s timestamp, y boolean)"));
  const std::string text("back\\slash, 'quote' and \"quote\" \xc3\xa9\n");
  const std::vector<Row> rows = {
      MakeRow({ValueView::Int(std::numeric_limits<int64_t>::min()), ValueView::Double(0.1),
               ValueView::Text(text), ValueView::Bytes(std::string_view("\0\\'\xff", 4)),
               ValueView::Timestamp(1), ValueView::Bool(true)})};
  session_->LoadRows(Table("items"), {"id", "d", "t", "b", "s", "y"}, Pointers(rows));
  const TableSchema schema = SchemaOf(*session_, Table("items"));
  size_t column = 0;
  for (const ValueView value : rows[0]) {
    const std::string condition = Quote(schema.columns[column].name).ToString() + " = ";
    EXPECT_EQ(One(*session_, "SELECT count(*) FROM items WHERE " + condition +
                                 Literal(value, GetParam()).ToString()),
              "1")
        << schema.columns[column].name;
    ++column;
  }
  EXPECT_EQ(Literal(ValueView::Null(), GetParam()), "NULL");
}

}  // namespace
}  // namespace syncline::sql
