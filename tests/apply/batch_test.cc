#include "apply/batch.h"

#include <gtest/gtest.h>

#include "tests/apply/test_log.h"

namespace syncline::apply {
namespace {

using test::Item;
using test::ItemsSchema;
using test::MakeRow;
using test::Stamp;

const std::function<bool(const TableName&)> kAll = [](const TableName&) { return true; };

Row Key(int64_t id) { return MakeRow({ValueView::Int(id)}); }

Change Upsert(int64_t id, const std::string& name, int64_t stamp,
              std::optional<int64_t> previous = {}) {
  Change change{.row = Item(id, name, stamp), .version = Value(Stamp(stamp))};
  if (previous) change.previous = Value(Stamp(*previous));
  return change;
}

Change Delete(int64_t id, int64_t stamp, int64_t previous) {
  return {.op = Op::kDelete,
          .row = Key(id),
          .version = Value(Stamp(stamp)),
          .previous = Value(Stamp(previous))};
}

Frame FrameOf(std::vector<Change> changes, std::vector<test::SchemaPtr> tables = {ItemsSchema()}) {
  Frame frame;
  frame.tables = std::move(tables);
  for (const auto& table : frame.tables) frame.header.schemas.push_back(table->id());
  frame.changes = std::move(changes);
  return frame;
}

Batch BatchOf(std::vector<Frame> frames) {
  Batch batch;
  batch.frames = std::move(frames);
  return batch;
}

// Fails when `previous` is that of the last change: the target holds the state before the batch,
// not one inside of it.
TEST(CollapseTest, AKeyKeepsItsLastStateAndWhatItsFirstChangeFollows) {
  Batch batch = BatchOf(
      {FrameOf({Upsert(1, "a", 20, 10), Upsert(2, "b", 20)}), FrameOf({Upsert(1, "c", 15, 20)})});
  const auto tables = Collapse(batch, kAll);
  ASSERT_EQ(tables.size(), 1u);
  ASSERT_EQ(tables[0].upserts.size(), 2u);
  const RowChange& first = tables[0].upserts[0];
  EXPECT_EQ(first.row, Item(1, "c", 15));  // the log's order, though its stamp is the older one
  EXPECT_EQ(first.version, Value(Stamp(15)));
  EXPECT_EQ(first.previous, Value(Stamp(10)));
  EXPECT_EQ(first.passed, std::vector<Value>{Value(Stamp(20))});
  EXPECT_EQ(tables[0].upserts[1].previous, std::nullopt);
}

TEST(CollapseTest, TheLastOfUpsertAndDeletionDecides) {
  Batch batch = BatchOf({FrameOf(
      {Upsert(1, "a", 20, 10), Delete(1, 21, 20), Delete(2, 30, 5), Upsert(2, "again", 31, 30)})});
  const auto tables = Collapse(batch, kAll);
  ASSERT_EQ(tables.size(), 1u);
  ASSERT_EQ(tables[0].deletes.size(), 1u);
  EXPECT_EQ(tables[0].deletes[0].key, Key(1));
  EXPECT_EQ(tables[0].deletes[0].previous, Value(Stamp(10)));
  EXPECT_EQ(tables[0].deletes[0].version, Value(Stamp(21)));
  ASSERT_EQ(tables[0].upserts.size(), 1u);
  EXPECT_EQ(tables[0].upserts[0].row, Item(2, "again", 31));
  EXPECT_EQ(tables[0].upserts[0].previous, Value(Stamp(5)));
}

TEST(CollapseTest, KeysComeInTheirOwnOrder) {
  Batch batch = BatchOf({FrameOf({Upsert(10, "", 1), Upsert(-3, "", 1), Upsert(2, "", 1)})});
  const auto tables = Collapse(batch, kAll);
  ASSERT_EQ(tables[0].upserts.size(), 3u);
  EXPECT_EQ(tables[0].upserts[0].key, Key(-3));
  EXPECT_EQ(tables[0].upserts[1].key, Key(2));
  EXPECT_EQ(tables[0].upserts[2].key, Key(10));
}

// Fails when a key is written once for each schema: the older state could then come last.
TEST(CollapseTest, AKeyIsWrittenOnceEvenIfItsTableChangedItsSchema) {
  const auto wider = test::MakeSchema(
      "public.items", {{"id", Type::kInt, "bigint", false},
                       {"name", Type::kText, "text", true},
                       {"size", Type::kInt, "integer", true},
                       {"updated_at", Type::kTimestampTz, "timestamp with time zone", false}});
  Change wide{
      .row = MakeRow({ValueView::Int(1), ValueView::Text("wide"), ValueView::Int(5), Stamp(2)}),
      .version = Value(Stamp(2)),
      .previous = Value(Stamp(1))};
  Batch batch =
      BatchOf({FrameOf({Upsert(1, "old", 1), Upsert(2, "old", 1)}), FrameOf({wide}, {wider})});
  const auto tables = Collapse(batch, kAll);
  ASSERT_EQ(tables.size(), 2u);
  for (const TableChanges& table : tables) {
    ASSERT_EQ(table.upserts.size(), 1u);
    EXPECT_EQ(table.upserts[0].key, Key(table.schema == wider ? 1 : 2));
  }
}

TEST(CollapseTest, MarksAndUnwantedTablesAreLeftOut) {
  const auto other = test::MakeSchema("public.other", ItemsSchema()->columns);
  Change elsewhere = Upsert(1, "x", 1);
  elsewhere.table = 1;
  Batch batch = BatchOf(
      {FrameOf({Change{.op = Op::kMark}, elsewhere, Upsert(1, "a", 1)}, {ItemsSchema(), other})});
  const auto tables = Collapse(batch, [](const TableName& table) { return table.name == "items"; });
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_EQ(tables[0].schema, ItemsSchema());
  EXPECT_EQ(tables[0].upserts.size(), 1u);
}

}  // namespace
}  // namespace syncline::apply
