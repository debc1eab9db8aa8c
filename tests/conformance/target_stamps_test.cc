// Versions in whatever form: of the source's row and the target's the later moment wins, and one
// moment is one version.

#include <gmock/gmock.h>

#include "apply/state/conflict_table.h"
#include "engine/model/stamp.h"
#include "engine/model/value_text.h"
#include "tests/conformance/target_suite.h"

namespace syncline::apply {
namespace {

using test::MakeRow;
using Rows = std::vector<std::string>;

constexpr int kStampRows = 300;  // written by a statement for all

Value Text(const std::string& text) { return Value(ValueView::Text(text)); }
Value Moment(const std::string& text) {
  return Value(ValueView::TimestampTz(*StampOf(ValueView::Text(text))));
}

class TargetStamps : public TargetConformance {
 protected:
  // items(id, name, updated_at), as a source of that kind has it.
  static std::shared_ptr<const TableSchema> Schema(Dialect dialect, Type type,
                                                   const std::string& native) {
    TableSchema schema = *test::MakeSchema("public.items", {{"id", Type::kInt, "bigint", false},
                                                            {"name", Type::kText, "text", true},
                                                            {"updated_at", type, native, true}});
    schema.dialect = dialect;
    return std::make_shared<const TableSchema>(std::move(schema));
  }
  const std::shared_ptr<const TableSchema> texts_ = Schema(Dialect::kSqlite, Type::kText, "TEXT");
  const std::shared_ptr<const TableSchema> moments_ =
      Schema(Dialect::kPostgres, Type::kTimestampTz, "timestamp with time zone");
  int names_ = 0;
  int pipelines_ = 0;

