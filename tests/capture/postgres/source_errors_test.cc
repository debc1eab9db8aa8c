// What is wrong with a source is said before anything is captured, by name and with what to do: the
// same for both databases.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "capture/capture_stage.h"
#include "capture/check/check_source.h"
#include "capture/plan/table_spec.h"
#include "engine/base/error.h"
#include "engine/sql/session.h"
#include "tests/capture/capture_harness.h"
#include "tests/capture/postgres/shared_postgres.h"
#include "tests/support/user_session.h"

namespace syncline::capture {
namespace {

class SourceErrorsTest : public testing::TestWithParam<Dialect> {
 protected:
  void SetUp() override {
    if (is_postgres()) {
      admin_ = test::OpenAsUser(sql::DatabaseUrl::Parse(SharedPostgres().Url()));
      url_ = sql::DatabaseUrl::Parse(SharedPostgres().Url("postgres", "reader"));
      admin_->Execute(
          "DROP TABLE IF EXISTS items, secret; CREATE TABLE secret (id int PRIMARY KEY)");
    } else {
      url_ = sql::DatabaseUrl::Parse("sqlite:" + (folder_.path() / "source.db").string());
      admin_ = sql::Session::Open(url_, {.create = true});
    }
    admin_->Execute(
        "CREATE TABLE items (id bigint PRIMARY KEY, name text, code text, "
        "updated_at timestamp NOT NULL, happy boolean)");
    if (is_postgres()) admin_->Execute("GRANT SELECT ON items TO reader");
  }

  bool is_postgres() const { return GetParam() == Dialect::kPostgres; }
  // "public.items" or "items".
  std::string Name(const std::string& table) const {
    return is_postgres() ? "public." + table : table;
  }
  TableSpec Spec(const std::string& table = "items") const {
    TableSpec spec;
    spec.table = {is_postgres() ? "public" : "", table};
    spec.cursor = "updated_at";
    return spec;
  }
  // The error that a stage for that table is refused with.
  Error Refusal(const TableSpec& spec) const {
    try {
      CaptureHarness(url_, {spec}).Poll();
    } catch (const Error& error) {
      EXPECT_FALSE(error.hint().empty()) << error.message();
      // `syncline check` says the same.
      const auto findings = CheckSource(url_, {spec});
      EXPECT_EQ(findings.back().level, CheckResult::Level::kFail);
      EXPECT_EQ(findings.back().message, error.message());
      return error;
    }
    return StopError("accepted");
  }
  // The messages of `check` of that level.
  std::string Found(CheckResult::Level level, const TableSpec& spec) const {
    std::string text;
    for (const CheckResult& finding : CheckSource(url_, {spec})) {
      if (finding.level == level) text += finding.subject + ": " + finding.message + "\n";
    }
    return text;
  }

