// What becomes of a target's table when the source's gets other columns.

#include "tests/conformance/target_suite.h"

namespace syncline::apply {
namespace {

using test::Item;
using test::ItemsSchema;
using test::MakeRow;
using test::MakeSchema;
using test::Stamp;
using Rows = std::vector<std::string>;

// The source gets two columns after its first rows were captured.
class TargetDrift : public TargetConformance {
 protected:
  void LogWiderItem(int64_t id, const std::string& name, int64_t stamp) {
    auto columns = ItemsSchema()->columns;
    columns.insert(columns.begin() + 2, {"price", Type::kDecimal, "numeric(12,2)", true});
    columns.insert(columns.begin() + 1, {"code", Type::kUuid, "uuid", true});
    const auto wider = MakeSchema("public.items", columns);
    log_.Cut([&](CutWriter& writer) {
      writer.Add(wider, MakeRow({ValueView::Int(id), ValueView::Uuid("0123456789abcdef"),
                                 ValueView::Text(name), ValueView::Decimal("1.50"), Stamp(stamp)}));
    });
  }
  std::vector<TableMapping> Tables(NewColumns new_columns) const {
    TableMapping mapping = ItemsMapping();
    mapping.new_columns = new_columns;
    return {mapping};
  }
  std::string TypeOf(const std::string& column) {
    return target_.session().Describe(target_.Table("items"))->Find(column)->column.native_type;
  }
  void LogPrice(int64_t id, const std::string& type, const std::string& price) {
    auto columns = ItemsSchema()->columns;
    columns.insert(columns.begin() + 1, {"price", Type::kDecimal, type, true});
    const auto schema = MakeSchema("public.items", columns);
    log_.Cut([&](CutWriter& writer) {
      writer.Add(schema, MakeRow({ValueView::Int(id), ValueView::Decimal(price),
                                  ValueView::Text("priced"), Stamp(id)}));
    });
  }
  // What the hint says to run.
  void RunStatementsOf(const Error& error) {
    const size_t begin = error.hint().find("ALTER TABLE");
    target_.Execute(error.hint().substr(begin, error.hint().find(" Then start") - begin));
    target_.Disconnect();
  }
  Rows Prices() { return target_.Rows("SELECT id, name, price FROM items ORDER BY id"); }
};

INSTANTIATE_TEST_SUITE_P(, TargetDrift, testing::Values(Dialect::kPostgres, Dialect::kSqlite),
                         DialectOf);

TEST_P(TargetDrift, AColumnThatTheSourceGetsLaterIsAddedWithItsType) {
  LogItems(2, "a", 1);
  LogWiderItem(2, "b", 2);
  Apply();
  EXPECT_EQ(Prices(), (Rows{"1|a|-", "2|b|1.50"}));
  EXPECT_EQ(TypeOf("price"), postgres() ? "numeric(12,2)" : "DECIMAL_TEXT(12,2)");
  EXPECT_EQ(TypeOf("code"), postgres() ? "uuid" : "UUID");
}

// By either way of writing. Fails when the values are put under the columns beside them.
TEST_P(TargetDrift, AnIgnoredColumnIsLeftOutAndTheOthersGoOn) {
  LogItems(2, "a", 1);
  Apply(Tables(NewColumns::kIgnore));
  LogWiderItem(2, "b", 2);
  EXPECT_EQ(Apply(Tables(NewColumns::kIgnore)).next, 3u);
  for (int id = 3; id < 303; ++id) LogWiderItem(id, "c", 2);
  Apply(Tables(NewColumns::kIgnore));
  EXPECT_EQ(target_.session().Describe(target_.Table("items"))->columns.size(), 3u);
  const Rows items = Items();
  ASSERT_EQ(items.size(), 302u);
  EXPECT_EQ(items[1], "2|b");
  EXPECT_EQ(items[301], "302|c");
}

// What the README says of it: fails when source_wins does not write a row of an equal version.
TEST_P(TargetDrift, WhatWasIgnoredComesWithTheLogAppliedAgainBySourceWins) {
  LogItems(1, "a", 1);
  LogWiderItem(2, "b", 2);
  Apply(Tables(NewColumns::kIgnore));
  LogWiderItem(3, "c", 3);
  Apply(Tables(NewColumns::kEvolve));
  EXPECT_EQ(Prices(), (Rows{"1|a|-", "2|b|-", "3|c|1.50"}));
  RewindTo(0);
  std::vector<TableMapping> tables = Tables(NewColumns::kEvolve);
  tables[0].conflict = ConflictRule::kSourceWins;
  Apply(tables);
  EXPECT_EQ(Prices(), (Rows{"1|a|-", "2|b|1.50", "3|c|1.50"}));
}

// Fails when the error names one of the columns only, or statements that do not help.
TEST_P(TargetDrift, PauseStopsBeforeTheNewColumnsAndGoesOnAfterTheStatementsItNames) {
  LogItems(2, "a", 1);
  Apply(Tables(NewColumns::kPause));
  LogWiderItem(2, "b", 2);
  const std::optional<Error> error = Refusal(Tables(NewColumns::kPause));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reaction(), Reaction::kStop);
  EXPECT_NE(error->message().find("no column code, price"), std::string::npos) << error->message();
  EXPECT_EQ(Items(), (Rows{"1|a", "2|a"}));
  target_.Execute(error->hint().substr(error->hint().find("ALTER TABLE")));
  Apply(Tables(NewColumns::kPause));
  EXPECT_EQ(Prices(), (Rows{"1|a|-", "2|b|1.50"}));
  EXPECT_EQ(TypeOf("price"), postgres() ? "numeric(12,2)" : "DECIMAL_TEXT(12,2)");
}

TEST_P(TargetDrift, TheCursorColumnIsNotIgnoredWhereVersionsAreCompared) {
  target_.Execute("CREATE TABLE items (id bigint PRIMARY KEY, name text)");
  LogItems(1, "a", 1);
  std::vector<TableMapping> tables = Tables(NewColumns::kIgnore);
  const std::optional<Error> error = Refusal(tables);
  ASSERT_TRUE(error);
  EXPECT_NE(error->message().find("updated_at, the cursor column"), std::string::npos);
  tables[0].conflict = ConflictRule::kSourceWins;
  Apply(tables);
  EXPECT_EQ(Items(), Rows{"1|a"});
}

// Fails when it goes by in silence, also after a restart, when the statements do not help, and when
// what came before is applied again and brings the column back.
TEST_P(TargetDrift, AColumnThatTheSourceDropsPausesUntilTheTargetHasDroppedItToo) {
  LogWiderItem(1, "a", 1);
  Log({Item(2, "b", 2)});
  for (int start = 0; start < 2; ++start) {
    const std::optional<Error> error = Refusal({ItemsMapping()});
    ASSERT_TRUE(error);
    EXPECT_EQ(error->exit_code(), 2);
    EXPECT_NE(error->message().find("column price is gone"), std::string::npos) << error->message();
    EXPECT_NE(error->hint().find("changed_columns: keep"), std::string::npos);
    EXPECT_EQ(error->hint().find("DROP"), std::string::npos) << "no hint destroys data";
    EXPECT_EQ(Items(), Rows{"1|a"});
  }
  target_.Execute("ALTER TABLE items DROP COLUMN price");  // as somebody may decide
  target_.Execute("ALTER TABLE items DROP COLUMN code");
  target_.Disconnect();
  Apply();
  EXPECT_EQ(Items(), (Rows{"1|a", "2|b"}));
  EXPECT_EQ(target_.session().Describe(target_.Table("items"))->columns.size(), 3u);
}

TEST_P(TargetDrift, AColumnThatTheSourceRetypesPausesUntilTheTargetHasIt) {
  LogPrice(1, "numeric(12,2)", "1.50");
  Apply();
  LogPrice(2, "numeric(14,3)", "2.125");
  const std::optional<Error> error = Refusal({ItemsMapping()});
  ASSERT_TRUE(error);
  EXPECT_NE(error->message().find("column price is numeric(14,3) now, was numeric(12,2)"),
            std::string::npos)
      << error->message();
  RunStatementsOf(*error);
  Apply();
  EXPECT_EQ(TypeOf("price"), postgres() ? "numeric(14,3)" : "DECIMAL_TEXT(14,3)");
  EXPECT_EQ(target_.Rows("SELECT id, price FROM items ORDER BY id"),
            (Rows{postgres() ? "1|1.500" : "1|1.50", "2|2.125"}));
  // Whoever has another type in mind gives the column that one.
  LogPrice(3, "numeric(9,1)", "3.5");
  ASSERT_TRUE(Refusal({ItemsMapping()}));
  target_.Execute("ALTER TABLE items RENAME COLUMN price TO old_price");
  target_.Execute("ALTER TABLE items ADD COLUMN price text");
  Apply();
  EXPECT_EQ(target_.Value("SELECT price FROM items WHERE id = 3"), "3.5");
}

TEST_P(TargetDrift, WhatTheSourceDropsIsKeptWhereThatIsWanted) {
  LogWiderItem(1, "a", 1);
  LogWiderItem(2, "a", 1);
  Apply();
  Log({Item(2, "b", 2), Item(3, "b", 2)});
  TableMapping mapping = ItemsMapping();
  mapping.changed_columns = ChangedColumns::kKeep;
  Apply({mapping});
  EXPECT_EQ(Prices(), (Rows{"1|a|1.50", "2|b|1.50", "3|b|-"}));
  Log({Item(3, "c", 3)});
  EXPECT_EQ(Apply().next, log_.end().value());  // once is enough
}

// Fails when a column that only the target has is taken for one that was dropped, when one is that
// the pipeline omits, and when a pipeline that was set back meets the narrower table of old.
TEST_P(TargetDrift, WhatIsNoChangeOfTheSourceDoesNotPause) {
  target_.Execute("CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at " +
                  std::string(postgres() ? "timestamptz" : "TIMESTAMPTZ") + ", mine text)");
  LogItems(1, "a", 1);
  Apply();
  LogWiderItem(2, "b", 2);
  Apply();
  RewindTo(0);
  Apply();
  Log({Item(3, "c", 3)});
  TableMapping mapping = ItemsMapping();
  mapping.omit = {"code", "price"};
  Apply({mapping});
  EXPECT_EQ(Items(), (Rows{"1|a", "2|b", "3|c"}));
}

}  // namespace
}  // namespace syncline::apply
