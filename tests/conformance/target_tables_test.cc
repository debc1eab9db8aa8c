// How captured tables become target tables: made, mapped, extended, checked; every type.

#include <algorithm>

#include "apply/state/own_tables.h"
#include "apply/target/durability.h"
#include "apply/target/stamping_triggers.h"
#include "engine/model/value_text.h"
#include "tests/conformance/target_suite.h"

namespace syncline::apply {
namespace {

using test::Item;
using test::ItemsSchema;
using test::MakeRow;
using test::MakeSchema;
using test::Stamp;
using Rows = std::vector<std::string>;

class TargetTables : public TargetConformance {
 protected:
  // The error of applying one row with that mapping.
  Error RefusalOf(const TableMapping& mapping) {
    LogItems(1, "a", 1);
    return Refusal({mapping}).value_or(StopError("none"));
  }
  void ExpectRefusal(const Error& error, const std::string& message, const std::string& hint) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_NE(error.message().find(message), std::string::npos) << error.message();
    EXPECT_NE(error.hint().find(hint), std::string::npos) << error.hint();
    EXPECT_EQ(ListProgress(target_.url()).size(), 0u);  // nothing half-done
  }
};

INSTANTIATE_TEST_SUITE_P(, TargetTables, testing::Values(Dialect::kPostgres, Dialect::kSqlite),
                         DialectOf);

TEST_P(TargetTables, AMissingTableIsMadeWithItsKey) {
  LogItems(2, "a", 1);
  Apply();
  EXPECT_EQ(Items(), (Rows{"1|a", "2|a"}));
  const auto info = target_.session().Describe(target_.Table("items"));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->primary_key, std::vector<std::string>{"id"});
  EXPECT_EQ(info->Find("updated_at")->column.type, Type::kTimestampTz);
  EXPECT_FALSE(info->Find("id")->column.nullable);
  EXPECT_TRUE(info->Find("updated_at")->column.nullable);  // a source may drop a NOT NULL
}

TEST_P(TargetTables, AMissingSchemaIsMadeToo) {
  if (!postgres()) GTEST_SKIP() << "SQLite has no schemas";
  TableMapping mapping = ItemsMapping();
  mapping.target = {"sales", "items"};
  LogItems(1, "a", 1);
  Apply({mapping});
  EXPECT_EQ(target_.Value("SELECT name FROM sales.items"), "a");
}

// Two processes may make the same at one moment. Fails where a statement that makes something runs
// without the lock.
TEST_P(TargetTables, WhateverIsMadeIsMadeUnderTheLock) {
  if (!postgres()) GTEST_SKIP() << "a SQLite file has one writer";
  target_.Execute(
      "CREATE TABLE made (tag text, locked bool); CREATE FUNCTION note() RETURNS event_trigger "
      "LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.made SELECT tg_tag, EXISTS (SELECT FROM "
      "pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()); END $$; "
      "CREATE EVENT TRIGGER note ON ddl_command_start EXECUTE FUNCTION note()");
  LogItems(1, "a", 1);
  Apply();
  TableMapping mapping = ItemsMapping();
  mapping.on_delete = OnDelete::kFlag;
  mapping.flag = "gone";
  LogItems(1, "b", 2);
  Apply({mapping});
  target_.Execute("DROP EVENT TRIGGER note");
  EXPECT_GT(target_.Rows("SELECT tag FROM made WHERE tag = 'CREATE TABLE'").size(), 3u);
  EXPECT_EQ(target_.Rows("SELECT tag FROM made WHERE tag = 'ALTER TABLE'"), (Rows{"ALTER TABLE"}));
  EXPECT_EQ(target_.Rows("SELECT tag FROM made WHERE NOT locked"), Rows{});
}

