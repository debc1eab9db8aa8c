#include "engine/sql/sql_text.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/session.h"

namespace syncline::sql {
namespace {

template <typename Text>
concept MayBeRun = requires(Session& session, Text text) {
  session.Execute(text);
}
|| requires(Session& session, Text text) { session.Query(text); }
|| requires(Session& session, Text text) { session.Change(text); }
|| requires(const TableSchema& schema, Text text) {
  Session::Read{.schema = schema, .where = text};
};
template <typename Text>
concept MayBePasted = requires(Sql sql, Text text) {
  sql + text;
}
|| requires(Sql sql, Text text) { sql += text; }
|| requires(Text text) { SqlArgument(text); };

// Text that comes from anywhere else than the program's source is not SQL. Fails, by not compiling,
// when a constructor or an operator takes a string.
static_assert(MayBeRun<Sql> && MayBePasted<Sql> && MayBePasted<int64_t>);
static_assert(!MayBeRun<std::string> && !MayBePasted<std::string>);
static_assert(!MayBeRun<const char*> && !MayBePasted<const char*>);
static_assert(!MayBeRun<std::string_view> && !MayBePasted<std::string_view>);
static_assert(!MayBePasted<char> && !MayBePasted<bool> && !MayBePasted<double>);
static_assert(!std::is_constructible_v<Sql, std::string>);
static_assert(!std::is_constructible_v<Sql, char*>);
static_assert(!std::is_convertible_v<Sql, std::string>);

constexpr char kStatement[] = "SELECT {} FROM {}";

TEST(SqlTest, AFormatTakesSqlAndIntegersByPlaceOrByNumber) {
  EXPECT_EQ(Format(kStatement, Quote("a\"b"), Quote("t")), R"(SELECT "a""b" FROM "t")");
  EXPECT_EQ(Format("{1} {0} {{}} {1}", Sql("a"), -5), "-5 a {} -5");
  EXPECT_EQ(Format("{}", std::numeric_limits<uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(Format("{}", std::numeric_limits<int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(Format("no argument"), "no argument");
  EXPECT_EQ(JoinNumbers(std::vector<uint32_t>{1, 2}, ", "), "1, 2");
}

// Fails when braces of what was pasted in are taken for places of the format.
TEST(SqlTest, AnArgumentIsPastedAsItIs) {
  EXPECT_EQ(Format("{} {}", Quote("{0}{}}{"), Sql("x")), R"("{0}{}}{" x)");
}

TEST(SqlTest, ItIsPutTogetherWithoutChangingItsParts) {
  const Sql literal = "a";
  const Sql both = literal + ", " + Quote("b");
  EXPECT_EQ(literal, "a");
  EXPECT_EQ(both, "a, \"b\"");
  EXPECT_STREQ(both.c_str(), "a, \"b\"");
  EXPECT_TRUE(Sql().empty());
  EXPECT_STREQ(Sql().c_str(), "");
  EXPECT_EQ(Join(std::vector<Sql>{"a", both}, " AND "), "a AND a, \"b\"");
}

// A statement would end there.
TEST(SqlTest, ZeroBytesAreRefused) {
  EXPECT_THROW(Quote(std::string_view("a\0b", 3)), Error);
  EXPECT_THROW(Sql::OfOperator(std::string("a\0b", 3)), Error);
}

// Fails when a name that PostgreSQL would cut gets lost on the way into a statement.
TEST(SqlTest, AStatementKnowsOfANameThatIsTooLong) {
  const std::string name(64, 'n');
  const Sql statement = Format("SELECT {} FROM {}", Quote("a"), "x" + Quote(TableName{"s", name}));
  EXPECT_EQ(statement.long_name(), name);
  EXPECT_EQ(Format("SELECT {}", Quote(std::string(63, 'n'))).long_name(), "");
}

}  // namespace
}  // namespace syncline::sql
