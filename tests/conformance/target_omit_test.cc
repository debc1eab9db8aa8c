// A pipeline's target gets to hold of a row what the pipeline takes, and nothing else: neither in
// the quarantine nor among conflicts and schemas. On the code before, every test but the last two
// found the omitted values, or their column's name, on the target.

#include <gmock/gmock.h>

#include "apply/state/quarantine.h"
#include "apply/target/quarantine_admin.h"
#include "engine/model/value_text.h"
#include "tests/conformance/target_suite.h"

namespace syncline::apply {
namespace {

using test::MakeRow;
using test::MakeSchema;
using test::SchemaPtr;
using test::Stamp;
using testing::HasSubstr;
using testing::Not;
using Rows = std::vector<std::string>;

constexpr char kSecret[] = "SECRET-123";
constexpr char kColumn[] = "ssn_of_person";

class TargetOmit : public TargetConformance {
 protected:
  // The secret stands before what is checked, so that leaving it out moves what comes after it.
  static SchemaPtr People() {
    return MakeSchema("public.people",
                      {{"id", Type::kInt, "bigint", false},
                       {kColumn, Type::kText, "text", true},
                       {"name", Type::kText, "text", true},
                       {"updated_at", Type::kTimestampTz, "timestamp with time zone", false}});
  }
  static Row Person(int64_t id, const std::string& name, int64_t stamp) {
    return MakeRow(
        {ValueView::Int(id), ValueView::Text(kSecret), ValueView::Text(name), Stamp(stamp)});
  }
  void Log(const std::vector<Row>& rows) {
    log_.Cut([&](CutWriter& writer) {
      for (const Row& row : rows) writer.Add(People(), row);
    });
  }
  void MakeStrictTable(const std::string& more = "") {
    target_.Execute("CREATE TABLE people (id bigint PRIMARY KEY, name text CHECK (name <> 'bad')" +
                    more + ", updated_at timestamptz)");
  }
  TableMapping Mapping(std::vector<std::string> omit) const {
    return {
        .source = {"public", "people"}, .target = target_.Table("people"), .omit = std::move(omit)};
  }
  TableMapping Taking() const { return Mapping({}); }
  TableMapping Omitting() const { return Mapping({kColumn}); }
  Result ApplyTo(const TableMapping& mapping) {
    ApplyOptions options = Once();
    options.quarantine_limit = 100;
    return Apply({mapping}, options);
  }
  QuarantineResult Retry(const TableMapping& mapping, LogReader* log) {
    return RetryQuarantined({.target = target_.url(),
                             .tables = {mapping},
                             .source = log_.log().info().source,
                             .pipeline = "p",
                             .logger = test::QuietLogger(),
                             .log = log},
                            {});
  }