// Fails when a setting is told that is on, or not told that is off.
TEST_P(TargetTables, ASettingThatLosesCommitsIsTold) {
  if (!postgres()) GTEST_SKIP() << "SQLite has no such settings";
  const auto told = [&](const std::string& value) {
    target_.Execute("SET synchronous_commit = " + value);
    return std::ranges::any_of(DurabilityConcerns(target_.session()), [](const auto& concern) {
      return concern.message.starts_with("synchronous_commit is off") && !concern.hint.empty();
    });
  };
  EXPECT_FALSE(told("on"));
  EXPECT_TRUE(told("off"));
}

// Fails when tables of ours that have gone to another schema count as missing: they would be made
// again, and everything applied anew.
TEST_P(TargetTables, OwnTablesInAnotherSchemaAreNotLookedFor) {
  if (!postgres()) GTEST_SKIP() << "SQLite has no schemas";
  LogItems(1, "a", 1);
  Apply();
  target_.Execute("CREATE SCHEMA away");
  EXPECT_TRUE(HoldOwnTable(target_.session(), "syncline_progress"));
  target_.Execute("ALTER TABLE syncline_progress SET SCHEMA away");
  for (auto* const look : {&HoldOwnTable, &HasOwnTable}) {
    try {
      look(target_.session(), "syncline_progress");
      ADD_FAILURE() << "missing";
    } catch (const Error& error) {
      EXPECT_NE(error.message().find("is in the schema away"), std::string::npos)
          << error.message();
      EXPECT_NE(error.hint().find("SET SCHEMA public"), std::string::npos) << error.hint();
    }
  }
}

// The case that renames exist for: fails when the target's own key takes part in finding the row.
TEST_P(TargetTables, ATargetCanHaveIdsOfItsOwn) {
  target_.Execute(postgres()
                      ? "CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
                        "source_id bigint UNIQUE, name text, updated_at timestamptz)"
                      : "CREATE TABLE items (id INTEGER PRIMARY KEY, source_id BIGINT UNIQUE, "
                        "name TEXT, updated_at TIMESTAMPTZ)");
  target_.Execute("INSERT INTO items (name) VALUES ('of the target')");
  TableMapping mapping = ItemsMapping();
  mapping.columns = {{"id", "source_id"}};
  Log({Item(7, "a", 1), Item(1, "b", 1)});
  Apply({mapping});
  Log({Item(7, "c", 2)});
  Apply({mapping});
  EXPECT_EQ(target_.Rows("SELECT source_id, name FROM items ORDER BY source_id"),
            postgres() ? (Rows{"1|b", "7|c", "-|of the target"})
                       : (Rows{"-|of the target", "1|b", "7|c"}));
}

TEST_P(TargetTables, OmittedColumnsDoNotArrive) {
  TableMapping mapping = ItemsMapping();
  mapping.omit = {"name"};
  LogItems(1, "secret", 1);
  Apply({mapping});
  EXPECT_EQ(target_.session().Describe(target_.Table("items"))->columns.size(), 2u);
}

TEST_P(TargetTables, TablesThatAreNotMappedAreSkippedAndTheOffsetMovesOn) {
  const auto other = MakeSchema("public.other", ItemsSchema()->columns);
  log_.Cut([&](CutWriter& writer) {
    writer.Add(other, Item(1, "x", 1));
    writer.Add(ItemsSchema(), Item(1, "a", 1));
    writer.Add(other, Item(2, "x", 1));
  });
  const Result result = Apply();
  EXPECT_EQ(result.next, 3u);
  EXPECT_EQ(result.rows_written, 1u);
  EXPECT_FALSE(target_.session().Describe(target_.Table("other")));
}

TEST_P(TargetTables, WithoutCreateAMissingTableIsAnErrorWithTheStatementToRun) {
  TableMapping mapping = ItemsMapping();
  mapping.create = false;
  const Error error = RefusalOf(mapping);
  ExpectRefusal(error, "items does not exist on the target", "CREATE TABLE");
  const size_t statement = error.hint().find("CREATE TABLE");
  target_.Execute(
      error.hint().substr(statement));  // fails when the hint is not a statement that helps
  Apply({mapping});
  EXPECT_EQ(Items(), Rows{"1|a"});
}