  TemporaryFolder folder_;
  sql::DatabaseUrl url_;
  std::unique_ptr<sql::Session> admin_;
};

TEST_P(SourceErrorsTest, AMissingTable) {
  const Error error = Refusal(Spec("itmes"));
  EXPECT_EQ(error.exit_code(), 2);
  // By this `run` tries again: a second look at the source would find a table that has come since.
  EXPECT_EQ(error.condition(), Condition::kNoSuchTable);
  EXPECT_EQ(error.message(), Name("itmes") +
                                 ": there is no such table in the source; did you mean \"" +
                                 Name("items") + "\"?");
}

TEST_P(SourceErrorsTest, NoKey) {
  admin_->Execute("DROP TABLE items; CREATE TABLE items (id int, updated_at timestamp NOT NULL)");
  if (is_postgres()) admin_->Execute("GRANT SELECT ON items TO reader");
  EXPECT_EQ(Refusal(Spec()).message(),
            Name("items") + ": there is no primary key and no unique key over NOT NULL columns");
}

TEST_P(SourceErrorsTest, NoCursorColumn) {
  TableSpec spec = Spec();
  spec.cursor = "updatedat";
  EXPECT_EQ(
      Refusal(spec).message(),
      Name("items") + ": there is no column updatedat to poll by; did you mean \"updated_at\"?");
}

TEST_P(SourceErrorsTest, ACursorOfTheWrongType) {
  TableSpec spec = Spec();
  spec.cursor = "happy";
  EXPECT_EQ(Refusal(spec).message(),
            Name("items") + ": column happy of type boolean cannot be polled by");
}

TEST_P(SourceErrorsTest, AConditionThatIsNotSql) {
  TableSpec spec = Spec();
  spec.where = "no_such_column = 5";
  const Error error = Refusal(spec);
  EXPECT_EQ(error.exit_code(), 2);
  EXPECT_NE(error.message().find(Name("items") + ": the database does not understand its where:"),
            std::string::npos);
}

TEST_P(SourceErrorsTest, AKeyThatHoldsNull) {
  admin_->Execute("INSERT INTO items VALUES (1, 'a', NULL, '2026-01-31 10:00:00', NULL)");
  TableSpec spec = Spec();
  spec.key = {"code"};
  EXPECT_EQ(Refusal(spec).message(),
            Name("items") + ": there are rows whose key (code) holds NULL");
}

TEST_P(SourceErrorsTest, CheckPassesAGoodTableAndWarnsOfAMissingIndex) {
  EXPECT_EQ(Found(CheckResult::Level::kFail, Spec()), "");
  EXPECT_EQ(Found(CheckResult::Level::kWarn, Spec()),
            Name("items") + ": no index begins with the cursor column updated_at\n");
  admin_->Execute("CREATE INDEX items_by_time ON items (updated_at)");
  EXPECT_EQ(Found(CheckResult::Level::kWarn, Spec()), "");
}

TEST_P(SourceErrorsTest, CheckWarnsOfNullCursorsAndOfAKeyThatNothingKeepsUnique) {
  admin_->Execute(
      "DROP TABLE items; CREATE TABLE items (id bigint NOT NULL, updated_at timestamp);"
      "CREATE INDEX items_by_time ON items (updated_at);"
      "INSERT INTO items VALUES (1, NULL)");
  if (is_postgres()) admin_->Execute("GRANT SELECT ON items TO reader");
  TableSpec spec = Spec();
  spec.key = {"id"};
  EXPECT_EQ(Found(CheckResult::Level::kWarn, spec),
            Name("items") + ": nothing in the database keeps the key (id) unique\n" +
                Name("items") +
                ": there are rows whose cursor \"updated_at\" is NULL: they are not captured\n");
}

INSTANTIATE_TEST_SUITE_P(Databases, SourceErrorsTest,
                         testing::Values(Dialect::kPostgres, Dialect::kSqlite),
                         [](const auto& info) {
                           return std::string(info.param == Dialect::kPostgres ? "PostgreSQL"
                                                                               : "SQLite");
                         });

class PostgresErrorsTest : public SourceErrorsTest {};
INSTANTIATE_TEST_SUITE_P(Databases, PostgresErrorsTest, testing::Values(Dialect::kPostgres));

TEST_P(PostgresErrorsTest, ATableThatMayNotBeRead) {
  const Error error = Refusal(Spec("secret"));
  EXPECT_EQ(error.exit_code(), 3);
  EXPECT_NE(error.hint().find("GRANT SELECT"), std::string::npos) << error.hint();
}

TEST_P(PostgresErrorsTest, AServerThatIsNotThere) {
  const auto nowhere = sql::DatabaseUrl::Parse("postgresql:///x?host=/nonexistent&port=1");
  const std::vector<CheckResult> findings = CheckSource(nowhere, {Spec()});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].level, CheckResult::Level::kFail);
  EXPECT_FALSE(findings[0].hint.empty());
  EXPECT_THROW(SourceIdentity(nowhere), Error);
}