  // Everything that Syncline keeps on the target beside the table, as text; bytes as they are.
  std::string Kept() {
    std::string all;
    for (const std::string table :
         {"syncline_quarantine", "syncline_conflicts", "syncline_schemas", "syncline_progress"}) {
      const auto info = target_.session().Describe(target_.Table(table));
      if (!info) continue;
      TableSchema schema{.table = info->name};
      for (const sql::ColumnInfo& column : info->columns) schema.columns.push_back(column.column);
      target_.session().ReadRows({.schema = schema}, [&](Row& row) {
        for (const ValueView value : row) {
          if (HoldsString(value.type())) {
            all += std::string(value.as_string()) + "\n";
          } else if (!value.is_null()) {
            all += ToText(value) + "\n";
          }
        }
      });
    }
    return all;
  }
  void ExpectNothingKept() {
    EXPECT_THAT(Kept(), Not(HasSubstr(kSecret)));
    EXPECT_THAT(Kept(), Not(HasSubstr(kColumn)));
  }
  Rows People(const std::string& columns) {
    return target_.Rows("SELECT " + columns + " FROM people ORDER BY id");
  }
};

INSTANTIATE_TEST_SUITE_P(, TargetOmit, testing::Values(Dialect::kPostgres, Dialect::kSqlite),
                         DialectOf);

TEST_P(TargetOmit, NeitherRefusedNorWaitingChangesHoldIt) {
  MakeStrictTable();
  Log({Person(1, "bad", 1), Person(2, "good", 1)});
  ApplyTo(Omitting());
  Log({Person(1, "better", 2)});
  ApplyTo(Omitting());
  Log({Person(1, "best", 3)});
  ApplyTo(Omitting());
  const auto parked = ListQuarantine(target_.url(), "p");
  ASSERT_EQ(parked.size(), 2u);
  EXPECT_EQ(parked[0].step.left_out, 1u);
  EXPECT_EQ(parked[1].step.left_out, 1u);
  ExpectNothingKept();
  EXPECT_THAT(Kept(), HasSubstr("best"));

  const auto reader = log_.NewReader();
  EXPECT_EQ(Retry(Omitting(), reader.get()).applied, 3u);
  EXPECT_EQ(People("id, name"), (Rows{"1|best", "2|good"}));
  Log({Person(1, "last", 4)});
  EXPECT_EQ(ApplyTo(Omitting()).conflicts, 0u);
  ExpectNothingKept();
}

TEST_P(TargetOmit, ConflictsDoNotHoldIt) {
  MakeStrictTable();
  target_.Execute("INSERT INTO people VALUES (1, 'local', '2030-01-01 00:00:00+00')");
  Log({Person(1, "captured", 1)});
  EXPECT_EQ(ApplyTo(Omitting()).conflicts, 1u);
  EXPECT_THAT(Kept(), HasSubstr("captured"));
  ExpectNothingKept();
}

// A schema that changes is remembered, of what the pipeline takes.
TEST_P(TargetOmit, SchemasDoNotNameIt) {
  MakeStrictTable();
  Log({Person(1, "good", 1)});
  ApplyTo(Omitting());
  EXPECT_THAT(Kept(), HasSubstr("updated_at"));
  ExpectNothingKept();
}

// What `new_columns: ignore` leaves out is not taken either.
TEST_P(TargetOmit, AnIgnoredColumnIsNotKept) {
  MakeStrictTable();
  TableMapping mapping = Taking();
  mapping.new_columns = NewColumns::kIgnore;
  Log({Person(1, "bad", 1), Person(2, "good", 1)});
  ApplyTo(mapping);
  EXPECT_EQ(ListQuarantine(target_.url(), "p").size(), 1u);
  ExpectNothingKept();
}

// Versions are values of the cursor column. Where that is omitted they stay in the log, too.
TEST_P(TargetOmit, TheVersionsOfAnOmittedCursorStayInTheLog) {
  target_.Execute("CREATE TABLE people (id bigint PRIMARY KEY, name text CHECK (name <> 'bad'))");
  TableMapping mapping = Mapping({kColumn, "updated_at"});
  mapping.conflict = ConflictRule::kSourceWins;
  const auto person = [](int64_t id, const std::string& name, const std::string& version) {
    return MakeRow({ValueView::Int(id), ValueView::Text(kSecret), ValueView::Text(name),
                    ValueView::Text(version)});
  };
  const SchemaPtr schema =
      MakeSchema("public.people", {{"id", Type::kInt, "bigint", false},
                                   {kColumn, Type::kText, "text", true},
                                   {"name", Type::kText, "text", true},
                                   {"updated_at", Type::kText, "text", false}});
  const auto log = [&](const std::vector<Row>& rows) {
    log_.Cut([&](CutWriter& writer) {
      for (const Row& row : rows) writer.Add(schema, row);
    });
  };
  log({person(1, "good", "SECRET-123-a"), person(3, "other", "SECRET-123-a")});
  ApplyTo(mapping);
  target_.Execute("DELETE FROM people WHERE id = 3");
  log({person(1, "bad", "SECRET-123-b"), person(3, "again", "SECRET-123-b")});
  ApplyTo(mapping);
  log({person(1, "bad", "SECRET-123-c")});
  ApplyTo(mapping);
  log({person(1, "mended", "SECRET-123-d")});
  ApplyTo(mapping);
  ExpectNothingKept();
  EXPECT_THAT(Kept(), Not(HasSubstr("updated_at\"")));
  const auto reader = log_.NewReader();
  EXPECT_EQ(Retry(mapping, reader.get()).applied, 3u);
  EXPECT_EQ(People("id, name"), (Rows{"1|mended", "3|again"}));
}

// What was parked whole is rewritten by the first start that omits the column, and goes on from
// there: so were all changes before rows were cut, and a column may be omitted later.
TEST_P(TargetOmit, WhatIsParkedAlreadyIsCutAtTheNextStart) {
  MakeStrictTable(std::string(", ") + kColumn + " text");
  Log({Person(1, "bad", 1), Person(2, "good", 1)});
  ApplyTo(Taking());
  Log({Person(1, "better", 2)});
  ApplyTo(Taking());
  EXPECT_THAT(Kept(), HasSubstr(kSecret));
  target_.Execute(std::string("ALTER TABLE people DROP COLUMN ") + kColumn);
  ApplyTo(Omitting());
  ExpectNothingKept();
  const auto parked = ListQuarantine(target_.url(), "p");
  ASSERT_EQ(parked.size(), 2u);
  EXPECT_EQ(parked[1].waiting_for, parked[0].id);
  EXPECT_EQ(Retry(Omitting(), nullptr).applied, 2u);
  EXPECT_EQ(People("id, name"), (Rows{"1|better", "2|good"}));
}

// Fails when a column that has another name on the target is taken for one that the target lacks.
TEST_P(TargetOmit, WhatHasAnotherNameThereIsNotIgnored) {
  MakeStrictTable(", number text");
  TableMapping mapping = Taking();
  mapping.columns = {{kColumn, "number"}};
  mapping.new_columns = NewColumns::kIgnore;
  Log({Person(1, "bad", 1)});
  ApplyTo(mapping);
  ApplyTo(mapping);  // looks through what is parked first
  EXPECT_THAT(Kept(), HasSubstr(kSecret));
  EXPECT_EQ(ListQuarantine(target_.url(), "p").size(), 1u);
}

// Fails when a column that the pipeline takes by now is filled with nothing.
TEST_P(TargetOmit, WhatIsTakenLaterComesOutOfTheLog) {
  for (const bool folded : {false, true}) {
    target_.Execute("DROP TABLE IF EXISTS people");
    MakeStrictTable();
    if (folded) target_.Execute("DELETE FROM syncline_progress");
    int64_t stamp = folded ? 20 : 10;
    for (const std::string name : {"bad", "better", "best"}) {
      Log({Person(1, name, stamp++)});
      ApplyTo(Omitting());
    }
    ASSERT_EQ(ListQuarantine(target_.url(), "p").size(), 2u);
    ExpectNothingKept();
    if (folded) log_.Fold();
    const auto reader = log_.NewReader();
    EXPECT_GE(Retry(Taking(), reader.get()).applied, 3u);
    EXPECT_EQ(People(std::string("id, name, ") + kColumn), Rows{std::string("1|best|") + kSecret});
  }
}

// Without the log it cannot be known what is missing: nothing is written, and it is said.
TEST_P(TargetOmit, WhatIsTakenLaterIsRefusedWithoutTheLog) {
  MakeStrictTable();
  Log({Person(1, "bad", 1)});
  ApplyTo(Omitting());
  try {
    Retry(Taking(), nullptr);
    ADD_FAILURE() << "retried";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_THAT(error.message(), HasSubstr("parked without 1 column"));
  }
  EXPECT_EQ(ListQuarantine(target_.url(), "p").size(), 1u);
}

// Whoever may write to the target may put anything there: it is damage that names the row, and
// nobody aborts. On the code before a step with too few values ended in SYNCLINE_CHECK.
TEST_P(TargetOmit, AParkedRowThatSomebodyElseWroteIsDamage) {
  MakeStrictTable();
  Log({Person(1, "bad", 1)});
  ApplyTo(Omitting());
  const std::string good =
      target_.Value(postgres() ? "SELECT encode(step_bytes, 'hex') FROM syncline_quarantine"
                               : "SELECT hex(step_bytes) FROM syncline_quarantine");
  const std::string short_row = good.substr(0, good.size() - 8);
  for (const std::string& bytes : {std::string(), std::string("ff"), short_row, good + good}) {
    target_.Execute("UPDATE syncline_quarantine SET step_bytes = " +
                    (postgres() ? "'\\x" + bytes + "'" : "x'" + bytes + "'"));
    try {
      ListQuarantine(target_.url(), "p");
      ADD_FAILURE() << bytes;
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 4) << error.message();
      EXPECT_THAT(error.message(), HasSubstr("of syncline_quarantine"));
      EXPECT_THAT(error.hint(), HasSubstr("offsets set"));
    }
  }
}

}  // namespace
}  // namespace syncline::apply