TEST_P(TargetTables, AMissingColumnIsAnErrorWithTheStatementToRunWhenItIsToPause) {
  target_.Execute(postgres()
                      ? "CREATE TABLE items (id bigint PRIMARY KEY, updated_at timestamptz)"
                      : "CREATE TABLE items (id INTEGER PRIMARY KEY, updated_at TIMESTAMPTZ)");
  TableMapping mapping = ItemsMapping();
  mapping.new_columns = NewColumns::kPause;
  const Error error = RefusalOf(mapping);
  ExpectRefusal(error, "has no column name", "ALTER TABLE");
  target_.Execute(error.hint().substr(error.hint().find("ALTER TABLE")));
  Apply({mapping});
  EXPECT_EQ(Items(), Rows{"1|a"});
}

// Fails when a misspelt rename makes a new column.
TEST_P(TargetTables, ARenameToAColumnThatIsNotThereNamesTheNearestOne) {
  target_.Execute("CREATE TABLE items (id bigint PRIMARY KEY, title text, updated_at text)");
  TableMapping mapping = ItemsMapping();
  mapping.columns = {{"name", "titel"}};
  ExpectRefusal(RefusalOf(mapping), "has no column titel", "Correct `columns`");
  EXPECT_NE(Refusal({mapping})->message().find("title"), std::string::npos);
}

TEST_P(TargetTables, AKeyWithoutAUniqueIndexIsAnErrorWithTheStatementToRun) {
  target_.Execute(postgres() ? "CREATE TABLE items (id bigint, name text, updated_at timestamptz)"
                             : "CREATE TABLE items (id BIGINT, name TEXT, updated_at TIMESTAMPTZ)");
  const Error error = RefusalOf(ItemsMapping());
  ExpectRefusal(error, "no unique key on (id)", "CREATE UNIQUE INDEX");
  target_.Execute(error.hint().substr(error.hint().find("CREATE UNIQUE")));
  Apply();
  EXPECT_EQ(Items(), Rows{"1|a"});
}

TEST_P(TargetTables, AColumnThatNeedsAValueAndGetsNoneIsAnError) {
  target_.Execute(
      "CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at text, "
      "must text NOT NULL, fine text NOT NULL DEFAULT 'x')");
  ExpectRefusal(RefusalOf(ItemsMapping()), "column must of", "Give it a default");
}

// The target makes its values itself.
TEST_P(TargetTables, AGeneratedColumnIsNotWritten) {
  target_.Execute(
      "CREATE TABLE items (id bigint PRIMARY KEY, updated_at text, "
      "name text GENERATED ALWAYS AS ('x') STORED)");
  LogItems(1, "a", 1);
  Apply();
  EXPECT_EQ(Items(), Rows{"1|x"});
}

// Fails when the target is told what the log calls the type: `mood`, as logs of earlier builds do,
// is in no schema of the search_path; and what is no type's name ran as part of the statement.
TEST_P(TargetTables, ATypeOfTheSourcesOwnIsTheTargetsOfThatName) {
  if (!postgres()) GTEST_SKIP() << "SQLite has no such types";
  const auto log = [&](const std::string& type) {
    const auto schema =
        MakeSchema("public.items", {{"id", Type::kInt, "bigint", false},
                                    {"mood", Type::kOther, type},
                                    {"updated_at", Type::kTimestampTz, "timestamptz"}});
    log_.Cut([&](CutWriter& writer) {
      writer.Add(schema, MakeRow({ValueView::Int(1), ValueView::Other("good"), Stamp(1)}));
    });
  };
  log("mood");
  TableMapping mapping = ItemsMapping();
  mapping.target = {"sales", "items"};
  const Error missing = Refusal({mapping}).value();
  EXPECT_EQ(missing.code(), "42704");
  EXPECT_EQ(missing.reaction(), Reaction::kStop);
  EXPECT_NE(missing.message().find("column mood of sales.items"), std::string::npos)
      << missing.message();
  target_.Execute("CREATE SCHEMA sales; CREATE TYPE sales.mood AS ENUM ('good')");
  Apply({mapping});
  EXPECT_EQ(target_.Value("SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
                          "WHERE attrelid = 'sales.items'::regclass AND attname = 'mood'"),
            "sales.mood");
}