TEST_P(PostgresErrorsTest, CheckTellsVersionsFromASequenceFromOthers) {
  admin_->Execute(
      "ALTER TABLE items ADD version bigint NOT NULL; CREATE INDEX ON items (version); "
      "CREATE OR REPLACE FUNCTION count_up() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN NEW.version := nextval(''public.cached''); RETURN NEW; END'; "
      "CREATE TRIGGER count_up BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION count_up()");
  TableSpec spec = Spec();
  spec.cursor = "version";
  EXPECT_EQ(Found(CheckResult::Level::kWarn, spec),
            "public.items: best-effort: column version has no sequence as its default\n");
  admin_->Execute(
      "CREATE SEQUENCE IF NOT EXISTS cached CACHE 20; "
      "ALTER TABLE items ALTER version SET DEFAULT nextval('cached')");
  const std::string out_of_order =
      "public.items: best-effort: the sequence of column version hands out numbers out of order: ";
  EXPECT_EQ(Found(CheckResult::Level::kWarn, spec),
            out_of_order + "each session keeps numbers for later (CACHE)\n");
  // Fails when a sequence that begins again counts as exact.
  admin_->Execute("ALTER SEQUENCE cached CACHE 1 CYCLE");
  EXPECT_EQ(Found(CheckResult::Level::kWarn, spec),
            out_of_order + "it begins again at its lowest number (CYCLE)\n");
  admin_->Execute("ALTER SEQUENCE cached NO CYCLE INCREMENT -1 MINVALUE -1000");
  EXPECT_EQ(Found(CheckResult::Level::kWarn, spec), out_of_order + "it counts down\n");
  admin_->Execute("ALTER SEQUENCE cached INCREMENT 1");
  EXPECT_EQ(Found(CheckResult::Level::kWarn, spec), "");
  admin_->Execute(
      "ALTER TABLE items ALTER version DROP DEFAULT, ALTER version ADD GENERATED ALWAYS AS "
      "IDENTITY");
  EXPECT_EQ(Found(CheckResult::Level::kWarn, spec), "");
}

TEST_P(PostgresErrorsTest, AZoneIsOneThatTheServerKnowsAndAColumnLacks) {
  TableSpec spec = Spec();
  spec.zone = "Europe/Atlantis";
  EXPECT_NE(std::string(Refusal(spec).message()).find("time zone \"Europe/Atlantis\""),
            std::string::npos);
  admin_->Execute("ALTER TABLE items ALTER updated_at TYPE timestamptz");
  spec.zone = "Europe/Berlin";
  EXPECT_NE(std::string(Refusal(spec).message()).find("zone: is for columns without"),
            std::string::npos);
}

// Fails when a counter is taken for a version because nothing looks at the rows.
TEST_P(PostgresErrorsTest, ACounterOfEachRowsOwnIsRefused) {
  admin_->Execute(
      "CREATE TABLE IF NOT EXISTS counted (id int PRIMARY KEY, version bigint NOT NULL DEFAULT 1); "
      "INSERT INTO counted SELECT g, 1 + g % 3 FROM generate_series(1, 50) g "
      "ON CONFLICT DO NOTHING; GRANT SELECT ON counted TO PUBLIC");
  TableSpec spec;
  spec.table = {"public", "counted"};
  spec.cursor = "version";
  EXPECT_NE(Found(CheckResult::Level::kFail, spec).find("refused: column version counts"),
            std::string::npos);
  CaptureHarness capture(url_, {spec});
  EXPECT_THROW(capture.Poll(), Error);
  EXPECT_EQ(capture.changes(), 0u);
  // Values that are high, and mostly their own, may be anything.
  admin_->Execute("UPDATE counted SET version = 1000 + id");
  EXPECT_EQ(Found(CheckResult::Level::kFail, spec), "");
}

}  // namespace
}  // namespace syncline::capture
