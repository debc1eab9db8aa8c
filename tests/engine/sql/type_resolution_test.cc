#include "engine/sql/type_resolution.h"

#include "engine/sql/dialect.h"

#include "tests/engine/sql/session_fixture.h"

namespace syncline::sql {
namespace {

class TypeResolutionTest : public SessionTest {
 protected:
  // "nothing" where there is no such type.
  std::string Resolved(const std::string& native, const std::string& schema = "app") {
    const std::optional<Sql> type = ResolveType(*session_, native, schema);
    return type ? type->ToString() : "nothing";
  }

  const std::unique_ptr<Session> session_ = OpenPostgres();
};

// What a log says of a type is put into no statement but as what the server calls the type, and
// means the same to the server.
TEST_F(TypeResolutionTest, TheServersOwnTypesKeepTheirModifiers) {
  for (const char* type : {"bigint",
                           "character varying(20)",
                           "character varying",
                           "character(3)",
                           "bpchar",
                           "numeric(10,2)",
                           "numeric",
                           "timestamp(3) with time zone",
                           "time without time zone",
                           "bit(5)",
                           "\"bit\"",
                           "bit varying(5)",
                           "\"char\"",
                           "interval(3)",
                           "interval day to second",
                           "interval day to second(2)",
                           "double precision",
                           "integer[]",
                           "numeric(10,2)[]",
                           "name",
                           "timestamp without time zone[]"}) {
    EXPECT_EQ(Resolved(type), type);
  }
  EXPECT_EQ(Resolved("pg_catalog.int4"), "integer");
  EXPECT_EQ(Resolved("timestamptz(3)"), "timestamp(3) with time zone");
}

// Logs of builds that had a schema in their search_path hold its types without it. Fails when a
// name is only looked for as it stands.
TEST_F(TypeResolutionTest, ATypeIsFoundByItsNameBesideTheTableOrInPublic) {
  session_->Execute(
      "CREATE SCHEMA app; CREATE SCHEMA other; CREATE TYPE app.mood AS ENUM ('a'); "
      "CREATE TYPE other.mood AS ENUM ('b'); CREATE DOMAIN public.code AS text; "
      "CREATE TYPE other.\"Odd \"\"one\"\"\" AS (a int); "
      "SELECT pg_catalog.set_config('search_path', '', false)");
  EXPECT_EQ(Resolved("mood"), "app.mood");
  EXPECT_EQ(Resolved("mood[]"), "app.mood[]");
  EXPECT_EQ(Resolved("mood", "other"), "other.mood");
  EXPECT_EQ(Resolved("mood", "elsewhere"), "nothing");
  EXPECT_EQ(Resolved("other.mood"), "other.mood");
  EXPECT_EQ(Resolved("sales.mood"), "app.mood");  // the source keeps it in a schema of its own
  EXPECT_EQ(Resolved("code"), "public.code");
  EXPECT_EQ(Resolved("code", ""), "public.code");
  EXPECT_EQ(Resolved("other.\"Odd \"\"one\"\"\""), "other.\"Odd \"\"one\"\"\"");
  EXPECT_EQ(Resolved("missing"), "nothing");
  // PostgreSQL would cut the name, and find another.
  session_->Execute(Format("CREATE TYPE app.{} AS ENUM ('a')", Quote(std::string(63, 'm'))));
  EXPECT_EQ(Resolved(std::string(64, 'm')), "nothing");
}

TEST_F(TypeResolutionTest, WhatIsNoTypesNameDoesNotReachTheServer) {
  const Error error = Catch([&] { Resolved("text); DROP TABLE x; --"); });
  EXPECT_EQ(error.reaction(), Reaction::kStop);
  EXPECT_NE(error.message().find("is no type"), std::string::npos) << error.message();
}

}  // namespace
}  // namespace syncline::sql