TEST_P(TargetTables, WhatALogCallsATypeIsNoPartOfAStatement) {
  if (!postgres()) GTEST_SKIP() << "SQLite takes any text for a type: declared_type_test.cc";
  target_.Execute("CREATE TABLE salaries (id int)");
  const auto schema =
      MakeSchema("public.items", {{"id", Type::kInt, "bigint", false},
                                  {"name", Type::kOther, "text); DROP TABLE salaries; --"},
                                  {"updated_at", Type::kTimestampTz, "timestamptz"}});
  log_.Cut([&](CutWriter& writer) {
    writer.Add(schema, MakeRow({ValueView::Int(1), ValueView::Other("x"), Stamp(1)}));
  });
  const Error error = Refusal({ItemsMapping()}).value();
  EXPECT_NE(error.message().find("is no type"), std::string::npos) << error.message();
  EXPECT_EQ(target_.Value("SELECT count(*) FROM salaries"), "0");
}

// Fails when it is found by the first update (428C9), after rows have been copied; when a key that
// is such a column is refused, which needs no update; and when the statement does not help.
TEST_P(TargetTables, AnIdentityColumnThatUpdatesCannotSetIsToldBeforeAnythingIsWritten) {
  if (!postgres()) GTEST_SKIP() << "SQLite has no such columns";
  const TableMapping mapping = ItemsMapping();
  const auto schema =
      MakeSchema("public.items", {{"id", Type::kInt, "bigint", false},
                                  {"number", Type::kInt, "bigint", false},
                                  {"updated_at", Type::kTimestampTz, "timestamptz"}});
  target_.Execute(
      "CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
      "number bigint GENERATED ALWAYS AS IDENTITY, updated_at timestamptz)");
  const auto log = [&](int64_t number) {
    log_.Cut([&](CutWriter& writer) {
      writer.Add(schema, MakeRow({ValueView::Int(1), ValueView::Int(number), Stamp(number)}));
    });
  };
  log(5);
  const Error error = Refusal({mapping}).value();
  ExpectRefusal(error, "column number of public.items", "SET GENERATED BY DEFAULT");
  EXPECT_EQ(target_.Value("SELECT count(*) FROM items"), "0");
  const size_t statement = error.hint().find("ALTER TABLE");
  target_.Execute(error.hint().substr(statement, error.hint().find(';') - statement));
  Apply({mapping});
  log(6);
  Apply({mapping});
  EXPECT_EQ(target_.Rows("SELECT id, number FROM items"), Rows{"1|6"});
}

// Fails when a trigger that stamps rows is not found, by its function or by its argument; and when
// one that does something else, or nothing any more, is.
TEST_P(TargetTables, TriggersThatMayStampRowsAreFound) {
  const auto found = [&] {
    return StampingTriggers(target_.session(), target_.Table("items"), "updated_at");
  };
  target_.Execute("CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at text)");
  target_.Execute("CREATE TABLE audit (id bigint, updated_at text)");
  EXPECT_EQ(found(), Rows{});
  if (!postgres()) {
    target_.Execute(
        "CREATE TRIGGER stamp AFTER UPDATE ON items BEGIN UPDATE items SET Updated_At = 'now' "
        "WHERE id = new.id; END;"
        "CREATE TRIGGER note AFTER UPDATE ON items BEGIN INSERT INTO audit VALUES (new.id, "
        "new.updated_at); END");
    EXPECT_EQ(found(), Rows{"stamp"});
    return;
  }
  target_.Execute(
      "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.Updated_At = now(); "
      "RETURN new; END'; CREATE FUNCTION set_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN "
      "RETURN new; END'; CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT "
      "INTO audit VALUES (new.id, new.updated_at); RETURN NULL; END'");
  target_.Execute(
      "CREATE TRIGGER a BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION stamp();"
      "CREATE TRIGGER b BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION set_it('updated_at');"
      "CREATE TRIGGER c BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION set_it('name');"
      "CREATE TRIGGER d AFTER UPDATE ON items FOR EACH ROW EXECUTE FUNCTION note();"
      "CREATE TRIGGER e BEFORE UPDATE ON items FOR EACH ROW WHEN (current_user <> 'postgres') "
      "EXECUTE FUNCTION stamp()");
  EXPECT_EQ(found(), (Rows{"a", "b"}));
  target_.Execute("ALTER TABLE items DISABLE TRIGGER a");
  EXPECT_EQ(found(), Rows{"b"});
}

