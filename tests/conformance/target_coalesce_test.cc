// Rows whose version is in one of two columns: coalesce(updated_at, created_at).

#include "apply/target/sql_target.h"
#include "apply/write/table_writer.h"
#include "engine/model/value_text.h"
#include "tests/conformance/target_suite.h"

namespace syncline::apply {
namespace {

using test::MakeRow;
using test::SchemaPtr;
using test::Stamp;
using Rows = std::vector<std::string>;

// public.items(id, name, updated_at NULL, created_at).
SchemaPtr Schema() {
  static const SchemaPtr schema = [] {
    const std::string stamp = "timestamp with time zone";
    TableSchema items =
        *test::MakeSchema("public.items", {{"id", Type::kInt, "bigint", false},
                                           {"name", Type::kText, "text", true},
                                           {"updated_at", Type::kTimestampTz, stamp, true},
                                           {"created_at", Type::kTimestampTz, stamp, false}});
    items.cursor = 2;
    items.cursor_fallback = 3;
    return std::make_shared<const TableSchema>(std::move(items));
  }();
  return schema;
}

class TargetCoalesce : public TargetConformance {
 protected:
  // A cut of items 1 to `count`; without `updated`, as they were inserted.
  void LogCreated(int count, const std::string& name, int64_t created,
                  std::optional<int64_t> updated = {}) {
    log_.Cut([&](CutWriter& writer) {
      for (int id = 1; id <= count; ++id) {
        writer.Add(Schema(), MakeRow({ValueView::Int(id), ValueView::Text(name),
                                      updated ? Stamp(*updated) : ValueView(), Stamp(created)}));
      }
    });
  }
  std::string CountNamed(const std::string& name) {
    return target_.Value("SELECT count(*) FROM items WHERE name = '" + name + "'");
  }
};

INSTANTIATE_TEST_SUITE_P(, TargetCoalesce, testing::Values(Dialect::kPostgres, Dialect::kSqlite),
                         DialectOf);

// A state that follows what the target has is written at once. Seen to fail when the target's
// version is read from updated_at alone: each first update is then a conflict.
TEST_P(TargetCoalesce, AFirstUpdateFollowsTheInsert) {
  for (const int count : {kFew, kMany}) {
    const std::string number = std::to_string(count);
    LogCreated(count, "new" + number, count);
    Apply();
    LogCreated(count, "updated" + number, count, count + 10);
    Result result = Apply();
    EXPECT_EQ(result.rows_written, static_cast<uint64_t>(count));
    EXPECT_EQ(result.conflicts, 0u);
    EXPECT_EQ(CountNamed("updated" + number), number);
    LogCreated(count, "bare" + number, count);  // updated_at is NULL again
    result = Apply();
    EXPECT_EQ(result.conflicts, 0u);
    EXPECT_EQ(CountNamed("bare" + number), number);
    log_.Cut([&](CutWriter& writer) {
      for (int id = 1; id <= count; ++id) {
        writer.AddDeletion(Schema(), MakeRow({ValueView::Int(id)}), Value(Stamp(count + 20)));
      }
    });
    EXPECT_EQ(Apply().conflicts, 0u);
    EXPECT_EQ(Items(), Rows{});
  }
}

// SQLite has moments in columns of any type. Fails when they are held against the column's type, as
// numbers are, which SQLite converts.
TEST_P(TargetCoalesce, MomentsInColumnsOfTextAreKeptAlike) {
  if (GetParam() != Dialect::kSqlite) GTEST_SKIP() << "PostgreSQL has types for moments";
  target_.Execute(
      "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, updated_at TEXT, created_at TEXT)");
  LogCreated(kFew, "new", 1);
  LogCreated(kFew, "updated", 1, 10);
  EXPECT_EQ(Apply().conflicts, 0u);
  EXPECT_EQ(CountNamed("updated"), std::to_string(kFew));
}

// What the change and the row are compared by is each one's own of the two columns. Seen to fail
// when either is taken from updated_at.
TEST_P(TargetCoalesce, ConflictsAreDecidedByTheColumnThatCounts) {
  for (const int count : {kFew, kMany}) {
    const std::string number = std::to_string(count);
    const int64_t from = count * 100;
    // The target has rows of its own: older, newer.
    target_.Execute("DROP TABLE IF EXISTS items");
    target_.Execute("DROP TABLE IF EXISTS syncline_conflicts");
    target_.Execute("DROP TABLE IF EXISTS syncline_progress");
    const std::string stamp = postgres() ? "timestamptz" : "TIMESTAMPTZ";
    target_.Execute("CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at " + stamp +
                    ", created_at " + stamp + ")");
    target_.Execute("INSERT INTO items VALUES (1, 'older', NULL, '" + ToText(Stamp(from - 5)) +
                    "'), (2, 'newer', NULL, '" + ToText(Stamp(from + 5)) + "')");
    test::TestLog log(clock_);
    log.Cut([&](CutWriter& writer) {
      for (int id = 1; id <= count; ++id) {
        writer.Add(Schema(),
                   MakeRow({ValueView::Int(id), ValueView::Text("new"), ValueView(), Stamp(from)}));
      }
    });
    const auto reader = log.NewReader();
    ApplyStage(SqlTargetAt(target_.url(), {ItemsMapping()}), Once(), *reader, clock_,
               test::QuietLogger())
        .Run({});
    EXPECT_EQ(CountNamed("new"), std::to_string(count - 1));
    EXPECT_EQ(Items()[1], "2|newer");
    // As each database writes them.
    const auto held = [&](int64_t at) {
      const std::string text = ToText(Stamp(at));
      return postgres() ? text.substr(0, 19) + "+00" : text;
    };
    EXPECT_EQ(target_.Rows("SELECT conflict_type, winner, source_version, target_version FROM "
                           "syncline_conflicts ORDER BY id"),
              (Rows{"insert_exists|source|" + ToText(Stamp(from)) + "|" + held(from - 5),
                    "insert_exists|target|" + ToText(Stamp(from)) + "|" + held(from + 5)}));
  }
}

// The log's two columns under other names; one alone cannot be left out.
TEST_P(TargetCoalesce, ColumnsMayBeRenamedAndNotLeftOut) {
  TableMapping mapping = ItemsMapping();
  mapping.columns = {{"updated_at", "changed"}, {"created_at", "made"}};
  LogCreated(kFew, "one", 10);
  Apply({mapping});
  LogCreated(kFew, "two", 10, 20);
  EXPECT_EQ(Apply({mapping}).conflicts, 0u);
  EXPECT_EQ(CountNamed("two"), "3");
  LogCreated(kFew, "three", 10, 30);
  for (const char* column : {"updated_at", "created_at"}) {
    mapping = ItemsMapping();
    mapping.omit = {column};
    const auto error = Refusal({mapping});
    ASSERT_TRUE(error);
    EXPECT_NE(
        error->message().find(std::string("column ") + column + " of public.items is omitted"),
        std::string::npos)
        << error->message();
  }
}

// Seen to fail when what is compared with the target is not rounded as the columns are.
TEST_P(TargetCoalesce, ATargetThatRoundsBothStillFollows) {
  if (!postgres()) GTEST_SKIP() << "SQLite rounds nothing";
  target_.Execute(
      "CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at timestamptz(0), created_at "
      "timestamptz(0))");
  int64_t stamp = 1'400'000;
  for (const int count : {kFew, kMany}) {
    for (const char* name : {"one", "two", "three"}) {
      stamp += 7'000'123;
      const bool is_first = std::string(name) == "one";
      log_.Cut([&](CutWriter& writer) {
        for (int id = count; id < 2 * count; ++id) {
          writer.Add(Schema(), MakeRow({ValueView::Int(id), ValueView::Text(name),
                                        is_first ? ValueView() : ValueView::TimestampTz(stamp),
                                        ValueView::TimestampTz(1'400'000)}));
        }
      });
      EXPECT_EQ(Apply().conflicts, 0u) << name;
    }
    EXPECT_EQ(CountNamed("three"), std::to_string(count));
    target_.Execute("DELETE FROM items");
    log_.Cut([&](CutWriter& writer) {
      for (int id = count; id < 2 * count; ++id) {
        writer.AddDeletion(Schema(), MakeRow({ValueView::Int(id)}), Value());
      }
    });
    Apply();
  }
}

// Of two types one may round: a state in the other is then never met again.
TEST_P(TargetCoalesce, TwoTypesOnTheTargetAreRefused) {
  if (!postgres()) GTEST_SKIP() << "SQLite rounds nothing";
  target_.Execute(
      "CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at timestamptz, "
      "created_at timestamptz(0))");
  LogCreated(kFew, "one", 10);
  const auto error = Refusal({ItemsMapping()});
  ASSERT_TRUE(error);
  EXPECT_NE(error->message().find("as coalesce(updated_at, created_at)"), std::string::npos)
      << error->message();
}

}  // namespace
}  // namespace syncline::apply
