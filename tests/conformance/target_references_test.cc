// Tables that refer to each other or to themselves: parents are written before their children, and
// go after them.

#include "tests/conformance/target_suite.h"

namespace syncline::apply {
namespace {

using test::Item;
using test::ItemsSchema;
using test::MakeRow;
using test::MakeSchema;
using test::Stamp;

class TargetReferences : public TargetConformance {
 protected:
  // Named so that alphabetical order is the wrong one.
  const test::SchemaPtr orders_ = MakeSchema("public.z_orders", ItemsSchema()->columns);
  const test::SchemaPtr lines_ =
      MakeSchema("public.a_lines", {{"id", Type::kInt, "bigint", false},
                                    {"order_id", Type::kInt, "bigint", true},
                                    {"updated_at", Type::kTimestampTz, "timestamptz", false}});
  const std::vector<TableMapping> tables_ = {
      {.source = lines_->table, .target = target_.Table("a_lines")},
      {.source = orders_->table, .target = target_.Table("z_orders")}};

  static Row Line(int64_t id, ValueView order, int64_t stamp) {
    return MakeRow({ValueView::Int(id), order, Stamp(stamp)});
  }
  std::string Count(const std::string& table) {
    return target_.Value("SELECT count(*) FROM " + table);
  }
};

INSTANTIATE_TEST_SUITE_P(, TargetReferences, testing::Values(Dialect::kPostgres, Dialect::kSqlite),
                         DialectOf);

// Fails when tables are written in the log's or in alphabetical order.
TEST_P(TargetReferences, ParentsAreWrittenFirstAndDeletedLast) {
  target_.Execute(
      "CREATE TABLE z_orders (id bigint PRIMARY KEY, name text, updated_at text);"
      "CREATE TABLE a_lines (id bigint PRIMARY KEY, order_id bigint REFERENCES z_orders (id), "
      "updated_at text)");
  for (const int count : {3, 300}) {
    log_.Cut([&](CutWriter& writer) {
      for (int i = 0; i < count; ++i) writer.Add(lines_, Line(i, ValueView::Int(i), 1));
      for (int i = 0; i < count; ++i) writer.Add(orders_, Item(i, "o", 1));
    });
    Apply(tables_);
    EXPECT_EQ(Count("a_lines"), std::to_string(count));
    log_.Cut([&](CutWriter& writer) {
      // A line that stays moves to an order that stays; all other lines and orders go.
      writer.Add(lines_, Line(0, ValueView::Int(1), 2));
      for (int i = 0; i < count; ++i) {
        const Row key = MakeRow({ValueView::Int(i)});
        if (i != 1) writer.AddDeletion(orders_, key, Value(Stamp(2)));
        if (i != 0) writer.AddDeletion(lines_, key, Value(Stamp(2)));
      }
    });
    Apply(tables_);
    EXPECT_EQ(Count("a_lines") + Count("z_orders"), "11");
  }
}

// Fails when the base comes in the order of the tables' names: the first batch of lines then refers
// to orders that are not there, or the first one of deletions takes orders that lines refer to.
TEST_P(TargetReferences, ThroughTheBaseParentsComeFirstAndGoLastAlsoInManyBatches) {
  constexpr int kRows = 250;
  target_.Execute(
      "CREATE TABLE z_orders (id bigint PRIMARY KEY, name text, updated_at text);"
      "CREATE TABLE a_lines (id bigint PRIMARY KEY, order_id bigint REFERENCES z_orders (id), "
      "updated_at text)");
  const ApplyOptions options{
      .pipeline = "p", .once = true, .consumer = "p", .batch_changes = kRows / 10};
  const auto unwanted = MakeSchema("public.b_other", ItemsSchema()->columns);
  log_.Cut([&](CutWriter& writer) {
    for (int i = 0; i < kRows; ++i) writer.Add(lines_, Line(i, ValueView::Int(i), 1));
    for (int i = 0; i < kRows; ++i) writer.Add(orders_, Item(i, "o", 1));
    for (int i = 0; i < kRows; ++i) writer.Add(unwanted, Item(i, "o", 1));
  });
  log_.Fold();
  EXPECT_GT(Apply(tables_, options).batches, 10u);
  EXPECT_EQ(Count("a_lines") + " " + Count("z_orders"), "250 250");
  log_.Cut([&](CutWriter& writer) {
    writer.Add(lines_, Line(kRows, ValueView::Int(kRows), 2));
    writer.Add(orders_, Item(kRows, "o", 2));
    for (int i = 0; i < kRows; ++i) {
      writer.AddDeletion(orders_, MakeRow({ValueView::Int(i)}), Value(Stamp(2)));
      writer.AddDeletion(lines_, MakeRow({ValueView::Int(i)}), Value(Stamp(2)));
    }
  });
  log_.Fold();
  EXPECT_GT(Apply(tables_, options).batches, 10u);
  EXPECT_EQ(Count("a_lines") + " " + Count("z_orders"), "1 1");
}

// Fails when rows of a table that references itself go one by one without deferring: the child's
// key is the smaller one.
TEST_P(TargetReferences, ATableMayReferenceItself) {
  target_.Execute(
      "CREATE TABLE a_lines (id bigint PRIMARY KEY, order_id bigint REFERENCES a_lines (id), "
      "updated_at text)");
  log_.Cut([&](CutWriter& writer) {
    writer.Add(lines_, Line(1, ValueView::Int(2), 1));
    writer.Add(lines_, Line(2, ValueView::Null(), 1));
  });
  Apply(tables_);
  log_.Cut([&](CutWriter& writer) {
    writer.AddDeletion(lines_, MakeRow({ValueView::Int(1)}), Value(Stamp(2)));
    writer.AddDeletion(lines_, MakeRow({ValueView::Int(2)}), Value(Stamp(2)));
  });
  Apply(tables_);
  EXPECT_EQ(Count("a_lines"), "0");
}

TEST_P(TargetReferences, TwoTablesMayReferenceEachOtherWhenTheirConstraintsAreDeferrable) {
  target_.Execute("CREATE TABLE z_orders (id bigint PRIMARY KEY, name text, updated_at text)");
  target_.Execute(
      "CREATE TABLE a_lines (id bigint PRIMARY KEY, "
      "order_id bigint REFERENCES z_orders (id) DEFERRABLE, updated_at text)");
  target_.Execute(
      postgres() ? "ALTER TABLE z_orders ADD FOREIGN KEY (id) REFERENCES a_lines (id) DEFERRABLE"
                 : "DROP TABLE z_orders; CREATE TABLE z_orders (id bigint PRIMARY KEY "
                   "REFERENCES a_lines (id), name text, updated_at text)");
  log_.Cut([&](CutWriter& writer) {
    writer.Add(lines_, Line(1, ValueView::Int(1), 1));
    writer.Add(orders_, Item(1, "o", 1));
  });
  Apply(tables_);
  EXPECT_EQ(Count("a_lines") + Count("z_orders"), "11");
}

}  // namespace
}  // namespace syncline::apply
