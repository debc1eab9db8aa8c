#include "engine/sql/dialect.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/base/error.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::sql {
namespace {

// Fails when a kind of database that nobody has said anything about is taken for one of the others,
// as every comparison with one kind took it.
TEST(SqlDialectTest, AKindThatNobodyKnowsIsAnError) {
  const auto unknown = static_cast<Dialect>(3);
  EXPECT_THROW(DialectOf(unknown), Error);
  EXPECT_THROW(ForDialect(unknown, IfPostgres{1}, IfSqlite{2}), Error);
  EXPECT_THROW(Literal(ValueView::Int(1), unknown), Error);
  EXPECT_THROW(TypeOf("text", unknown), Error);
  EXPECT_THROW(DeclaredType("text", unknown), Error);
  EXPECT_THROW(FoldedName("a", Dialect{}), Error);
  EXPECT_EQ(ForDialect(Dialect::kSqlite, IfPostgres{1}, IfSqlite{[] { return 2; }}), 2);
}

TEST(SqlDialectTest, EachWritesItsOwnTerms) {
  const SqlDialect& postgres = DialectOf(Dialect::kPostgres);
  const SqlDialect& sqlite = DialectOf(Dialect::kSqlite);
  EXPECT_EQ(postgres.IsSame("a", "b"), "a IS NOT DISTINCT FROM b");
  EXPECT_EQ(sqlite.IsSame("a", "b"), "a IS b");
  EXPECT_EQ(postgres.Holds(Type::kJson, "a", "$1"), "a::text IS NOT DISTINCT FROM $1::text");
  EXPECT_EQ(sqlite.Holds(Type::kJson, "a", "$1"), "a IS $1");
  EXPECT_EQ(postgres.Parameter(2, "numeric(5,2)"), "CAST($2 AS numeric(5,2))");
  EXPECT_EQ(sqlite.Parameter(2, "DECIMAL"), "$2");
  EXPECT_EQ(WithDefaultSchema({"", "t"}, Dialect::kPostgres), (TableName{"public", "t"}));
  EXPECT_EQ(NameIn(Dialect::kSqlite, {"shop", "t"}), (TableName{"", "t"}));
  EXPECT_EQ(NameIn(Dialect::kPostgres, {"shop", "t"}), (TableName{"shop", "t"}));
}

TEST(DialectTest, QuotingDoublesInnerQuotes) {
  EXPECT_EQ(Quote("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(Quote(TableName{"s", "t"}), "\"s\".\"t\"");
  EXPECT_EQ(Quote(TableName{"", "t"}), "\"t\"");
  EXPECT_EQ(QuoteList({"a", "b"}, "t."), "t.\"a\", t.\"b\"");
  EXPECT_EQ(QuoteList({}), "");
}

TEST(DialectTest, PostgresLiteralsAreQuotedAndTakeTheTypeOfTheirColumn) {
  const auto literal = [](ValueView value) { return Literal(value, Dialect::kPostgres); };
  EXPECT_EQ(literal(ValueView::Null()), "NULL");
  EXPECT_EQ(literal(ValueView::Int(-5)), "'-5'");
  EXPECT_EQ(literal(ValueView::Text("it's")), "'it''s'");
  EXPECT_EQ(literal(ValueView::Text("a\\'b")), " E'a\\\\''b'");
  EXPECT_EQ(literal(ValueView::Bytes(std::string_view("\0", 1))), " E'\\\\x00'");
  EXPECT_EQ(literal(ValueView::TimestampTz(kPositiveInfinity)), "'infinity'");
  EXPECT_THROW(literal(ValueView::Text(std::string_view("a\0b", 3))), Error);
}

TEST(DialectTest, SqliteLiteralsAreWhatIsStored) {
  const auto literal = [](ValueView value) { return Literal(value, Dialect::kSqlite); };
  EXPECT_EQ(literal(ValueView::Bool(true)), "1");
  EXPECT_EQ(literal(ValueView::Double(1)), "1.0");
  EXPECT_EQ(literal(ValueView::Double(std::nan(""))), "'NaN'");
  EXPECT_EQ(literal(ValueView::Double(-INFINITY)), "-9e999");
  EXPECT_EQ(literal(ValueView::Text("it's \\")), "'it''s \\'");
  EXPECT_EQ(literal(ValueView::Text(std::string_view("a\0", 2))), "CAST(x'6100' AS TEXT)");
  EXPECT_EQ(literal(ValueView::Bytes("\xff")), "x'ff'");
  EXPECT_EQ(literal(ValueView::Decimal("1.50")), "'1.50'");
  EXPECT_EQ(literal(ValueView::Date(0)), "'2000-01-01'");
}

// Fails when values are pasted without quotes, or the columns of a key are mixed up.
TEST(DialectTest, KeysAreNamedInOneCondition) {
  const auto key = [](std::initializer_list<ValueView> values) {
    Row row;
    for (const ValueView value : values) row.Append(value);
    return row;
  };
  const Row one[] = {key({ValueView::Int(1)}), key({ValueView::Int(2)})};
  EXPECT_EQ(IsOneOf({"id"}, one, Dialect::kPostgres), "\"id\" IN ('1', '2')");
  EXPECT_EQ(IsOneOf({"id"}, one, Dialect::kSqlite), "\"id\" IN (1, 2)");
  const Row two[] = {key({ValueView::Int(1), ValueView::Text("it's")}),
                     key({ValueView::Int(2), ValueView::Text("b")})};
  EXPECT_EQ(IsOneOf({"a", "b"}, two, Dialect::kSqlite),
            "((\"a\" = 1 AND \"b\" = 'it''s') OR (\"a\" = 2 AND \"b\" = 'b'))");
  EXPECT_EQ(IsOneOf({"id"}, one, Dialect::kPostgres, {"OPERATOR(public.=)"}),
            "((\"id\" OPERATOR(public.=) '1') OR (\"id\" OPERATOR(public.=) '2'))");
}

TEST(TypeTableTest, ATypeOfPostgresMayNameItsSchema) {
  EXPECT_EQ(SchemaOfType("public.geometry(Point,4326)"), "public");
  EXPECT_EQ(SchemaOfType("\"a.b\".\"c.d\"[]"), "\"a.b\"");
  EXPECT_EQ(SchemaOfType("numeric(12,2)"), "");
  EXPECT_EQ(SchemaOfType("\"my.type\""), "");
}

TEST(TypeTableTest, PostgresTypesByTheirFormattedNames) {
  const auto type = [](std::string_view name) { return TypeOf(name, Dialect::kPostgres); };
  EXPECT_EQ(type("numeric(12,2)"), Type::kDecimal);
  EXPECT_EQ(type("timestamp(3) with time zone"), Type::kTimestampTz);
  EXPECT_EQ(type("timestamp without time zone"), Type::kTimestamp);
  EXPECT_EQ(type("time with time zone"), Type::kOther);
  EXPECT_EQ(type("character varying(20)"), Type::kText);
  EXPECT_EQ(type("integer[]"), Type::kOther);
  EXPECT_EQ(type("numeric(12,2)[]"), Type::kOther);
  EXPECT_EQ(type("jsonb"), Type::kJson);
  EXPECT_EQ(type("mood"), Type::kOther);
}

TEST(TypeTableTest, SqliteTypesByNameAndThenByAffinity) {
  const auto type = [](std::string_view name) { return TypeOf(name, Dialect::kSqlite); };
  EXPECT_EQ(type("integer"), Type::kInt);
  EXPECT_EQ(type("UNSIGNED BIG INT"), Type::kInt);
  EXPECT_EQ(type("POINT"), Type::kInt);  // SQLite's rules say so: it contains INT
  EXPECT_EQ(type("VARCHAR(20)"), Type::kText);
  EXPECT_EQ(type("double precision"), Type::kDouble);
  EXPECT_EQ(type("decimal (10, 2)"), Type::kDecimal);
  EXPECT_EQ(type("timestamp with time zone"), Type::kTimestampTz);
  EXPECT_EQ(type("DateTime"), Type::kTimestamp);
  EXPECT_EQ(type("bool"), Type::kBool);
  EXPECT_EQ(type("blob"), Type::kBytes);
  EXPECT_EQ(type(""), Type::kOther);
  EXPECT_EQ(type("STRING"), Type::kOther);
}

// Fails when a name is chosen that TypeOf reads as another type: a column would change it by
// travelling.
TEST(TypeTableTest, EveryTypeKeepsItselfOnTheWayThroughTheOtherDatabase) {
  for (int number = static_cast<int>(Type::kBool); number < static_cast<int>(Type::kOther);
       ++number) {
    const Column column{.name = "c", .type = static_cast<Type>(number), .native_type = "?"};
    for (const Dialect to : {Dialect::kPostgres, Dialect::kSqlite}) {
      const Dialect from = to == Dialect::kPostgres ? Dialect::kSqlite : Dialect::kPostgres;
      std::string native = ColumnTypeFor(column, from, to).ToString();
      // format_type() writes these out.
      if (native == "time" || native == "timestamp") native += " without time zone";
      if (native == "timestamptz") native = "timestamp with time zone";
      EXPECT_EQ(TypeName(TypeOf(native, to)), TypeName(column.type)) << native;
    }
  }
}

TEST(TypeTableTest, PrecisionAndScaleTravelWhereTheyMeanSomething) {
  const auto convert = [](const char* native, Dialect from) {
    const Dialect to = from == Dialect::kPostgres ? Dialect::kSqlite : Dialect::kPostgres;
    return ColumnTypeFor({.name = "c", .type = TypeOf(native, from), .native_type = native}, from,
                         to);
  };
  EXPECT_EQ(convert("numeric(12,2)", Dialect::kPostgres), "DECIMAL_TEXT(12,2)");
  EXPECT_EQ(convert("numeric", Dialect::kPostgres), "DECIMAL_TEXT");
  EXPECT_EQ(convert("DECIMAL_TEXT(12,2)", Dialect::kSqlite), "numeric(12,2)");
  EXPECT_EQ(convert("DECIMAL(12,2)", Dialect::kSqlite), "numeric");  // SQLite enforces no scale
  EXPECT_EQ(convert("VARCHAR(20)", Dialect::kSqlite), "text");       // nor a length
  EXPECT_EQ(ColumnTypeFor({.name = "c", .type = Type::kOther, .native_type = "mood"},
                          Dialect::kPostgres, Dialect::kPostgres),
            "mood");
}

}  // namespace
}  // namespace syncline::sql