TEST_P(TargetTables, AViewIsNotATarget) {
  target_.Execute("CREATE VIEW items AS SELECT 1 AS id, 'x' AS name, 'y' AS updated_at");
  ExpectRefusal(RefusalOf(ItemsMapping()), "is a view", "ordinary tables");
}

// What goes in comes out, by either way of writing. (What a type cannot carry to another database
// is tested in engine/sql.)
TEST_P(TargetTables, EveryTypeArrivesAsItWas) {
  const auto schema = MakeSchema(
      "public.items", {{"id", Type::kUuid, "uuid", false},
                       {"b", Type::kBool, "boolean", true},
                       {"i", Type::kInt, "bigint", true},
                       {"f", Type::kDouble, "double precision", true},
                       {"t", Type::kText, "text", true},
                       {"y", Type::kBytes, "bytea", true},
                       {"n", Type::kDecimal, "numeric(12,2)", true},
                       {"d", Type::kDate, "date", true},
                       {"h", Type::kTime, "time without time zone", true},
                       {"s", Type::kTimestamp, "timestamp without time zone", true},
                       {"j", Type::kJson, "json", true},
                       {"updated_at", Type::kTimestampTz, "timestamp with time zone", false}});
  std::vector<Row> rows;
  for (int i = 0; i < 250; ++i) {
    std::string uuid(16, static_cast<char>(i));
    rows.push_back(
        MakeRow({ValueView::Uuid(uuid), ValueView::Bool(i % 2 == 0), ValueView::Int(-i),
                 ValueView::Double(0.1 * i), ValueView::Text("tab\t\\N \"quoted\" Ω"),
                 ValueView::Bytes(std::string_view("\0\x01\xff", 3)), ValueView::Decimal("-10.50"),
                 ValueView::Date(-i), ValueView::Time(1'500'000), ValueView::Timestamp(123'456),
                 ValueView::Json("{\"a\": [1, null]}"), Stamp(i)}));
  }
  const Row nulls = MakeRow({ValueView::Uuid("0123456789abcdef"),
                             {},
                             {},
                             {},
                             {},
                             {},
                             {},
                             {},
                             {},
                             {},
                             {},
                             ValueView::TimestampTz(kPositiveInfinity)});
  const auto expect = [&](const std::vector<Row>& expected) {
    TableSchema read = *schema;
    read.table = target_.Table("items");
    std::vector<Row> found;
    target_.session().ReadRows({.schema = read, .order_by = "updated_at"},
                               [&](Row& row) { found.push_back(row); });
    EXPECT_EQ(found, expected);
  };
  log_.Cut([&](CutWriter& writer) { writer.Add(schema, nulls); });  // the way for few rows
  Apply();
  expect({nulls});
  log_.Cut([&](CutWriter& writer) {
    for (const Row& row : rows) writer.Add(schema, row);
  });
  Apply();
  rows.push_back(nulls);
  expect(rows);
}

}  // namespace
}  // namespace syncline::apply
