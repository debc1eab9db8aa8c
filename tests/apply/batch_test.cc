#include "apply/batch/batch.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

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

// Keys that come in order are not looked up. Fails when those before the first one that is out of
// order are not found from there on, or when the last key of all, coming again, is taken for a new
// one.
TEST(CollapseTest, KeysThatCameInOrderAreFoundWhenTheyComeAgain) {
  std::vector<Change> ordered;
  for (int64_t id = 1; id <= 200; ++id) ordered.push_back(Upsert(id, "first", id));
  Batch batch = BatchOf(
      {FrameOf(std::move(ordered)),
       FrameOf({Upsert(200, "again", 300, 200), Upsert(1, "again", 301, 1), Delete(150, 302, 150),
                Upsert(0, "new", 303), Upsert(201, "new", 304), Upsert(201, "again", 305, 304)})});
  const auto tables = Collapse(batch, kAll);
  ASSERT_EQ(tables.size(), 1u);
  ASSERT_EQ(tables[0].deletes.size(), 1u);
  EXPECT_EQ(tables[0].deletes[0].key, Key(150));
  EXPECT_EQ(tables[0].deletes[0].passed.size(), 1u);
  ASSERT_EQ(tables[0].upserts.size(), 201u);  // 0 to 201, without 150
  int64_t id = 0;
  for (const RowChange& change : tables[0].upserts) {
    if (id == 150) ++id;
    EXPECT_EQ(change.key, Key(id));
    EXPECT_EQ(change.passed.size(), id == 1 || id == 200 || id == 201 ? 1u : 0u) << "key " << id;
    ++id;
  }
}

// Fails when a key that sorts neither before nor behind the last one is taken for a new one.
TEST(CollapseTest, KeysThatSortAlikeButDifferStayApart) {
  const auto sums = test::MakeSchema(
      "public.sums", {{"id", Type::kDecimal, "numeric", false},
                      {"updated_at", Type::kTimestampTz, "timestamp with time zone", false}});
  const auto sum = [](const char* id, int64_t stamp) {
    return Change{.row = MakeRow({ValueView::Decimal(id), Stamp(stamp)}),
                  .version = Value(Stamp(stamp))};
  };
  Batch batch =
      BatchOf({FrameOf({sum("1.0", 1), sum("1.00", 2), sum("1.0", 3), sum("1.00", 4)}, {sums})});
  const auto tables = Collapse(batch, kAll);
  ASSERT_EQ(tables.size(), 1u);
  ASSERT_EQ(tables[0].upserts.size(), 2u);
  for (const RowChange& change : tables[0].upserts) EXPECT_EQ(change.passed.size(), 1u);
}

// Upserts and deletions in key order, of a table with two schemas and of another one. Fails when
// the steps of one side or schema end up among those of another.
TEST(CollapseTest, StepsOfEveryKindInKeyOrderAreToldApart) {
  const auto wider = test::MakeSchema(
      "public.items", {{"id", Type::kInt, "bigint", false},
                       {"updated_at", Type::kTimestampTz, "timestamp with time zone", false}});
  const auto other = test::MakeSchema("public.other", ItemsSchema()->columns);
  const auto wide = [](int64_t id) {
    return Change{.row = MakeRow({ValueView::Int(id), Stamp(id)}), .version = Value(Stamp(id))};
  };
  Change elsewhere = Upsert(1, "x", 1);
  elsewhere.table = 1;
  Batch batch = BatchOf({FrameOf({Upsert(1, "a", 1), elsewhere, Delete(2, 2, 1), Upsert(3, "a", 3)},
                                 {ItemsSchema(), other}),
                         FrameOf({wide(4), Delete(5, 5, 1)}, {wider})});
  std::map<test::SchemaPtr, std::pair<std::vector<Row>, std::vector<Row>>> found;
  for (const TableChanges& changes : Collapse(batch, kAll)) {
    auto& [upserts, deletes] = found[changes.schema];
    for (const RowChange& change : changes.upserts) upserts.push_back(change.key);
    for (const RowChange& change : changes.deletes) deletes.push_back(change.key);
  }
  ASSERT_EQ(found.size(), 3u);
  using Keys = std::vector<Row>;
  EXPECT_EQ(found[ItemsSchema()], std::pair(Keys({Key(1), Key(3)}), Keys({Key(2)})));
  EXPECT_EQ(found[wider], std::pair(Keys({Key(4)}), Keys({Key(5)})));
  EXPECT_EQ(found[other], std::pair(Keys({Key(1)}), Keys()));
}

