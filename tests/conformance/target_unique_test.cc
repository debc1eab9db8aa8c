// Unique values that move between rows of one batch, and those that somebody else has.

#include "apply/state/quarantine.h"
#include "apply/write/table_writer.h"
#include "tests/conformance/target_suite.h"

namespace syncline::apply {
namespace {

using test::Item;
using test::ItemsSchema;
using test::MakeRow;
using test::Stamp;
using Rows = std::vector<std::string>;

// On PostgreSQL few rows and many rows are written by different statements.
constexpr int kSix = 6;

class TargetUnique : public TargetConformance {
 protected:
  // The target's names are unique, NULL or not as `nullable` says; an order refers to item 1.
  void MakeItems(bool nullable) {
    const std::string time = postgres() ? "timestamptz" : "TIMESTAMPTZ";
    target_.Execute("CREATE TABLE items (id bigint PRIMARY KEY, name text " +
                    std::string(nullable ? "" : "NOT NULL") + " UNIQUE, updated_at " + time + ")");
    target_.Execute(
        "CREATE TABLE orders (id bigint PRIMARY KEY, item bigint REFERENCES items(id))");
  }
  static std::string Name(int number) { return "name " + std::to_string(number); }
  // One cut: item i gets the name of number (i + shift) % count.
  void LogShifted(int count, int shift, int64_t stamp) {
    std::vector<Row> rows;
    for (int id = 1; id <= count; ++id) {
      rows.push_back(Item(id, Name((id + shift) % count), stamp));
    }
    Log(rows);
  }
  Result ApplyParking() {
    ApplyOptions options = Once();
    options.quarantine_limit = 100;
    return Apply({ItemsMapping()}, options);
  }
  void MoveValues(bool nullable) {
    MakeItems(nullable);
    for (const int count : {kSix, kMany}) {
      const int64_t from = count * 1'000;
      LogShifted(count, 0, from);
      ApplyParking();
      if (count == kSix) target_.Execute("INSERT INTO orders VALUES (1, 1)");
      for (const int shift : {1, 0, count - 1, count / 2}) {
        LogShifted(count, shift, from + 10 + shift);
        const Result result = ApplyParking();
        EXPECT_EQ(result.conflicts, 0u);
        ASSERT_EQ(Items(), Shifted(count, shift)) << count << " rows";
      }
      LogShifted(count, 0, from + 900);
      ApplyParking();
      EXPECT_EQ(target_.Value("SELECT count(*) FROM syncline_quarantine"), "0");
    }
  }
  static Rows Shifted(int count, int shift) {
    Rows rows;
    for (int id = 1; id <= count; ++id) {
      rows.push_back(std::to_string(id) + "|" + Name((id + shift) % count));
    }
    return rows;
  }
};

INSTANTIATE_TEST_SUITE_P(, TargetUnique, testing::Values(Dialect::kPostgres, Dialect::kSqlite),
                         DialectOf);

// Every item takes its neighbour's name, in both directions, and two swap theirs. Fails without
// UniqueValues: PostgreSQL and SQLite enforce a unique index row by row.
TEST_P(TargetUnique, ValuesMoveBetweenRows) { MoveValues(/*nullable=*/true); }
TEST_P(TargetUnique, ValuesMoveBetweenRowsWhereNullIsNotAllowed) { MoveValues(/*nullable=*/false); }

TEST_P(TargetUnique, ANewRowTakesTheValueOfADeletedOne) {
  MakeItems(/*nullable=*/false);
  LogShifted(kSix, 0, 1);
  Apply();
  log_.Cut([&](CutWriter& writer) {
    writer.AddDeletion(ItemsSchema(), MakeRow({ValueView::Int(2)}), Value(Stamp(5)));
    writer.Add(ItemsSchema(), Item(100, Name(2), 6));
  });
  EXPECT_EQ(Apply().rows_written, 2u);
  EXPECT_EQ(target_.Value("SELECT id FROM items WHERE name = 'name 2'"), "100");
  EXPECT_EQ(target_.Value("SELECT count(*) FROM syncline_quarantine"), "0");
}

// Fails when a value is taken away from somebody who is not to get another one.
TEST_P(TargetUnique, AValueThatAnotherRowKeepsIsRefusedAndNothingElse) {
  MakeItems(/*nullable=*/true);
  LogShifted(kSix, 0, 1);
  ApplyParking();
  target_.Execute("INSERT INTO items VALUES (1000, 'mine', NULL)");
  Log({Item(1, "mine", 10), Item(2, "free", 10), Item(3, Name(1), 10)});
  ApplyParking();
  EXPECT_EQ(target_.Rows("SELECT id, name FROM items WHERE id IN (1, 2, 3, 1000) ORDER BY id"),
            (Rows{"1|name 1", "2|free", "3|name 3", "1000|mine"}));
  EXPECT_EQ(target_.Value("SELECT count(*) FROM syncline_quarantine"), "2");
}

// Fails when a row whose value was taken away does not get its new one, and nobody notices.
TEST_P(TargetUnique, ATriggerThatStampsRowsTakesNoValueAway) {
  MakeItems(/*nullable=*/true);
  LogShifted(kSix, 0, 1);
  ApplyParking();
  target_.Execute(
      postgres()
          ? "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN "
            "new.updated_at = now(); RETURN new; END'; CREATE TRIGGER stamp BEFORE UPDATE ON "
            "items FOR EACH ROW EXECUTE FUNCTION stamp()"
          : "CREATE TRIGGER stamp AFTER UPDATE ON items WHEN new.updated_at < '2030' BEGIN "
            "UPDATE items SET updated_at = '2040-01-01 00:00:00.000000+00' WHERE id = new.id; "
            "END");
  LogShifted(kSix, 1, 10);
  ApplyParking();
  EXPECT_EQ(target_.Value("SELECT count(DISTINCT name) FROM items WHERE name LIKE 'name _'"),
            std::to_string(kSix));
}

// Fails when rows that were written to for this are taken for those that were written.
TEST_P(TargetUnique, ValuesMoveWhereTheTargetHasNoVersions) {
  target_.Execute("CREATE TABLE items (id bigint PRIMARY KEY, name text UNIQUE)");
  TableMapping mapping = ItemsMapping();
  mapping.conflict = ConflictRule::kSourceWins;
  mapping.omit = {"updated_at"};
  for (const int shift : {0, 1, kMany / 2}) {
    LogShifted(kMany, shift, 10 + shift);
    Apply({mapping});
    EXPECT_EQ(Items(), Shifted(kMany, shift));
  }
}

}  // namespace
}  // namespace syncline::apply
