#include "engine/sql/own_table.h"
#include "engine/sql/table_functions.h"
#include "engine/sql/type_resolution.h"

#include "tests/engine/sql/session_fixture.h"

namespace syncline::sql {
namespace {

// What belongs to whom, as role `syncer` sees it; `mallory` is a stranger.
class TrustedRolesTest : public SessionTest {
 protected:
  TrustedRolesTest() {
    static const bool roles_made = [] {
      Server().Execute(
          "CREATE ROLE syncer LOGIN; CREATE ROLE mallory LOGIN; CREATE ROLE admin LOGIN; "
          "CREATE ROLE devs; CREATE ROLE alone; CREATE ROLE other LOGIN; GRANT syncer TO admin; "
          "GRANT devs TO syncer, mallory; GRANT alone TO syncer, admin; GRANT other TO syncer");
      return true;
    }();
    static_cast<void>(roles_made);
    Server().Execute("GRANT USAGE, CREATE ON SCHEMA public TO PUBLIC");
    session_ = OpenPostgres("syncer");
  }

  // A table of that owner's, and what is done to it.
  OwnTable LookAt(const std::string& owner, const std::string& then = "") {
    Server().Execute(
        "DROP TABLE IF EXISTS public.own; CREATE TABLE public.own(a text); "
        "ALTER TABLE public.own OWNER TO " +
        owner + ";" + then);
    return LookAtOwnTable(*session_, {"public", "own"});
  }

  std::unique_ptr<Session> session_;
};

// Fails where being a member of the owner was enough: for devs and other.
TEST_F(TrustedRolesTest, AGroupIsTrustedWhileNobodyElseIsInIt) {
  for (const char* owner : {"syncer", "postgres", "admin", "alone"}) {
    EXPECT_EQ(LookAt(owner).objection, "") << owner;
  }
  EXPECT_FALSE(LookAt("syncer").is_shaky);
  EXPECT_TRUE(LookAt("alone").is_shaky);  // it may get members
  for (const char* owner : {"mallory", "devs", "other"}) {
    const OwnTable found = LookAt(owner);
    EXPECT_NE(found.objection.find("belongs to role " + std::string(owner)), std::string::npos)
        << owner << ": " << found.objection;
    EXPECT_NE(found.hint.find("OWNER TO \"syncer\""), std::string::npos) << found.hint;
  }
}

// Fails for each when triggers alone were looked for.
TEST_F(TrustedRolesTest, NothingInAnOwnTableRunsCode) {
  Server().Execute("CREATE DOMAIN public.word AS text");
  for (const char* then :
       {"ALTER TABLE public.own ADD CHECK (a <> '')", "ALTER TABLE public.own ADD b int DEFAULT 1",
        "ALTER TABLE public.own ADD b text GENERATED ALWAYS AS (a || 'x') STORED",
        "CREATE INDEX ON public.own ((a || 'x'))", "CREATE INDEX ON public.own (a) WHERE a <> ''",
        "ALTER TABLE public.own ADD b public.word"}) {
    EXPECT_NE(LookAt("syncer", then).objection, "") << then;
    // A new owner would make it trusted.
    EXPECT_EQ(LookAt("mallory", then).hint.find("OWNER TO"), std::string::npos) << then;
  }
  EXPECT_EQ(LookAt("syncer",
                   "ALTER TABLE public.own ADD b bigint GENERATED ALWAYS AS IDENTITY "
                   "PRIMARY KEY; CREATE INDEX ON public.own (a)")
                .objection,
            "");
}

// Fails before the types' owners were looked at: each was used.
TEST_F(TrustedRolesTest, AStrangersTypeIsNotUsed) {
  Server().Execute(
      "CREATE DOMAIN public.evil AS text CHECK (VALUE <> 'x'); CREATE TYPE public.mood AS ENUM "
      "('a');"
      "ALTER DOMAIN public.evil OWNER TO mallory; ALTER TYPE public.mood OWNER TO mallory;"
      "CREATE DOMAIN public.over AS public.evil; CREATE TYPE public.pair AS (a int, b public.evil);"
      "CREATE TYPE public.span AS RANGE (SUBTYPE = public.evil);"
      "CREATE DOMAIN public.fine AS text; ALTER DOMAIN public.fine OWNER TO syncer;"
      "CREATE TYPE public.nice AS ENUM ('a')");
  for (const char* type : {"public.evil", "evil", "public.evil[]", "public.mood", "public.over",
                           "public.over[]", "public.pair", "public.pair[]", "public.span"}) {
    const Error error = Catch([&] { ResolveType(*session_, type, "public"); });
    EXPECT_EQ(error.reaction(), Reaction::kStop) << type;
    EXPECT_NE(error.message().find("belongs to role mallory"), std::string::npos)
        << error.message();
  }
  for (const char* type :
       {"public.fine", "public.nice[]", "bigint", "information_schema.sql_identifier"}) {
    EXPECT_TRUE(ResolveType(*session_, type, "public")) << type;
  }
}

// Fails before domains, conditions of triggers and keys of partitions were followed.
TEST_F(TrustedRolesTest, FunctionsAreFoundBehindDomainsAndConditions) {
  Server().Execute(
      "CREATE FUNCTION public.ok(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';"
      "CREATE FUNCTION public.part(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';"
      "ALTER FUNCTION public.ok OWNER TO mallory; ALTER FUNCTION public.part OWNER TO mallory;"
      "CREATE DOMAIN public.checked AS text CHECK (public.ok(VALUE));"
      "CREATE TABLE public.a(v public.checked[]); CREATE TABLE public.b(v text);"
      "CREATE TRIGGER t BEFORE UPDATE ON public.b FOR EACH ROW WHEN (public.ok(NEW.v)) "
      "EXECUTE FUNCTION suppress_redundant_updates_trigger();"
      "CREATE VIEW public.c AS SELECT v::public.checked FROM public.b;"
      "CREATE TABLE public.d(i int) PARTITION BY RANGE (public.part(i))");
  const auto found = [&](const char* table) {
    const std::vector<TableFunction> functions = FunctionsOf(*session_, {"public", table});
    return functions.size() == 1 && functions[0].owner == "mallory" && !functions[0].trusted
               ? functions[0].used_by
               : std::to_string(functions.size());
  };
  EXPECT_EQ(found("a"), "type of column v");
  EXPECT_EQ(found("b"), "trigger t");
  EXPECT_EQ(found("d"), "partition key of d");
  bool on_read = false;
  for (const TableFunction& function : FunctionsOf(*session_, {"public", "c"})) {
    on_read = on_read || (function.used_by == "view c" && function.on_read && !function.trusted);
  }
  EXPECT_TRUE(on_read);
}

}  // namespace
}  // namespace syncline::sql
