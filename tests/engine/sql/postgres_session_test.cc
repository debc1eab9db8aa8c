#include "engine/sql/session.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include "engine/sql/dialect.h"
#include "engine/sql/postgres/link/postgres_probe.h"
#include "engine/sql/time_zone.h"
#include "tests/engine/sql/session_fixture.h"
#include "tests/support/any_sql.h"

namespace syncline::sql {
namespace {

using Isolation = Session::Isolation;

class PostgresSessionTest : public SessionTest {
 protected:
  const std::unique_ptr<Session> session_ = OpenPostgres();
};

// Fails when names with more than letters are not asked for: two that are one would count as two.
TEST_F(PostgresSessionTest, AZoneThatAlwaysShowsWhatUtcShowsIsUtc) {
  for (const auto& [zone, expected] : std::initializer_list<std::pair<const char*, const char*>>{
           {"Africa/Abidjan", "UTC"}, {"Iceland", "UTC"}, {"Europe/Berlin", "Europe/Berlin"}}) {
    session_->Execute(test::AnySql("ALTER ROLE reader SET timezone = '" + std::string(zone) + "'"));
    const auto reader = OpenPostgres("reader");
    EXPECT_EQ(ConfiguredZone(*reader), expected) << zone;
    EXPECT_EQ(OwnNameOf("America/New_York", *reader), "America/New_York");
  }
  session_->Execute("ALTER ROLE reader SET timezone = 'Europe/Berlin'");
  EXPECT_EQ(OwnNameOf("europe/berlin", *OpenPostgres("reader")), "Europe/Berlin");
  session_->Execute("ALTER ROLE reader RESET timezone");
}

// Fails when a server process that works counts as one whose answer never comes, or the other way
// round: what is slow would be ended, or what hangs waited for.
TEST_F(PostgresSessionTest, AnotherSessionTellsWhetherOneIsAtAStatement) {
  const DatabaseUrl url = DatabaseUrl::Parse(PostgresUrl());
  const std::unique_ptr<PGconn, decltype(&::PQfinish)> asked(::PQconnectdb(PostgresUrl().c_str()),
                                                             &::PQfinish);
  ASSERT_EQ(::PQstatus(asked.get()), CONNECTION_OK);
  const int process = ::PQbackendPID(asked.get());
  const PostgresProbe probe(url, asked.get(), process);
  const auto until = [] { return std::chrono::steady_clock::now() + std::chrono::minutes(1); };
  EXPECT_EQ(probe.Ask(until()), BackendState::kNotWorking);
  ASSERT_EQ(::PQsendQuery(asked.get(), "SELECT pg_sleep(600)"), 1);
  ASSERT_EQ(::PQflush(asked.get()), 0);
  while (probe.Ask(until()) == BackendState::kNotWorking) {
  }
  EXPECT_EQ(probe.Ask(until()), BackendState::kWorking);
  EXPECT_TRUE(probe.Cancel(until()));
  ::PQclear(::PQgetResult(asked.get()));
  EXPECT_EQ(probe.Ask(until()), BackendState::kNotWorking);
  const int nobody = 0;
  EXPECT_EQ(PostgresProbe(url, asked.get(), nobody).Ask(until()), BackendState::kNotWorking);
}

// Fails, by never coming to an end, when the query is not cancelled: libpq then reads the rest.
TEST_F(PostgresSessionTest, BreakingAStreamOffDoesNotReadTheRest) {
  session_->Execute("CREATE VIEW endless AS SELECT generate_series(1, 1000000000000) AS id");
  const TableSchema schema = SchemaOf(*session_, {"public", "endless"});
  EXPECT_THROW(session_->ReadRows({.schema = schema}, [](Row&) { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_EQ(One(*session_, "SELECT 1"), "1");
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
      "ALTER DATABASE postgres SET bytea_output = 'escape';"
      "ALTER DATABASE postgres SET array_nulls = off;"
      "ALTER DATABASE postgres SET quote_all_identifiers = on");
  const std::unique_ptr<Session> other = OpenPostgres();
  EXPECT_EQ(One(*other, "SELECT '2026-01-31 00:00:00+00'::timestamptz::text"),
            "2026-01-31 00:00:00+00");
  EXPECT_EQ(One(*other, "SELECT '\\x00'::bytea::text"), "\\x00");
  EXPECT_EQ(One(*other, "SELECT ('{NULL}'::text[])[1] IS NULL"), "t");
  // Types are told by their names.
  EXPECT_EQ(One(*other, "SELECT format_type('uuid'::regtype, NULL)"), "uuid");
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
  EXPECT_TRUE(table.Find("id")->identity_always);
  EXPECT_FALSE(table.Find("s")->identity_always);
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
  // Fails when the session is allowed to connect again: this would be another session, without our
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

// Fails where anything of a session's beginning is resolved by the path that the database has.
TEST_F(PostgresSessionTest, NamesAreTheSystemsWhateverTheDatabaseSets) {
  session_->Execute(
      "CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO public; CREATE TABLE evil.told (what "
      "text);"
      "CREATE FUNCTION evil.set_config(text, text, boolean) RETURNS text LANGUAGE plpgsql AS "
      "$$ BEGIN INSERT INTO evil.told VALUES ($1); RETURN $2; END $$;"
      "CREATE FUNCTION evil.same(int, int) RETURNS boolean LANGUAGE plpgsql AS "
      "$$ BEGIN INSERT INTO evil.told VALUES ('='); RETURN true; END $$;"
      "CREATE OPERATOR evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.same);"
      "ALTER DATABASE postgres SET search_path = evil, pg_catalog, public");
  const auto session = Session::Open(DatabaseUrl::Parse(PostgresUrl()));
  EXPECT_EQ(One(*session, "SHOW search_path"), "");
  EXPECT_EQ(session->Query("SELECT 1 WHERE 1 = 1").rows.size(), 1u);
  EXPECT_EQ(One(*session_, "SELECT count(*) FROM evil.told"), "0");
}

// Fails when the operators of a type outside of pg_catalog are taken for the system's.
TEST_F(PostgresSessionTest, ATypesOwnOperatorsAreNamed) {
  session_->Execute(
      "CREATE EXTENSION citext; CREATE DOMAIN word AS citext; CREATE TYPE mood AS ENUM ('a')");
  const auto equal = [&](const char* type) {
    return session_->Operator({"c", Type::kOther, type, false}, Comparison::kEqual).ToString();
  };
  EXPECT_EQ(equal("public.citext"), "OPERATOR(\"public\".=)");
  EXPECT_EQ(equal("public.word"), "OPERATOR(\"public\".=)");
  EXPECT_EQ(equal("public.mood"), "=");
  EXPECT_EQ(equal("character varying(20)"), "=");
  EXPECT_EQ(equal("public.gone"), "=");
  EXPECT_EQ(session_->Operator({"c", Type::kOther, "public.citext", false}, Comparison::kGreater),
            "OPERATOR(\"public\".>)");
}

// Fails where the server knows restrict_nonsystem_relation_kind, and a view in the place of a table
// is read all the same.
TEST_F(PostgresSessionTest, AReaderReadsNoViewsUnlessItIsToldOf) {
  session_->Execute("CREATE TABLE t (id int); CREATE VIEW v AS SELECT * FROM t");
  const auto reader = Session::Open(DatabaseUrl::Parse(PostgresUrl()), {.read_only = true});
  if (reader->Query("SELECT current_setting('restrict_nonsystem_relation_kind', true)")
          .rows[0][0]
          .value_or("")
          .empty()) {
    GTEST_SKIP() << "the server has no such setting";
  }
  EXPECT_NO_THROW(reader->Query("SELECT * FROM public.t"));
  EXPECT_EQ(Catch([&] { reader->Query("SELECT * FROM public.v"); }).code(), "55000");
  const auto view = reader->Describe({"public", "v"});
  EXPECT_TRUE(view->reach.views);
  EXPECT_FALSE(view->reach.foreign_tables);
  reader->MayRead(view->reach);
  EXPECT_NO_THROW(reader->Query("SELECT * FROM public.v"));
}

// Fails when a session waits for ever, and when it overrules what the role was given.
TEST_F(PostgresSessionTest, LocksAreWaitedForTenSecondsOrAsTheRoleIsSetTo) {
  EXPECT_EQ(One(*session_, "SHOW lock_timeout"), "10s");
  session_->Execute("ALTER ROLE reader SET lock_timeout = '3s'");
  const std::unique_ptr<Session> reader = OpenPostgres("reader");
  session_->Execute("ALTER ROLE reader RESET lock_timeout");
  EXPECT_EQ(One(*reader, "SHOW lock_timeout"), "3s");
}

// A limit for people's queries spares a source and does not end a batch on a target.
TEST_F(PostgresSessionTest, TheRolesStatementTimeoutCountsForReadersOnly) {
  session_->Execute("ALTER ROLE reader SET statement_timeout = '3s'");
  const auto url = DatabaseUrl::Parse(Server().Url("postgres", "reader"));
  const auto reader = Session::Open(url, {.read_only = true}), writer = Session::Open(url);
  session_->Execute("ALTER ROLE reader RESET statement_timeout");
  EXPECT_EQ(One(*reader, "SHOW statement_timeout"), "3s");
  EXPECT_EQ(One(*writer, "SHOW statement_timeout"), "0");
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
      session.Execute(test::AnySql("UPDATE t SET n = 3 WHERE id = " + id));
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

TEST_F(PostgresSessionTest, ARestartOfTheServerIsARetryAndANewSessionWorks) {
  session_->Execute("CREATE TABLE t (id int)");
  Server().StopImmediate();
  EXPECT_EQ(Catch([&] { session_->Execute("SELECT 1"); }).reaction(), Reaction::kRetry);
  EXPECT_EQ(Catch([&] { OpenPostgres(); }).reaction(), Reaction::kRetry);
  Server().Restart();
  EXPECT_TRUE(OpenPostgres()->Describe({"public", "t"}).has_value());
}

}  // namespace
}  // namespace syncline::sql
