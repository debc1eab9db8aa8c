// What `check`, `status` and `init` say of a PostgreSQL table: "exact" only where no update can be
// missed.

#include <gtest/gtest.h>

#include <string>

#include "capture/check/check_source.h"
#include "capture/cursor/guarantee.h"
#include "capture/cursor/stored_cursor.h"
#include "tests/capture/postgres/postgres_capture.h"
#include "tests/support/any_sql.h"

namespace syncline::capture {
namespace {

class PostgresGuaranteeTest : public PostgresCaptureTest {
 protected:
  void Execute(const std::string& sql) { writer_->Execute(test::AnySql(sql)); }
  // A trigger of that name before `events`.
  void Trigger(const std::string& name, const std::string& body,
               const std::string& events = "INSERT OR UPDATE", const std::string& condition = "") {
    Execute("CREATE OR REPLACE FUNCTION " + name + "() RETURNS trigger LANGUAGE plpgsql AS $$ " +
            "BEGIN " + body + " RETURN NEW; END $$; DROP TRIGGER IF EXISTS " + name +
            " ON items; CREATE TRIGGER " + name + " BEFORE " + events + " ON items FOR EACH ROW " +
            condition + " EXECUTE FUNCTION " + name + "()");
  }
  void StampUpdates(const std::string& body, const std::string& condition = "") {
    Trigger("stamp", body, "UPDATE", condition);
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

// Fails when any trigger before updates counts, or a default for all inserts.
TEST_F(PostgresGuaranteeTest, AStampIsExactWhereTheDatabaseMovesItInEveryWrite) {
  MakeItems();
  Expect("bounded", "nothing in the database moves it");
  StampUpdates("NEW.updated_at := now();");
  Expect("bounded", "inserts leave column updated_at to its default");
  Trigger("stamp", "NEW.updated_at := now();");
  Expect("exact", "");
  Execute("ALTER TABLE items ALTER updated_at DROP DEFAULT");
  Expect("exact", "");
  Execute("ALTER TABLE items ALTER updated_at SET DEFAULT now()");
  Trigger("stamp", "NEW.updated_at := now();", "INSERT OR UPDATE OF name");
  Expect("bounded", "nothing in the database moves it");
  StampUpdates("NEW.name := upper(NEW.name);");
  Expect("bounded", "nothing in the database moves it");
  StampUpdates("NEW.updated_at := now();", "WHEN (old.name IS DISTINCT FROM new.name)");
  Expect("bounded", "nothing in the database moves it");
  Trigger("made", "NEW.updated_at := now();", "INSERT");
  StampUpdates("NEW.updated_at := now();", "WHEN (old.* IS DISTINCT FROM new.*)");
  Expect("bounded", "in the eyes of trigger stamp of public.items");
  StampUpdates("NEW.updated_at := now();", "WHEN (old.* *<> new.*)");
  Expect("exact", "");
  Trigger("zz", "NEW.name := NEW.name || '.';", "UPDATE");
  Expect("bounded", "in the eyes of trigger stamp of public.items");
  Execute("DROP TRIGGER zz ON items");
  Execute("DROP TRIGGER made ON items");
  Execute("ALTER TABLE items ALTER updated_at SET DEFAULT '2026-01-01'");
  Expect("bounded", "where applications set column updated_at");
  Execute("ALTER TABLE items ALTER updated_at SET DEFAULT now()");
  Execute("ALTER TABLE items ENABLE REPLICA TRIGGER stamp");
  Expect("bounded", "nothing in the database moves it");
}

// Triggers fire in the order of their names. Seen to fail when the one that stamps was enough: the
// update was lost.
TEST_F(PostgresGuaranteeTest, AnotherTriggerMayTakeTheStampBack) {
  MakeItems();
  const std::string taken = "may set column updated_at back";
  Trigger("stamp", "NEW.updated_at := now();");
  Trigger("zz", "NEW.updated_at := OLD.updated_at;", "UPDATE");
  Expect("best-effort", "trigger zz of public.items " + taken);
  Trigger("zz", "NEW := OLD;", "UPDATE OF name", "WHEN (new.id > 7)");
  Expect("best-effort", taken);
  Trigger("zz", "NEW.updated_at := coalesce(NEW.made, now());");
  Expect("bounded", "what trigger zz of public.items gives");
  Trigger("zz", "IF NEW.id > 7 THEN NEW.updated_at := now(); END IF;");
  Expect("exact", "");
  Trigger("zz", "NEW.name := OLD.name;");
  Expect("exact", "");
  Execute("DROP TRIGGER zz ON items");
  Trigger("aa", "NEW.updated_at := OLD.updated_at;", "UPDATE");
  Expect("exact", "");
  Execute(
      "DROP TRIGGER stamp ON items; CREATE TRIGGER last BEFORE UPDATE ON items FOR EACH ROW "
      "EXECUTE FUNCTION suppress_redundant_updates_trigger()");
  Expect("best-effort", taken);
}

// Fails when what such a function sets is not read from its arguments, or is read from those that
// the server writes in another way.
TEST_F(PostgresGuaranteeTest, AFunctionInCSetsWhatItsArgumentsName) {
  MakeItems();
  Execute("CREATE EXTENSION moddatetime");
  const auto stamp = [&](const std::string& column) {
    Execute(
        "DROP TRIGGER IF EXISTS stamp ON items; CREATE TRIGGER stamp BEFORE UPDATE ON items "
        "FOR EACH ROW EXECUTE FUNCTION moddatetime(" +
        column + ")");
  };
  stamp("updated_at");
  Expect("bounded", "inserts leave column updated_at to its default");
  Execute("ALTER TABLE items ADD made timestamptz");
  stamp("made");
  Expect("bounded", "nothing in the database moves it");
  Execute(
      "ALTER TABLE items ADD version bigserial, ADD made_by xid8 NOT NULL DEFAULT "
      "pg_current_xact_id()");
  for (const char* column : {"version", "made_by"}) {
    stamp(column);
    Expect("bounded", "what trigger stamp of public.items gives column " + std::string(column),
           column);
  }
  for (const std::string& column : {std::string("ge\xc3\xa4ndert"), std::string("up\\dated")}) {
    Execute("ALTER TABLE items RENAME updated_at TO \"" + column + "\"");
    stamp("\"" + column + "\"");
    Expect("bounded", "what trigger stamp of public.items gives", column);
    Execute("ALTER TABLE items RENAME \"" + column + "\" TO updated_at");
  }
}

TEST_F(PostgresGuaranteeTest, EveryPartitionHasToBeStamped) {
  Execute(
      "CREATE TABLE items (id int PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now()) "
      "PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF items FOR VALUES FROM (0) TO (9); "
      "CREATE TABLE high PARTITION OF items FOR VALUES FROM (9) TO (99)");
  Trigger("stamp", "NEW.updated_at := now();");
  Expect("exact", "");
  Execute("ALTER TABLE high DISABLE TRIGGER stamp");
  Expect("bounded", "nothing in the database moves it");
  Execute("ALTER TABLE high ENABLE TRIGGER stamp");
  Trigger("zz", "NEW.updated_at := OLD.updated_at;", "UPDATE");
  Execute(
      "DROP TRIGGER zz ON items; CREATE TRIGGER zz BEFORE UPDATE ON high FOR EACH ROW EXECUTE "
      "FUNCTION zz()");
  Expect("best-effort", "trigger zz of public.high may set column updated_at back");
}

// Seen to fail when triggers of everyday counted for what a subscription writes.
TEST_F(PostgresGuaranteeTest, WhatASubscriptionWritesIsStampedByTheTriggersThatFireForIt) {
  MakeItems();
  Trigger("stamp", "NEW.updated_at := now();");
  Expect("exact", "");
  Execute("ALTER ROLE reader SET session_replication_role = replica");
  Expect("bounded", "reader, whose session_replication_role is replica");
  Execute("ALTER ROLE reader SET session_replication_role = 'REPLICA'");
  Expect("bounded", "reader, whose session_replication_role is replica");
  Execute("ALTER ROLE reader RESET session_replication_role");
  Expect("exact", "");
  Execute(
      "CREATE SUBSCRIPTION fed CONNECTION 'host=/nowhere' PUBLICATION p WITH (connect = false)");
  Expect("exact", "");
  // What the first connection to a publisher would find.
  Execute(
      "SET allow_system_table_mods = on; INSERT INTO pg_subscription_rel SELECT oid, "
      "'items'::regclass, 'r' FROM pg_subscription; RESET allow_system_table_mods");
  Expect("best-effort", "a subscription fills the table");
  Execute("ALTER TABLE items ENABLE ALWAYS TRIGGER stamp");
  Expect("exact", "");
  Execute("ALTER SUBSCRIPTION fed SET (slot_name = NONE); DROP SUBSCRIPTION fed");
}

// Seen to fail when a function's settings were not looked at, and a now() of another schema passed
// for pg_catalog's.
TEST_F(PostgresGuaranteeTest, AFunctionMayRunInSurroundingsOfItsOwn) {
  MakeItems();
  Trigger("stamp", "NEW.updated_at := now();");
  Execute("ALTER FUNCTION stamp() SET search_path = pg_catalog, public");
  Expect("exact", "");
  Execute("ALTER FUNCTION stamp() SET session_replication_role = replica");
  Expect("bounded", "what trigger stamp of public.items gives");
  Execute(
      "ALTER FUNCTION stamp() RESET ALL; CREATE SCHEMA sh; CREATE FUNCTION sh.now() RETURNS "
      "timestamptz LANGUAGE sql AS $$ SELECT timestamptz '2020-01-01' $$");
  Expect("bounded", "what trigger stamp of public.items gives");
  Trigger("stamp", "NEW.updated_at := pg_catalog.now();");
  Expect("exact", "");
  Execute("DROP SCHEMA sh CASCADE");
}

// Seen to fail while the class waited for a change, and while nobody looked at functions' texts or
// at triggers of partitions: the old one stood for good.
TEST_F(PostgresGuaranteeTest, TheLogTellsTheClassOfTheLastPoll) {
  Execute(
      "CREATE TABLE items (id int PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now()) "
      "PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF items FOR VALUES FROM (0) TO (9)");
  Trigger("stamp", "NEW.updated_at := now();");
  auto capture = Capture();
  capture->Poll();
  Execute("INSERT INTO items VALUES (1)");
  const auto told = [&] {
    capture->Poll();
    return NameOf(Guarantees(capture->cursor_told()).at(kItems.ToString()).kind);
  };
  EXPECT_EQ(told(), "exact");
  Execute(
      "CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; "
      "END $$");
  EXPECT_EQ(told(), "bounded");
  Execute(
      "CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "NEW.updated_at := now(); RETURN NEW; END $$");
  EXPECT_EQ(told(), "exact");
  Execute("ALTER TABLE low DISABLE TRIGGER stamp");
  EXPECT_EQ(told(), "bounded");
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
  const std::string stamps =
      "NEW.version := nextval('items_version_seq'); NEW.made_by := pg_current_xact_id(); "
      "NEW.created_at := now();";
  StampUpdates(stamps);
  for (const char* column : {"version", "made_by", "created_at"}) {
    Expect("bounded", "inserts leave column " + std::string(column) + " to its default", column);
  }
  Trigger("stamp", stamps);
  Expect("exact", "", "version");
  Expect("exact", "", "made_by");
  Expect("exact", "", "created_at");
  Execute("CREATE SEQUENCE other");
  Trigger("zz", "NEW.version := nextval('other');");
  Expect("bounded", "what trigger zz of public.items gives column version", "version");
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
    for (const CheckResult& finding : CheckSource(Source(), {spec})) {
      if (finding.message.find("key (id)") == std::string::npos &&
          finding.message.find("their key") == std::string::npos) {
        continue;
      }
      if (finding.level != CheckResult::Level::kPass) text += finding.message + "\n";
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