  void Log(const std::shared_ptr<const TableSchema>& schema, const std::string& name,
           const Value& stamp, int count = 1) {
    log_.Cut([&](CutWriter& writer) {
      for (int id = 1; id <= count; ++id) {
        writer.Add(schema, MakeRow({ValueView::Int(id), ValueView::Text(name), stamp}));
      }
    });
  }
  struct Case {
    Value source;
    std::string target;  // a literal
    bool source_wins;
  };
  // In PostgreSQL in a column as Syncline makes it for a text of SQLite.
  void ExpectWinners(const std::shared_ptr<const TableSchema>& schema,
                     const std::vector<Case>& cases) {
    for (const Case& one : cases) {
      for (const int count : {1, kStampRows}) {
        SCOPED_TRACE(one.target + " " + std::to_string(count));
        MakeItems(postgres() ? "text" : "");
        target_.Execute("INSERT INTO items VALUES (1, 'target', " + one.target + ")");
        Log(schema, "source " + std::to_string(names_++), one.source, count);
        const Result result = Apply();
        EXPECT_EQ(Items().front() == "1|target", !one.source_wins);
        EXPECT_GE(result.conflicts, 1u);
      }
    }
  }
  void MakeItems(const std::string& type) {
    target_.Execute("DROP TABLE IF EXISTS items; CREATE TABLE items (id " +
                    std::string(postgres() ? "bigint" : "INTEGER") +
                    " PRIMARY KEY, name TEXT, updated_at " + type + ")");
  }
};

// Seen to fail when the target compares what is stored: in SQLite texts, and numbers below texts.
TEST_P(TargetStamps, TheLaterMomentWinsInWhateverForm) {
  const Value ten = Moment("2026-01-02 10:00:00");
  ExpectWinners(moments_, {{ten, "'2026-01-02T00:00:00.000Z'", true},
                           {ten, "'2026-01-02 11:30:00+02:00'", true},
                           {ten, "'2026-01-02 09:30:00-02:00'", false},
                           {ten, "1767434400", false},
                           {ten, "'1767347999'", true},
                           {ten, "1767348000001", false},
                           {ten, "20260102", true},
                           {ten, "NULL", true},
                           {ten, "'infinity'", false}});
}

TEST_P(TargetStamps, OfTextsAndNumbersToo) {
  ExpectWinners(texts_, {{Text("2026-01-02T01:00:00.000Z"), "'2026-01-02 09:00:00+00'", false},
                         {Text("2026-01-02 10:00:00"), "'2026-01-02T00:00:00Z'", true},
                         {Text("2026-01-02T19:00:00+09:00"), "'2026-01-02T11:00:00Z'", false},
                         {Value(ValueView::Int(1767348000)), "'2026-01-02 09:59:59'", true},
                         {Value(ValueView::Int(1767348000)), "1767348000001", false}});
}

// A version that the target holds in another form is the one that the change follows.
TEST_P(TargetStamps, AStateInAnotherFormIsFollowed) {
  MakeItems(postgres() ? "text" : "");
  Log(moments_, "one", Moment("2026-01-02 10:00:00"), kStampRows);
  Apply();
  target_.Execute("UPDATE items SET updated_at = '2026-01-02T12:00:00+02:00'");
  Log(moments_, "two", Moment("2026-01-02 09:00:00"), kStampRows);
  EXPECT_EQ(Apply().conflicts, 0u);
  EXPECT_EQ(target_.Rows("SELECT count(*) FROM items WHERE name = 'two'"),
            Rows{std::to_string(kStampRows)});
  target_.Execute("UPDATE items SET updated_at = '2026-01-02T11:00:00+02:00'");
  log_.Cut([&](CutWriter& writer) {
    for (int id = 1; id <= kStampRows; ++id) {
      writer.AddDeletion(moments_, MakeRow({ValueView::Int(id)}), Moment("2026-01-02 09:00:00"));
    }
  });
  EXPECT_EQ(Apply().conflicts, 0u);
  EXPECT_EQ(Items(), Rows{});
}

// Fails when forms are compared and not what they say: each row was a conflict.
TEST_P(TargetStamps, EqualRowsOfOtherFormsAreNoConflict) {
  MakeItems(postgres() ? "text" : "TEXT");
  target_.Execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
                  std::to_string(kStampRows) +
                  ") INSERT INTO items SELECT i, 'same', '2026-01-02 10:00:00' FROM n");
  Log(moments_, "same", Moment("2026-01-02 10:00:00"), kStampRows);
  const Result result = Apply();
  EXPECT_EQ(result.conflicts, 0u);
  EXPECT_EQ(target_.Rows("SELECT DISTINCT updated_at FROM items"), Rows{"2026-01-02 10:00:00"});
}

TEST_P(TargetStamps, OtherValuesInOtherFormsAreTheSameToo) {
  if (postgres()) GTEST_SKIP() << "there is one form of each";
  const auto schema =
      test::MakeSchema("public.items", {{"id", Type::kInt, "bigint", true},
                                        {"price", Type::kDecimal, "numeric", true},
                                        {"paid", Type::kBool, "boolean", true},
                                        {"born", Type::kDate, "date", true},
                                        {"code", Type::kUuid, "uuid", true},
                                        {"name", Type::kText, "text", true},
                                        {"updated_at", Type::kTimestampTz, "timestamptz", true}});
  const std::string code = "abcdef00-0000-0000-0000-000000000000";
  const Value uuid = *FromText(Type::kUuid, code);
  const auto apply = [&](const std::string& values) {
    target_.Execute(
        "DROP TABLE IF EXISTS items; CREATE TABLE items (id INTEGER PRIMARY KEY, price, "
        "paid, born, code, name, updated_at); INSERT INTO items VALUES (1, " +
        values + ", '2026-01-02T10:00:00Z')");
    if (log_.end().value() == 0) {
      log_.Cut([&](CutWriter& writer) {
        writer.Add(schema, MakeRow({ValueView::Int(1), ValueView::Decimal("1.50"),
                                    ValueView::Bool(true), *FromText(Type::kDate, "2026-01-02"),
                                    uuid, ValueView::Text("1.50"), Moment("2026-01-02 10:00:00")}));
      });
    }
    return Apply({ItemsMapping()}, {.pipeline = "p" + std::to_string(++pipelines_), .once = true})
        .conflicts;
  };
  EXPECT_EQ(apply("1.5, 1, '2026-01-02', 'ABCDEF00-0000-0000-0000-000000000000', '1.50'"), 0u);
  EXPECT_EQ(apply("'1.500', 'true', 20260102, '" + code + "', '1.50'"), 0u);
  // A text is its characters.
  EXPECT_EQ(apply("1.5, 1, '2026-01-02', '" + code + "', '1.5'"), 1u);
  EXPECT_EQ(apply("1.5, 1, '2026-01-03', '" + code + "', '1.50'"), 1u);
}

// Nothing is guessed: of a stamp that is no time nobody can tell whether it is later.
TEST_P(TargetStamps, AStampThatIsNoTimeIsRefusedWithItsRow) {
  MakeItems(postgres() ? "text" : "");
  target_.Execute("INSERT INTO items VALUES (1, 'target', '01/02/2026')");
  Log(texts_, "source", Text("2026-01-02 10:00:00"), 2);
  ApplyOptions options = Once();
  options.quarantine_limit = 10;
  Apply({ItemsMapping()}, std::move(options));
  EXPECT_EQ(Items(), (Rows{"1|target", "2|source"}));
  EXPECT_THAT(target_.Rows("SELECT reason FROM syncline_quarantine").front(),
              testing::HasSubstr("nobody can tell whether it is later"));
}

INSTANTIATE_TEST_SUITE_P(Each, TargetStamps, testing::Values(Dialect::kPostgres, Dialect::kSqlite),
                         DialectOf);

}  // namespace
}  // namespace syncline::apply
