// What `check`, `status` and `init` say of a PostgreSQL table: "exact" only where no update can be
// missed.

#include <gtest/gtest.h>

#include <string>

#include "tests/capture/postgres_capture.h"
#include "tests/support/any_sql.h"

namespace syncline::capture {
namespace {

class PostgresGuaranteeTest : public PostgresCaptureTest {
 protected:
  void Execute(const std::string& sql) { writer_->Execute(test::AnySql(sql)); }
  void StampUpdates(const std::string& body, const std::string& condition = "") {
    Execute(
        "CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + body +
        " RETURN NEW; END $$; DROP TRIGGER IF EXISTS stamp ON items; CREATE TRIGGER stamp BEFORE "
        "UPDATE ON items FOR EACH ROW " +
        condition + " EXECUTE FUNCTION stamp()");
  }
  void Expect(const std::string& class_name, const std::string& reason,
              const std::string& cursor = "updated_at") const {
    TableSpec spec = Spec(kItems, cursor);
    spec.key = {"id"};
    const auto found = GuaranteesOf(Source(), {spec});
    ASSERT_EQ(found.size(), 1u) << class_name;
    const Guarantee& guarantee = found.begin()->second;
    EXPECT_EQ(NameOf(guarantee.kind), class_name) << guarantee.reason;
    EXPECT_NE(guarantee.reason.find(reason), std::string::npos) << guarantee.reason;
    EXPECT_EQ(guarantee.remedy.empty(), guarantee.kind == GuaranteeClass::kExact);
  }
};

// Fails when any trigger before updates counts.
TEST_F(PostgresGuaranteeTest, AStampIsExactWhereTheDatabaseMovesItInEveryUpdate) {
  MakeItems();
  Expect("bounded", "nothing in the database moves it");
  StampUpdates("NEW.updated_at := now();");
  Expect("exact", "");
  StampUpdates("NEW.name := upper(NEW.name);");
  Expect("bounded", "nothing in the database moves it");
  StampUpdates("NEW.updated_at := now();", "WHEN (old.name IS DISTINCT FROM new.name)");
  Expect("bounded", "nothing in the database moves it");
  StampUpdates("NEW.updated_at := now();", "WHEN (old.* IS DISTINCT FROM new.*)");
  Expect("exact", "");
  Execute("ALTER TABLE items ALTER updated_at SET DEFAULT '2026-01-01'");
  Expect("bounded", "where applications set column updated_at");
  Execute("ALTER TABLE items ALTER updated_at SET DEFAULT now()");
  Execute("ALTER TABLE items ENABLE REPLICA TRIGGER stamp");
  Expect("bounded", "nothing in the database moves it");
}

TEST_F(PostgresGuaranteeTest, LocalTimeAndDatesAreBounded) {
  Execute("CREATE TABLE items (id int PRIMARY KEY, updated_at timestamp NOT NULL DEFAULT now())");
  StampUpdates("NEW.updated_at := now();");
  Expect("bounded", "local time");
}

TEST_F(PostgresGuaranteeTest, AKeyACreationTimeAndASequenceThatNoUpdateMoves) {
  Execute(
      "CREATE TABLE items (id bigserial PRIMARY KEY, version bigserial, created_at timestamptz NOT "
      "NULL DEFAULT now(), made_by xid8 NOT NULL DEFAULT pg_current_xact_id())");
  Expect("best-effort", "part of the key", "id");
  Expect("best-effort", "looks like the time at which a row was made", "created_at");
  Expect("best-effort", "nothing does in an update", "version");
  Expect("best-effort", "every update sets it", "made_by");
  StampUpdates(
      "NEW.version := nextval('items_version_seq'); NEW.made_by := pg_current_xact_id(); "
      "NEW.created_at := now();");
  Expect("exact", "", "version");
  Expect("exact", "", "made_by");
  Expect("exact", "", "created_at");
  Execute("ALTER SEQUENCE items_version_seq CACHE 5");
  Expect("best-effort", "CACHE", "version");
}

// Fails when a view is as good as its column's type.
TEST_F(PostgresGuaranteeTest, ViewsAreNeverExact) {
  Execute(
      "CREATE TABLE base (id int PRIMARY KEY, part int, updated_at timestamptz NOT NULL DEFAULT "
      "now()); CREATE TABLE parts (part int PRIMARY KEY, name text); "
      "CREATE VIEW items AS SELECT * FROM base");
  Expect("bounded", "a view of one table");
  Execute("DROP VIEW items; CREATE VIEW items AS SELECT * FROM base JOIN parts USING (part)");
  Execute("GRANT SELECT ON items TO reader");
  Expect("best-effort", "a row is made of several");
  Execute(
      "DROP VIEW items; CREATE VIEW items AS SELECT id, max(updated_at) AS updated_at FROM base "
      "GROUP BY id");
  Expect("best-effort", "a row is made of several");
  Execute("DROP VIEW items; CREATE MATERIALIZED VIEW items AS SELECT * FROM base");
  Expect("best-effort", "a materialized view");
}

// A unique index of a materialized view keeps its key unique, though its columns are never NOT
// NULL.
TEST_F(PostgresGuaranteeTest, KeysThatRepeatAreTold) {
  Execute(
      "CREATE TABLE base (id int, updated_at timestamptz NOT NULL DEFAULT now()); INSERT INTO "
      "base VALUES (1), (2); CREATE MATERIALIZED VIEW items AS SELECT * FROM base; CREATE UNIQUE "
      "INDEX ON items (id)");
  const auto told = [&] {
    TableSpec spec = Spec(kItems, "updated_at");
    spec.key = {"id"};
    std::string text;
    for (const Finding& finding : CheckSource(Source(), {spec})) {
      if (finding.message.find("key (id)") == std::string::npos &&
          finding.message.find("their key") == std::string::npos) {
        continue;
      }
      if (finding.level != Finding::Level::kPass) text += finding.message + "\n";
    }
    return text;
  };
  EXPECT_EQ(told(), "");
  Execute("DROP MATERIALIZED VIEW items; CREATE VIEW items AS SELECT * FROM base");
  EXPECT_EQ(told(), "nothing in the database keeps the key (id) unique\n");
  Execute("INSERT INTO base VALUES (2)");
  EXPECT_EQ(told(), "there are rows that share their key (id)\n");
}

}  // namespace
}  // namespace syncline::capture
