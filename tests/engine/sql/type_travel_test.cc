// Values on their way between the two databases, by the table of types in engine/sql/README.md.

#include <gtest/gtest.h>

#include "engine/model/value_text.h"
#include "engine/sql/dialect.h"
#include "tests/engine/sql/session_fixture.h"
#include "tests/support/any_sql.h"

namespace syncline::sql {
namespace {

class TypeTravelTest : public SessionTest {
 protected:
  // Makes `copy` in `to` with the types that the table of types gives, and copies the rows of
  // `table` into it.
  void Copy(Session& from, const TableName& table, Session& to, const std::string& copy) {
    const TableSchema schema = SchemaOf(from, table);
    to.Execute(test::AnySql(CreateTable(schema, copy, to.dialect())));
    const std::vector<Row> rows = ReadAll(from, table, "id");
    to.LoadRows({to.dialect() == Dialect::kPostgres ? "public" : "", copy}, ColumnNames(schema),
                Pointers(rows));
  }

  const std::unique_ptr<Session> postgres_ = OpenPostgres();
  const std::unique_ptr<Session> sqlite_ = OpenSqlite();
};

// Fails with DECIMAL or JSON for DECIMAL_TEXT and JSON_TEXT: their affinity turns 1.50 into 1.5.
TEST_F(TypeTravelTest, PostgresToSqliteAndBackKeepsTypesAndValues) {
  postgres_->Execute(R"(
    CREATE TABLE source (id bigint, flag boolean, small smallint, f double precision, n numeric,
      money numeric(12,2), t text, b bytea, d date, tm time, ts timestamp, tz timestamptz, u uuid, j json);
    INSERT INTO source VALUES
      (1, true, -1, 0.1, 1.50, 7.10, '', '', '2026-01-31', '24:00', '2026-01-31 12:00:00.000001',
       '2026-01-31 12:00:00+02', 'ffffffff-ffff-4fff-bfff-ffffffffffff', '1.0'),
      (2, false, 1, 'NaN', 'NaN', 100, '007', '\x00ff', 'infinity', '00:00', '-infinity', 'infinity',
       '00000000-0000-0000-0000-000000000000', '{"a":  1}'),
      (3, NULL, NULL, '-Infinity', '-Infinity', NULL, '1e3', NULL, '0044-03-15 BC', '23:59:59.999999',
       '294276-12-31 23:59:59.999999', '4714-11-24 00:00:00+00 BC', NULL, '"text"'),
      (9223372036854775807, NULL, NULL, 1e300, 12345678901234567890.12345678901234567890, 0, '日本語', NULL,
       '5874897-12-31', NULL, NULL, NULL, NULL, NULL))");
  Copy(*postgres_, {"public", "source"}, *sqlite_, "middle");
  Copy(*sqlite_, {"", "middle"}, *postgres_, "back");
  EXPECT_EQ(One(*postgres_,
                "SELECT count(*) FROM (SELECT source::text FROM source EXCEPT SELECT back::text "
                "FROM back) x"),
            "0");
  const TableSchema source = SchemaOf(*postgres_, {"public", "source"});
  const TableSchema back = SchemaOf(*postgres_, {"public", "back"});
  for (size_t i = 0; i < source.columns.size(); ++i) {
    EXPECT_EQ(TypeName(back.columns[i].type), TypeName(source.columns[i].type))
        << source.columns[i].name;
  }
  EXPECT_EQ(back.columns[back.Find("money")].native_type, "numeric(12,2)");
}

TEST_F(TypeTravelTest, ARealTravelsAsTheDoubleOfTheSameValueAndNegativeZeroLosesItsSign) {
  postgres_->Execute(
      "CREATE TABLE source (id int, r real, f double precision);"
      "INSERT INTO source VALUES (1, 0.1, '-0')");
  Copy(*postgres_, {"public", "source"}, *sqlite_, "middle");
  Copy(*sqlite_, {"", "middle"}, *postgres_, "back");
  EXPECT_EQ(One(*postgres_, "SELECT back::text FROM back"), "(1,0.10000000149011612,0)");
  EXPECT_EQ(One(*postgres_, "SELECT count(*) FROM source JOIN back ON back.r::real = source.r"),
            "1");
}

TEST_F(TypeTravelTest, OrderInSqliteIsTheOrderOfTimeFromYear1To9999) {
  postgres_->Execute(
      "CREATE TABLE source (id int, at timestamptz); INSERT INTO source SELECT row_number() OVER "
      "(), at "
      "FROM unnest('{0001-01-01 00:00:00+00, 0999-12-31 23:59:59.9+00, 2026-01-31 12:00:00+00, "
      "2026-01-31 12:00:00.000001+00, 2026-01-31 12:00:01+00, 9999-12-31 "
      "23:59:59.999999+00}'::timestamptz[]) at");
  Copy(*postgres_, {"public", "source"}, *sqlite_, "copy");
  EXPECT_EQ(One(*sqlite_, "SELECT group_concat(id, '') FROM (SELECT id FROM copy ORDER BY at)"),
            "123456");
}

TEST_F(TypeTravelTest, EverythingElseArrivesInSqliteAsItsText) {
  postgres_->Execute(
      "CREATE TABLE source (id int, a int[], r int4range, i interval, p character(4), x inet);"
      "INSERT INTO source VALUES (1, '{1,NULL}', '[1,3)', '1 day', 'ab', '::1')");
  Copy(*postgres_, {"public", "source"}, *sqlite_, "copy");
  EXPECT_EQ(One(*sqlite_, "SELECT a || '|' || r || '|' || i || '|' || p || '|' || x FROM copy"),
            "{1,NULL}|[1,3)|1 day|ab  |::1");
}

TEST_F(TypeTravelTest, SqliteValuesFindTheirWayIntoPostgresColumns) {
  sqlite_->Execute(
      "CREATE TABLE source (id INTEGER PRIMARY KEY, at DATETIME DEFAULT CURRENT_TIMESTAMP, unix "
      "TIMESTAMP,"
      " flag BOOLEAN, price DECIMAL(10,2), data BLOB, name VARCHAR(10), anything);"
      "INSERT INTO source VALUES (1, '2026-01-31 12:00:00', 1769860800, 1, 12.5, 'text in a blob',"
      " 'longer than ten', 3.5), (2, '2026-01-31T12:00:00.5', '2026-01-31', 'true', '3', x'00', "
      "NULL, 'x')");
  Copy(*sqlite_, {"", "source"}, *postgres_, "copy");
  const ResultSet rows = postgres_->Query("SELECT copy::text FROM copy ORDER BY id");
  EXPECT_EQ(rows.rows[0][0],
            "(1,\"2026-01-31 12:00:00\",\"2026-01-31 12:00:00\",t,12.5,"
            "\"\\\\x7465787420696e206120626c6f62\",\"longer than ten\",3.5)");
  EXPECT_EQ(rows.rows[1][0],
            "(2,\"2026-01-31 12:00:00.5\",\"2026-01-31 00:00:00\",t,3,\"\\\\x00\",,x)");
}

}  // namespace
}  // namespace syncline::sql
