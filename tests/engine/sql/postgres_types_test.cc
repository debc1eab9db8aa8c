// Every type of PostgreSQL on its way out of a table and into one.

#include <gtest/gtest.h>

#include "engine/sql/dialect.h"
#include "engine/sql/session.h"
#include "tests/engine/sql/session_fixture.h"
#include "tests/support/any_sql.h"

namespace syncline::sql {
namespace {

class PostgresTypesTest : public SessionTest {
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
  session.Execute(
      test::AnySql("CREATE TABLE every (" + columns + "); CREATE TABLE copy (LIKE every)"));
  for (size_t row = 0; row <= most; ++row) {
    std::string values = std::to_string(row);
    for (const Sample& sample : kSamples) {
      values +=
          row < sample.values.size()
              ? ", " + Literal(ValueView::Text(sample.values[row]), Dialect::kPostgres).ToString()
              : ", NULL";
    }
    session.Execute(test::AnySql("INSERT INTO every VALUES (" + values + ")"));
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
TEST_F(PostgresTypesTest, EveryTypeIsExactThroughReadAndLoad) {
  MakeEvery(*session_);
  const TableSchema schema = SchemaOf(*session_, {"public", "every"});
  const std::vector<Row> rows = ReadAll(*session_, schema.table, "id");
  session_->LoadRows({"public", "copy"}, ColumnNames(schema), Pointers(rows));
  ExpectCopyIsEqual(*session_);
  EXPECT_EQ(ReadAll(*session_, {"public", "copy"}, "id"), rows);
}

TEST_F(PostgresTypesTest, EveryTypeIsExactThroughReadAndExecuteEach) {
  MakeEvery(*session_);
  const TableSchema schema = SchemaOf(*session_, {"public", "every"});
  const std::vector<Row> rows = ReadAll(*session_, schema.table, "id");
  std::string parameters;
  for (size_t i = 1; i <= schema.columns.size(); ++i) {
    parameters += (i > 1 ? ", $" : "$") + std::to_string(i);
  }
  session_->ExecuteEach(test::AnySql("INSERT INTO copy VALUES (" + parameters + ")"),
                        Pointers(rows));
  ExpectCopyIsEqual(*session_);
}

TEST_F(PostgresTypesTest, ValuesHaveTheTypeThatTheirColumnDeclares) {
  MakeEvery(*session_);
  const TableSchema schema = SchemaOf(*session_, {"public", "every"});
  const Row row = ReadAll(*session_, schema.table, "id").at(0);
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    EXPECT_EQ(TypeName(row[i].type()), TypeName(schema.columns[i].type))
        << schema.columns[i].native_type;
  }
}

TEST_F(PostgresTypesTest, EnumsAreOrderedAsTheTypeSaysAndNotByTheirText) {
  MakeEvery(*session_);
  session_->Execute("CREATE TABLE moods (m mood); INSERT INTO moods VALUES ('fine'), ('so so')");
  const std::vector<Row> rows = ReadAll(*session_, {"public", "moods"}, "m");
  EXPECT_EQ(rows[0][0].as_string(), "so so");
}

TEST_F(PostgresTypesTest, LongValuesAndManyRowsPassThrough) {
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

TEST_F(PostgresTypesTest, ValuesOfOtherTypesAreConverted) {
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

}  // namespace
}  // namespace syncline::sql
