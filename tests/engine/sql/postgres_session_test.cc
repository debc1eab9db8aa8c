#include "engine/sql/session.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "engine/sql/dialect.h"
#include "tests/engine/sql/session_fixture.h"

namespace syncline::sql {
namespace {

using Isolation = Session::Isolation;

class PostgresSessionTest : public SessionTest {
 protected:
  const std::unique_ptr<Session> session_ = OpenPostgres();
};

struct Sample {
  const char* type;
  std::vector<const char*> values;  // as literals
};

// Every built-in scalar type and the kinds of types that are made, with their extremes.
const Sample kSamples[] = {
    {"boolean", {"true", "false"}},
    {"smallint", {"-32768", "32767"}},
    {"integer", {"-2147483648", "2147483647"}},
    {"bigint", {"-9223372036854775808", "9223372036854775807", "0"}},
    {"oid", {"0", "4294967295"}},
    {"xid8", {"0", "9223372036854775807"}},
    {"real", {"NaN", "-Infinity", "Infinity", "-0", "0.1", "1e-45", "3.4028235e38"}},
    {"double precision",
     {"NaN", "-Infinity", "Infinity", "-0", "0.1", "5e-324", "1.7976931348623157e308", "1e23"}},
    {"numeric",
     {"NaN", "Infinity", "-Infinity", "0", "0.000", "-0.50", "1.50", "10000", "100000000.0001",
      "0.00000000000000001", "-99999999",
      "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901"
      "23456789.1234567890"}},
    {"numeric(12,2)", {"-1234567890.12", "0.05", "7.10"}},
    {"numeric(3,-2)", {"99900", "-100"}},
    {"money", {"-1234.50", "92233720368547758.07"}},
    {"text",
     {"", " ", "\\N", "\\.", "tab\tnewline\nreturn\rback\\slash 'quote'", "日本語 🎉 é", "NULL"}},
    {"character varying(20)", {"", "trailing   "}},
    {"character(5)", {"", "ab", "abcde", "é"}},
    {"name", {"", "a name"}},
    {"\"char\"", {"", "x"}},
    {"bytea", {"", "\\x00", "\\x5c4e", "\\xdeadbeef000a0d09"}},
    {"date",
     {"infinity", "-infinity", "4714-11-24 BC", "0001-12-31 BC", "5874897-12-31", "2000-01-01"}},
    {"time", {"00:00:00", "24:00:00", "23:59:59.999999"}},
    {"time with time zone", {"00:00:00+15:59", "24:00:00-15:59", "12:30:00.000001+02"}},
    {"timestamp",
     {"infinity", "-infinity", "4714-11-24 00:00:00 BC", "294276-12-31 23:59:59.999999",
      "1999-12-31 23:59:59.999999", "1969-07-20 20:17:40"}},
    {"timestamp(3) with time zone",
     {"infinity", "-infinity", "4714-11-24 00:00:00+00 BC", "294276-12-31 23:59:59.999+00"}},
    {"timestamptz", {"2026-10-25 02:30:00+02", "2026-10-25 02:30:00.000001+01"}},
    {"interval", {"0", "-178000000 years", "1 mon -1 day +01:02:03.000004", "P1Y2M3DT4H5M6.7S"}},
    {"uuid", {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-4fff-bfff-ffffffffffff"}},
    {"json", {"{\"b\": 1.50,  \"a\":null, \"a\":\"\\u00e9\\n\"}", "\"\"", "1.0"}},
    {"jsonb", {"{\"b\": 1.50, \"a\":null}", "1.00", "\"tab\\there\""}},
    {"xml", {"<a b=\"c\">d</a>", "just text"}},
    {"inet", {"192.168.0.1/24", "::1"}},
    {"cidr", {"10.0.0.0/8"}},
    {"macaddr", {"08:00:2b:01:02:03"}},
    {"macaddr8", {"08:00:2b:01:02:03:04:05"}},
    {"bit(5)", {"10101"}},
    {"bit varying", {"", "1"}},
    {"point", {"(0.1,-0)", "(NaN,Infinity)"}},
    {"line", {"{1,2,3.3}"}},
    {"lseg", {"[(0,0),(1,1.1)]"}},
    {"box", {"(1,1),(0,0)"}},
    {"path", {"[(0,0),(1,1)]", "((0,0),(1,1))"}},
    {"polygon", {"((0,0),(1,1),(1,0))"}},
    {"circle", {"<(0,0),1.5>"}},
    {"tsvector", {"'a':1A 'fat':2B,4C 'back\\\\slash'"}},
    {"tsquery", {"'fat' & ( 'rat' | !'cat' )"}},
    {"pg_lsn", {"16/B374D848"}},
    {"int4range", {"empty", "[1,5)", "(,)"}},
    {"tstzrange", {"[2020-01-01 00:00:00+00,infinity)"}},
    {"nummultirange", {"{[1.1,2.2),[3,4]}"}},
    {"integer[]", {"{}", "{1,NULL,3}", "[0:1]={1,2}", "{{1,2},{3,4}}"}},
    {"text[]", {"{\"\",NULL,\"NULL\",\"a,b\",\"quo\\\"te\",\"back\\\\slash\"}"}},
    {"timestamptz[]", {"{infinity,\"2020-01-01 00:00:00+00\"}"}},
    {"mood", {"fine", "so so"}},
    {"positive", {"1"}},
    {"short_text", {"", "abc"}},
    {"pair", {"(1,\"a \"\"b\"\"\")", "(,)"}},
};

// A table `every` with a column per sample, and as many rows as the longest list of values, NULL
// where one ends.
void MakeEvery(Session& session) {
  session.Execute(
      "CREATE TYPE mood AS ENUM ('so so', 'fine'); CREATE DOMAIN positive AS integer CHECK (VALUE "
      "> 0);"
      "CREATE DOMAIN short_text AS character varying(3); CREATE TYPE pair AS (a int, b text)");
  std::string columns = "id integer PRIMARY KEY";
  size_t most = 0;
  for (size_t i = 0; i < std::size(kSamples); ++i) {
    columns += ", c" + std::to_string(i) + " " + kSamples[i].type;
    most = std::max(most, kSamples[i].values.size());
  }
  session.Execute("CREATE TABLE every (" + columns + "); CREATE TABLE copy (LIKE every)");
  for (size_t row = 0; row <= most; ++row) {
    std::string values = std::to_string(row);
    for (const Sample& sample : kSamples) {
      values += row < sample.values.size()
                    ? ", " + Literal(ValueView::Text(sample.values[row]), Dialect::kPostgres)
                    : ", NULL";
    }
    session.Execute("INSERT INTO every VALUES (" + values + ")");
  }
}

// Compared on the server and by text: "=" takes 1.0 for 1.00, and has no opinion on json.
void ExpectCopyIsEqual(Session& session) {
  for (size_t i = 0; i < std::size(kSamples); ++i) {
    const std::string column = "c" + std::to_string(i);
    EXPECT_EQ(One(session, "SELECT count(*) FROM every e FULL JOIN copy c USING (id) WHERE e." +
                               column + "::text IS DISTINCT FROM c." + column + "::text"),
              "0")
        << kSamples[i].type;
  }
  EXPECT_EQ(One(session,
                "SELECT count(*) FROM (SELECT every::text FROM every EXCEPT "
                "SELECT copy::text FROM copy) AS different"),
            "0");
}

// Fails when a decoder or writer is off by a digit: try the numeric's scale, the date's infinities,
// or a cast to text in place of the output function.
TEST_F(PostgresSessionTest, EveryTypeIsExactThroughReadAndLoad) {
  MakeEvery(*session_);
  const TableSchema schema = SchemaOf(*session_, {"public", "every"});
  const std::vector<Row> rows = ReadAll(*session_, schema.table, "id");
  session_->LoadRows({"public", "copy"}, ColumnNames(schema), Pointers(rows));
  ExpectCopyIsEqual(*session_);
  EXPECT_EQ(ReadAll(*session_, {"public", "copy"}, "id"), rows);
}

TEST_F(PostgresSessionTest, EveryTypeIsExactThroughReadAndExecuteEach) {
  MakeEvery(*session_);
  const TableSchema schema = SchemaOf(*session_, {"public", "every"});
  const std::vector<Row> rows = ReadAll(*session_, schema.table, "id");
  std::string parameters;
  for (size_t i = 1; i <= schema.columns.size(); ++i) {
    parameters += (i > 1 ? ", $" : "$") + std::to_string(i);
  }
  session_->ExecuteEach("INSERT INTO copy VALUES (" + parameters + ")", Pointers(rows));
  ExpectCopyIsEqual(*session_);
}

TEST_F(PostgresSessionTest, ValuesHaveTheTypeThatTheirColumnDeclares) {
  MakeEvery(*session_);
  const TableSchema schema = SchemaOf(*session_, {"public", "every"});
  const Row row = ReadAll(*session_, schema.table, "id").at(0);
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    EXPECT_EQ(TypeName(row[i].type()), TypeName(schema.columns[i].type))
        << schema.columns[i].native_type;
  }
}

TEST_F(PostgresSessionTest, EnumsAreOrderedAsTheTypeSaysAndNotByTheirText) {
  MakeEvery(*session_);
  session_->Execute("CREATE TABLE moods (m mood); INSERT INTO moods VALUES ('fine'), ('so so')");
  const std::vector<Row> rows = ReadAll(*session_, {"public", "moods"}, "m");
  EXPECT_EQ(rows[0][0].as_string(), "so so");
}

TEST_F(PostgresSessionTest, LongValuesAndManyRowsPassThrough) {
  session_->Execute("CREATE TABLE long (id int, t text, b bytea); CREATE TABLE copy (LIKE long)");
  const std::string text(1 << 20, '\\');
  const std::string bytes(1 << 20, '\0');
  std::vector<Row> rows;
  for (int i = 0; i < 4; ++i) {
    rows.push_back(MakeRow({ValueView::Int(i), ValueView::Text(text), ValueView::Bytes(bytes)}));
  }
  session_->LoadRows({"public", "long"}, {"id", "t", "b"}, Pointers(rows));
  EXPECT_EQ(ReadAll(*session_, {"public", "long"}, "id"), rows);
  session_->ExecuteEach("INSERT INTO copy VALUES ($1, $2, $3)", Pointers(rows));
  EXPECT_EQ(ReadAll(*session_, {"public", "copy"}, "id"), rows);
}

// Fails, by never coming to an end, when the query is not cancelled: libpq then reads the rest.
TEST_F(PostgresSessionTest, BreakingAStreamOffDoesNotReadTheRest) {
  session_->Execute("CREATE VIEW endless AS SELECT generate_series(1, 1000000000000) AS id");
  const TableSchema schema = SchemaOf(*session_, {"public", "endless"});
  EXPECT_THROW(session_->ReadRows({.schema = schema}, [](Row&) { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_EQ(One(*session_, "SELECT 1"), "1");
}

TEST_F(PostgresSessionTest, ValuesOfOtherTypesAreConverted) {
  session_->Execute(
      "CREATE TABLE target (id int, at timestamptz, day date, flag boolean, raw bytea, n numeric)");
  const std::vector<Row> rows = {
      MakeRow({ValueView::Int(1), ValueView::Int(1'000'000'000), ValueView::Int(86'400),
               ValueView::Int(1), ValueView::Text("\\x41"), ValueView::Double(0.5)}),
      MakeRow({ValueView::Text("2"), ValueView::Double(-0.25), ValueView::Text("2026-02-28"),
               ValueView::Text("no"), ValueView::Bytes("\\x41"), ValueView::Text("1.50")}),
  };
  const std::vector<std::string> columns = {"id", "at", "day", "flag", "raw", "n"};
  session_->LoadRows({"public", "target"}, columns, Pointers(rows));
  session_->ExecuteEach("INSERT INTO target VALUES ($1, $2, $3, $4, $5, $6)", Pointers(rows));
  const ResultSet result = session_->Query("SELECT DISTINCT target::text FROM target ORDER BY 1");
  ASSERT_EQ(result.rows.size(), 2u);  // both ways write the same
  EXPECT_EQ(result.rows[0][0], R"((1,"2001-09-09 01:46:40+00",1970-01-02,t,"\\x5c783431",0.5))");
  EXPECT_EQ(result.rows[1][0],
            R"((2,"1969-12-31 23:59:59.75+00",2026-02-28,f,"\\x5c783431",1.50))");
}

// Fails when a parameter is passed as a C string without a look: the text would be cut there.
TEST_F(PostgresSessionTest, TextWithAZeroByteIsRefusedAndNotCut) {
  session_->Execute("CREATE TABLE target (id int, t text)");
  const std::vector<Row> rows = {
      MakeRow({ValueView::Int(1), ValueView::Text("fine")}),
      MakeRow({ValueView::Int(2), ValueView::Text(std::string_view("a\0b", 3))}),
  };
  for (const Error& error :
       {Catch([&] {
          session_->LoadRows({"public", "target"}, {"id", "t"}, Pointers(rows));
        }),
        Catch([&] {
          session_->ExecuteEach("INSERT INTO target VALUES ($1, $2)", Pointers(rows));
        })}) {
    EXPECT_EQ(error.reaction(), Reaction::kStop);
    EXPECT_NE(error.message().find("row 1"), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("zero byte"), std::string::npos) << error.message();
  }
  EXPECT_EQ(One(*session_, "SELECT max(t) FROM target"),
            "fine");  // from ExecuteEach: no transaction
}

TEST_F(PostgresSessionTest, AValueThatDoesNotFitIsNamedByRowAndColumnOnly) {
  session_->Execute("CREATE TABLE target (id int, n smallint)");
  const std::vector<Row> rows = {
      MakeRow({ValueView::Int(1), ValueView::Int(1)}),
      MakeRow({ValueView::Int(2), ValueView::Text("top \"secret\" 4711")}),
  };
  const Error loaded = Catch([&] {
    session_->LoadRows({"public", "target"}, {"id", "n"}, Pointers(rows));
  });
  EXPECT_EQ(loaded.code(), "22P02");
  EXPECT_NE(loaded.message().find("row 1"), std::string::npos) << loaded.message();
  EXPECT_NE(loaded.message().find("column n"), std::string::npos) << loaded.message();
  EXPECT_EQ(loaded.message().find("secret"), std::string::npos) << loaded.message();
}

TEST_F(PostgresSessionTest, SettingsOfServerAndRoleDoNotChangeHowValuesRead) {
  session_->Execute(
      "ALTER DATABASE postgres SET TimeZone = 'Asia/Tokyo';"
      "ALTER DATABASE postgres SET DateStyle = 'German';"
      "ALTER DATABASE postgres SET bytea_output = 'escape'");
  const std::unique_ptr<Session> other = OpenPostgres();
  EXPECT_EQ(One(*other, "SELECT '2026-01-31 00:00:00+00'::timestamptz::text"),
            "2026-01-31 00:00:00+00");
  EXPECT_EQ(One(*other, "SELECT '\\x00'::bytea::text"), "\\x00");
  // What the writers' sessions start with can still be seen.
  EXPECT_EQ(One(*other, "SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'"), "Asia/Tokyo");
}

TEST_F(PostgresSessionTest, DescribeKnowsViewsPartitionsDomainsAndOtherSchemas) {
  session_->Execute(
      "CREATE SCHEMA \"other schema\"; CREATE DOMAIN amount AS numeric(12,2); CREATE DOMAIN sum AS "
      "amount;"
      "CREATE TABLE \"other schema\".t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, s sum);"
      "CREATE TABLE parts (id int PRIMARY KEY, dropped int) PARTITION BY RANGE (id);"
      "CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10);"
      "ALTER TABLE parts DROP COLUMN dropped; CREATE VIEW looks AS SELECT * FROM parts;"
      "CREATE TABLE child (id int, p int REFERENCES parts DEFERRABLE)");
  const TableInfo table = session_->Describe({"other schema", "t"}).value();
  EXPECT_EQ(table.Find("s")->column.native_type, "sum");
  EXPECT_EQ(table.Find("s")->column.type, Type::kDecimal);
  EXPECT_FALSE(table.Find("id")->generated);  // identity columns can be given a value
  const TableInfo parts =
      session_->Describe({"", "parts"}).value();  // "public" goes without saying
  EXPECT_EQ(parts.name, (TableName{"public", "parts"}));
  EXPECT_EQ(parts.kind, TableInfo::Kind::kPartitioned);
  EXPECT_EQ(parts.columns.size(), 1u);
  EXPECT_EQ(parts.primary_key, (std::vector<std::string>{"id"}));
  EXPECT_EQ(session_->Describe({"public", "looks"})->kind, TableInfo::Kind::kView);
  EXPECT_TRUE(session_->Describe({"public", "child"})->foreign_keys.at(0).deferrable);
  EXPECT_EQ(
      session_->ListTables(),
      (std::vector<TableName>{
          {"other schema", "t"}, {"public", "child"}, {"public", "looks"}, {"public", "parts"}}));
}

TEST_F(PostgresSessionTest, AnUnprivilegedRoleReadsWhatItWasGranted) {
  session_->Execute(
      "CREATE TABLE open (id int PRIMARY KEY); CREATE TABLE closed (id int, secret text);"
      "GRANT SELECT ON open TO reader; CREATE TABLE partly (id int PRIMARY KEY, secret text);"
      "GRANT SELECT (id) ON partly TO reader");
  const std::unique_ptr<Session> reader = OpenPostgres("reader");
  EXPECT_EQ(reader->Identity(), session_->Identity());
  EXPECT_TRUE(ReadAll(*reader, {"public", "open"}, "id").empty());
  EXPECT_TRUE(reader->Describe({"public", "partly"}).has_value());

  const Error error = Catch([&] { reader->Describe({"public", "closed"}); });
  EXPECT_EQ(error.reaction(), Reaction::kStop);
  EXPECT_EQ(error.cause(), Cause::kEnvironment);
  EXPECT_NE(error.hint().find("GRANT SELECT ON \"public\".\"closed\" TO \"reader\""),
            std::string::npos);
  const Error refused = Catch([&] { reader->Query("SELECT * FROM closed"); });
  EXPECT_EQ(refused.code(), "42501");
  EXPECT_EQ(refused.cause(), Cause::kEnvironment);
}

TEST_F(PostgresSessionTest, ALostConnectionIsARetryAndTheSessionStaysDead) {
  const std::string pid = One(*session_, "SELECT pg_backend_pid()");
  session_->Begin(Isolation::kWrite);
  Server().Execute("SELECT pg_terminate_backend(" + pid + ", 10000)");
  const Error error = Catch([&] { session_->Query("SELECT 1"); });
  EXPECT_EQ(error.reaction(), Reaction::kRetry);
  EXPECT_EQ(error.code(), "57P01");
  session_->Rollback();
  // Fails when libpqxx is allowed to connect again: this would be another session, without our
  // settings.
  EXPECT_EQ(Catch([&] { session_->Query("SELECT 1"); }).reaction(), Reaction::kRetry);
  const std::vector<Row> rows = {MakeRow({ValueView::Int(1)})};
  EXPECT_EQ(Catch([&] {
              session_->LoadRows({"public", "t"}, {"id"}, Pointers(rows));
            }).reaction(),
            Reaction::kRetry);
  EXPECT_EQ(Catch([&] { session_->ExecuteEach("SELECT $1::int", Pointers(rows)); }).reaction(),
            Reaction::kRetry);
}

TEST_F(PostgresSessionTest, AConnectionLostInTheMiddleOfAStreamIsARetry) {
  session_->Execute(
      "CREATE TABLE t AS SELECT i AS id, repeat('x', 1000) AS t FROM generate_series(1, 50000) i");
  const std::string pid = One(*session_, "SELECT pg_backend_pid()");
  const TableSchema schema = SchemaOf(*session_, {"public", "t"});
  uint64_t seen = 0;
  const Error error = Catch([&] {
    session_->ReadRows({.schema = schema}, [&](Row&) {
      if (++seen == 1) Server().Execute("SELECT pg_terminate_backend(" + pid + ", 10000)");
    });
  });
  EXPECT_EQ(error.reaction(), Reaction::kRetry) << error.message();
  EXPECT_LT(seen, 50000u);
}

TEST_F(PostgresSessionTest, ConnectingTellsWhatIsWrong) {
  const std::string url = Server().Url("postgres", "guarded");
  const auto open = [](const std::string& text) { Session::Open(DatabaseUrl::Parse(text)); };
  EXPECT_NO_THROW(open(url + "&password=right"));
  const Error password = Catch([&] { open(url + "&password=wrong-secret"); });
  EXPECT_EQ(password.code(), "28P01");
  EXPECT_EQ(password.cause(), Cause::kEnvironment);
  EXPECT_EQ(password.exit_code(), 3);
  EXPECT_EQ(password.message().find("wrong-secret"), std::string::npos) << password.message();
  const Error none = Catch([&] { open(url); });
  EXPECT_EQ(none.reaction(), Reaction::kStop) << none.message();
  const Error role = Catch([&] { open(Server().Url("postgres", "nobody_known")); });
  EXPECT_EQ(role.code(), "28000");
  const Error missing = Catch([&] { open(Server().Url("no_such_database")); });
  EXPECT_EQ(missing.code(), "3D000");
  EXPECT_EQ(missing.reaction(), Reaction::kStop);
  const Error unreachable = Catch([&] { open("postgresql://me:secret@/db?host=/nowhere&port=1"); });
  EXPECT_EQ(unreachable.reaction(), Reaction::kRetry);
  EXPECT_EQ(unreachable.cause(), Cause::kEnvironment);
  EXPECT_EQ(unreachable.message().find("secret"), std::string::npos) << unreachable.message();
}

TEST_F(PostgresSessionTest, TooManyConnectionsIsARetry) {
  session_->Execute("ALTER ROLE reader CONNECTION LIMIT 0");
  const Error error = Catch([&] { OpenPostgres("reader"); });
  session_->Execute("ALTER ROLE reader CONNECTION LIMIT -1");
  EXPECT_EQ(error.code(), "53300");
  EXPECT_EQ(error.reaction(), Reaction::kRetry);
}

TEST_F(PostgresSessionTest, ALockTimeoutIsARestart) {
  session_->Execute("CREATE TABLE t (id int)");
  session_->Begin(Isolation::kWrite);
  session_->Execute("LOCK TABLE t");
  const std::unique_ptr<Session> other = OpenPostgres();
  other->Execute("SET lock_timeout = '10ms'");
  const Error error = Catch([&] { other->Execute("INSERT INTO t VALUES (1)"); });
  EXPECT_EQ(error.code(), "55P03");
  EXPECT_EQ(error.reaction(), Reaction::kRestart);
}

TEST_F(PostgresSessionTest, ADeadlockIsARestartForOneOfTheTwo) {
  session_->Execute(
      "SET deadlock_timeout = '10ms'; CREATE TABLE t (id int PRIMARY KEY, n int);"
      "INSERT INTO t VALUES (1, 0), (2, 0)");
  const std::unique_ptr<Session> other = OpenPostgres();
  other->Execute("SET deadlock_timeout = '10ms'");
  session_->Begin(Isolation::kWrite);
  other->Begin(Isolation::kWrite);
  session_->Execute("UPDATE t SET n = 1 WHERE id = 1");
  other->Execute("UPDATE t SET n = 2 WHERE id = 2");
  const auto update = [](Session& session, const std::string& id) {
    try {
      session.Execute("UPDATE t SET n = 3 WHERE id = " + id);
    } catch (const Error& error) {
      EXPECT_EQ(error.reaction(), Reaction::kRestart);
      session.Rollback();
      return error.code();
    }
    return std::string();
  };
  std::future<std::string> theirs =
      std::async(std::launch::async, [&] { return update(*other, "1"); });
  const std::string ours = update(*session_, "2");
  EXPECT_EQ(ours + theirs.get(), "40P01");
}

TEST_F(PostgresSessionTest, ASerializationFailureIsARestart) {
  session_->Execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1)");
  const std::unique_ptr<Session> other = OpenPostgres();
  session_->Execute("BEGIN ISOLATION LEVEL REPEATABLE READ");
  session_->Query("SELECT * FROM t");
  other->Execute("UPDATE t SET id = 2");
  EXPECT_EQ(Catch([&] { session_->Execute("UPDATE t SET id = 3"); }).reaction(),
            Reaction::kRestart);
}

TEST_F(PostgresSessionTest, CommitOfAFailedTransactionIsAnErrorAndNotASilentRollback) {
  session_->Begin(Isolation::kWrite);
  Catch([&] { session_->Execute("SELECT 1 / 0"); });
  EXPECT_EQ(Catch([&] { session_->Commit(); }).reaction(), Reaction::kRestart);
  session_->Rollback();
}

TEST_F(PostgresSessionTest, SnapshotsAreReadOnly) {
  session_->Begin(Isolation::kSnapshot);
  EXPECT_EQ(Catch([&] { session_->Execute("CREATE TABLE t (id int)"); }).code(), "25006");
}

// Last: it takes the server away from under everybody.
TEST_F(PostgresSessionTest, ZZZ_ARestartOfTheServerIsARetryAndAnewSessionWorks) {
  session_->Execute("CREATE TABLE t (id int)");
  Server().StopImmediate();
  EXPECT_EQ(Catch([&] { session_->Execute("SELECT 1"); }).reaction(), Reaction::kRetry);
  EXPECT_EQ(Catch([&] { OpenPostgres(); }).reaction(), Reaction::kRetry);
  Server().Restart();
  EXPECT_TRUE(OpenPostgres()->Describe({"public", "t"}).has_value());
}

}  // namespace
}  // namespace syncline::sql