// Fails when two keys whose hashes share a place are taken for one, or a key is lost as the table
// of keys grows.
TEST(CollapseTest, ThousandsOfKeysStayApartAndRepeatedOnesTogether) {
  std::mt19937_64 random(1);
  std::map<int64_t, std::vector<int64_t>> stamps;  // by key
  std::vector<Frame> frames;
  for (int frame = 0; frame < 40; ++frame) {
    std::vector<Change> changes;
    for (int i = 0; i < 500; ++i) {
      const auto id = static_cast<int64_t>(random() % 15'000) - 7'500;
      stamps[id].push_back(frame * 500 + i);
      changes.push_back(Upsert(id, "x", stamps[id].back()));
    }
    frames.push_back(FrameOf(std::move(changes)));
  }
  Batch batch = BatchOf(std::move(frames));
  const auto tables = Collapse(batch, kAll);
  ASSERT_EQ(tables.size(), 1u);
  ASSERT_EQ(tables[0].upserts.size(), stamps.size());
  auto expected = stamps.begin();
  for (const RowChange& change : tables[0].upserts) {
    EXPECT_EQ(change.key, Key(expected->first));
    EXPECT_EQ(change.version, Value(Stamp(expected->second.back())));
    EXPECT_EQ(change.passed.size(), expected->second.size() - 1);
    ++expected;
  }
}

// Fails when the short cut past CompareValues orders by something else: leave out the sign's bit,
// or the swap of bytes.
TEST(SortByKeyTest, OrdersKeysOfEveryTypeAsCompareValuesDoes) {
  std::mt19937_64 random(2);
  std::vector<std::string> texts;
  for (int i = 0; i < 50; ++i) {
    texts.push_back(std::string(random() % 12, 'a') + static_cast<char>(random()));
  }
  const auto value = [&](uint64_t kind) {
    const auto n = static_cast<int64_t>(random()) >> (random() % 64);
    const std::string_view text = texts[random() % texts.size()];
    switch (kind) {
      case 0:
        return ValueView::Int(n);
      case 1:
        return ValueView::Text(text);
      case 2:
        return ValueView::Double(static_cast<double>(n));
      case 3:
        return ValueView::TimestampTz(n);
      case 4:
        return ValueView::Bytes(text);
      default:
        return ValueView::Null();
    }
  };
  for (uint64_t kind = 0; kind < 7; ++kind) {
    TableChanges changes;
    for (int i = 0; i < 500; ++i) {
      const uint64_t first =
          kind == 6 ? random() % 6 : kind;  // 6: SQLite, with a bit of everything
      changes.upserts.push_back(
          {.key = MakeRow({value(first), ValueView::Int(i)}), .version = Value(ValueView::Int(i))});
    }
    SortByKey(changes);
    std::set<int64_t> seen;
    for (size_t i = 0; i < changes.upserts.size(); ++i) {
      const RowChange& change = changes.upserts[i];
      EXPECT_EQ(change.key[1], change.version.view());  // moved as a whole
      seen.insert(change.key[1].as_int());
      if (i == 0) continue;
      const Row& before = changes.upserts[i - 1].key;
      const auto order = CompareValues(before[0], change.key[0]);
      EXPECT_TRUE(order < 0 || (order == 0 && before[1].as_int() < change.key[1].as_int()))
          << "kind " << kind << ", place " << i;
    }
    EXPECT_EQ(seen.size(), 500u);
  }
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
