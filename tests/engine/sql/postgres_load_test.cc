// LoadRows into PostgreSQL: what goes in binary is exact, and everything else goes as text and
// means what it meant there.

#include <gtest/gtest.h>

#include <limits>

#include "engine/sql/dialect.h"
#include "engine/sql/postgres/rows/postgres_binary_writer.h"
#include "engine/sql/postgres/rows/postgres_types.h"
#include "engine/sql/session.h"
#include "tests/engine/sql/session_fixture.h"
#include "tests/support/any_sql.h"

namespace syncline::sql {
namespace {

class PostgresLoadTest : public SessionTest {
 protected:
  void Load(const std::vector<Row>& rows) {
    session_->LoadRows({"public", "target"}, {"id", "v"}, Pointers(rows));
  }
  std::string Loaded(int id) {
    return One(*session_, "SELECT v::text FROM target WHERE id = " + std::to_string(id));
  }

  const std::unique_ptr<Session> session_ = OpenPostgres();
};

bool FitsAlone(ValueView value, TypeOid type) {
  const std::vector<Row> rows = {MakeRow({value})};
  return FitBinary(Pointers(rows), {type});
}

struct LoadSample {
  const char* type;
  TypeOid oid;
  std::vector<const char*> values;  // as literals
};

// Every type that is sent in binary, with its extremes.
const LoadSample kLoadSamples[] = {
    {"boolean", oid::kBool, {"true", "false"}},
    {"smallint", oid::kInt2, {"-32768", "32767"}},
    {"integer", oid::kInt4, {"-2147483648", "2147483647"}},
    {"bigint", oid::kInt8, {"-9223372036854775808", "9223372036854775807", "0"}},
    {"oid", oid::kOid, {"0", "4294967295"}},
    {"xid8", oid::kXid8, {"0", "9223372036854775807"}},
    {"real", oid::kFloat4, {"NaN", "-Infinity", "Infinity", "-0", "0.1", "1e-45", "3.4028235e38"}},
    {"double precision",
     oid::kFloat8,
     {"NaN", "-Infinity", "Infinity", "-0", "0.1", "5e-324", "1.7976931348623157e308", "1e23"}},
    {"numeric",
     oid::kNumeric,
     {"0", "0.000", "-0.50", "1.50", "10000", "9999", "100000000.0001", "0.00000000000000001",
      "0.0001", "0.00001", "-99999999", "-10000.0", "123456789012345678901234567890.0123456789"}},
    {"numeric(12,2)", oid::kNumeric, {"-1234567890.12", "0.05", "7.10"}},
    {"numeric(3,-2)", oid::kNumeric, {"99900", "-100"}},
    {"text", oid::kText, {"", " ", "\\N", "\\.", "tab\tnewline\nreturn\rback\\slash", "日本語 🎉"}},
    {"character varying(20)", oid::kVarchar, {"", "trailing   "}},
    {"character(5)", oid::kBpchar, {"", "ab", "abcde", "é"}},
    {"bytea", oid::kBytea, {"", "\\x00", "\\x5c4e", "\\xdeadbeef000a0d09"}},
    {"date",
     oid::kDate,
     {"infinity", "-infinity", "4714-11-24 BC", "0001-12-31 BC", "5874897-12-31", "2000-01-01"}},
    {"time", oid::kTime, {"00:00:00", "24:00:00", "23:59:59.999999"}},
    {"timestamp",
     oid::kTimestamp,
     {"infinity", "-infinity", "4714-11-24 00:00:00 BC", "294276-12-31 23:59:59.999999",
      "1999-12-31 23:59:59.999999"}},
    {"timestamp(3) with time zone",
     oid::kTimestampTz,
     {"infinity", "-infinity", "4714-11-24 00:00:00+00 BC", "294276-12-31 23:59:59.999+00"}},
    {"timestamptz", oid::kTimestampTz, {"2026-10-25 02:30:00.000001+01"}},
    {"uuid",
     oid::kUuid,
     {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-4fff-bfff-ffffffffffff"}},
    {"json", oid::kJson, {"{\"b\": 1.50,  \"a\":null, \"a\":\"\\u00e9\\n\"}", "\"\"", "1.0"}},
    {"jsonb", oid::kJsonb, {"{\"b\": 1.50, \"a\":null}", "1.00", "\"tab\\there\""}},
};

// Fails when a writer is off by a digit: try the numeric's weight, the date's infinities, or leave
// out jsonb's version.
TEST_F(PostgresLoadTest, WhatIsSentInBinaryIsExact) {
  for (const LoadSample& sample : kLoadSamples) {
    SCOPED_TRACE(sample.type);
    session_->Execute(
        test::AnySql("DROP TABLE IF EXISTS origin, target; CREATE TABLE origin (id int, v " +
                     std::string(sample.type) + "); CREATE TABLE target (LIKE origin)"));
    int id = 0;
    for (const char* const value : sample.values) {
      session_->Execute(
          test::AnySql("INSERT INTO origin VALUES (" + std::to_string(id++) + ", " +
                       Literal(ValueView::Text(value), Dialect::kPostgres).ToString() + ")"));
    }
    session_->Execute(test::AnySql("INSERT INTO origin VALUES (" + std::to_string(id) + ", NULL)"));
    const std::vector<Row> rows = ReadAll(*session_, {"public", "origin"}, "id");
    EXPECT_TRUE(FitBinary(Pointers(rows), {oid::kInt4, sample.oid}));
    Load(rows);
    // By text: "=" takes 1.0 for 1.00 and -0 for 0, and has no opinion on json.
    EXPECT_EQ(One(*session_,
                  "SELECT count(*) FROM origin o FULL JOIN target t USING (id) "
                  "WHERE o.v::text IS DISTINCT FROM t.v::text"),
              "0");
    EXPECT_EQ(ReadAll(*session_, {"public", "target"}, "id"), rows);
  }
}

TEST_F(PostgresLoadTest, TheLongestNumericsAreExactInBothDirections) {
  session_->Execute("CREATE TABLE target (id int, v numeric)");
  const std::string whole(131'072, '7');
  const std::string fraction = std::string(16'382, '0') + "3";
  const std::vector<std::string> texts = {whole + "." + fraction, "-" + whole, "0." + fraction};
  std::vector<Row> rows;
  for (size_t i = 0; i < texts.size(); ++i) {
    rows.push_back(MakeRow({ValueView::Int(static_cast<int>(i)), ValueView::Decimal(texts[i])}));
  }
  EXPECT_TRUE(FitBinary(Pointers(rows), {oid::kInt4, oid::kNumeric}));
  Load(rows);
  for (size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(Loaded(static_cast<int>(i)), texts[i]);
  EXPECT_EQ(ReadAll(*session_, {"public", "target"}, "id"), rows);
}

// A source that is not PostgreSQL, or a column that was declared by hand.
TEST_F(PostgresLoadTest, DecimalsThatNoPostgresWritesArriveAsTheServerParsesThem) {
  session_->Execute("CREATE TABLE target (id int, v numeric)");
  for (const auto& [text, binary] : {std::pair("007.50", true),
                                     {"-0.0", true},
                                     {"00", true},
                                     {"1e5", false},
                                     {".5", false},
                                     {"5.", false},
                                     {"+1", false},
                                     {" 1", false},
                                     {"NaN", false},
                                     {"-Infinity", false}}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(FitsAlone(ValueView::Decimal(text), oid::kNumeric), binary);
    session_->Execute("TRUNCATE target");
    Load({MakeRow({ValueView::Int(1), ValueView::Decimal(text)})});
    EXPECT_EQ(Loaded(1), One(*session_, "SELECT '" + std::string(text) + "'::numeric"));
  }
  EXPECT_FALSE(FitsAlone(ValueView::Decimal(""), oid::kNumeric));
  EXPECT_FALSE(FitsAlone(ValueView::Decimal("-"), oid::kNumeric));
}

// Fails when a value is taken for what its column's binary form would make of its bytes.
TEST_F(PostgresLoadTest, ValuesOfAnotherTypeOrOutOfRangeGoAsText) {
  const std::string zero("a\0b", 3);
  for (const auto& [value, type] :
       {std::pair(ValueView::Int(32'768), oid::kInt2),
        {ValueView::Int(-2'147'483'649), oid::kInt4},
        {ValueView::Int(-1), oid::kOid},
        {ValueView::Int(-1), oid::kXid8},
        {ValueView::Int(1), oid::kBool},
        {ValueView::Int(1), oid::kTimestampTz},
        {ValueView::Int(1), oid::kText},
        {ValueView::Bool(true), oid::kInt4},
        {ValueView::Double(0.1), oid::kFloat4},
        {ValueView::Double(1e39), oid::kFloat4},
        {ValueView::Int(1), oid::kFloat8},
        {ValueView::Int(1), oid::kNumeric},
        {ValueView::Date(2'145'031'949), oid::kDate},
        {ValueView::Date(-2'451'546), oid::kDate},
        {ValueView::Date(0), oid::kTimestamp},
        {ValueView::Time(86'400'000'001), oid::kTime},
        {ValueView::Timestamp(0), oid::kTimestampTz},
        {ValueView::TimestampTz(0), oid::kTimestamp},
        {ValueView::Timestamp(std::numeric_limits<int64_t>::max() - 1), oid::kTimestamp},
        {ValueView::Text("x"), oid::kBytea},
        {ValueView::Bytes("x"), oid::kText},
        {ValueView::Text("{}"), oid::kJson},
        {ValueView::Text(zero), oid::kText},
        {ValueView::Text("n"), oid::kName},
        {ValueView::Other("{1}"), TypeOid{1007}}}) {
    EXPECT_FALSE(FitsAlone(value, type)) << TypeName(value.type()) << " as " << type;
  }
  EXPECT_FALSE(FitBinary({}, {oid::kName}));  // NULLs too: not every type has a binary form
}

TEST_F(PostgresLoadTest, OneValueThatIsNotOfItsColumnsTypeTakesAllRowsOfTheCallAlong) {
  session_->Execute("CREATE TABLE target (id int, v timestamptz)");
  std::vector<Row> rows;
  for (int i = 0; i < 20'000; ++i) {
    rows.push_back(MakeRow({ValueView::Int(i), ValueView::TimestampTz(i)}));
  }
  rows.push_back(MakeRow({ValueView::Int(20'000), ValueView::Int(0)}));
  Load(rows);
  EXPECT_EQ(One(*session_, "SELECT count(*) FROM target"), "20001");
  EXPECT_EQ(Loaded(1), "2000-01-01 00:00:00.000001+00");
  EXPECT_EQ(Loaded(20'000), "1970-01-01 00:00:00+00");
}

TEST_F(PostgresLoadTest, ARefusedValueIsNamedByRowAndColumnAlsoInBinary) {
  session_->Execute("CREATE TABLE target (id int UNIQUE, v numeric(3,0))");
  const auto row = [](int id, const char* v) {
    return MakeRow({ValueView::Int(id), ValueView::Decimal(v)});
  };
  const Error overflow = Catch([&] { Load({row(1, "999"), row(2, "1000")}); });
  EXPECT_EQ(overflow.code(), "22003");
  EXPECT_NE(overflow.message().find("row 1"), std::string::npos) << overflow.message();
  EXPECT_NE(overflow.message().find("column v"), std::string::npos) << overflow.message();
  const Error twice = Catch([&] { Load({row(1, "1"), row(2, "2"), row(1, "3")}); });
  EXPECT_EQ(twice.code(), "23505");
  EXPECT_NE(twice.message().find("row 2"), std::string::npos) << twice.message();
}

TEST_F(PostgresLoadTest, TextThatIsNotUtf8IsRefusedAlsoInBinary) {
  session_->Execute("CREATE TABLE target (id int, v text)");
  const Error error = Catch([&] {
    Load({MakeRow({ValueView::Int(1), ValueView::Text("fine")}),
          MakeRow({ValueView::Int(2), ValueView::Text("\xff")})});
  });
  EXPECT_EQ(error.code(), "22021");
  EXPECT_NE(error.message().find("row 1"), std::string::npos) << error.message();
}

}  // namespace
}  // namespace syncline::sql
