// What the target refuses is parked, with what comes after it of the same row; everything else
// arrives.

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <set>
#include <thread>

#include "apply/state/quarantine.h"
#include "apply/target/quarantine_admin.h"
#include "apply/target/sql_target.h"
#include "apply/write/table_writer.h"
#include "tests/conformance/target_suite.h"

namespace syncline::apply {
namespace {

using test::Item;
using test::ItemsSchema;
using test::MakeRow;
using test::MakeSchema;
using test::SchemaPtr;
using test::Stamp;
using testing::HasSubstr;
using Rows = std::vector<std::string>;

class TargetQuarantine : public TargetConformance {
 protected:
  // items with a rule of each kind, and lines, which refer to items.
  void MakeStrictTables() {
    target_.Execute(
        "CREATE TABLE items (id bigint PRIMARY KEY, name text NOT NULL UNIQUE "
        "CONSTRAINT short CHECK (length(name) <= 10), updated_at timestamptz)");
    target_.Execute(
        "CREATE TABLE lines (id bigint PRIMARY KEY, item bigint REFERENCES items (id), "
        "updated_at timestamptz)");
  }
  static SchemaPtr LinesSchema() {
    return MakeSchema("public.lines",
                      {{"id", Type::kInt, "bigint"},
                       {"item", Type::kInt, "bigint"},
                       {"updated_at", Type::kTimestampTz, "timestamp with time zone"}});
  }
  static Row Line(int64_t id, int64_t item) {
    return MakeRow({ValueView::Int(id), ValueView::Int(item), Stamp(1)});
  }
  static Row Nameless(int64_t id) {
    return MakeRow({ValueView::Int(id), ValueView::Null(), Stamp(1)});
  }
  std::vector<TableMapping> Mappings() const {
    return {ItemsMapping(), {.source = {"public", "lines"}, .target = target_.Table("lines")}};
  }
  static ApplyOptions WithLimit(uint64_t limit, uint64_t batch_changes = 50'000) {
    ApplyOptions options = Once();
    options.quarantine_limit = limit;
    options.batch_changes = batch_changes;
    return options;
  }
  Result ApplyAll(uint64_t limit = 1'000) { return Apply(Mappings(), WithLimit(limit)); }

  // "key reason" of what was refused, in the log's order.
  Rows Refused() {
    Rows all;
    for (const ParkedChange& parked : ListQuarantine(target_.url(), "p")) {
      if (parked.waiting_for) continue;
      all.push_back(std::to_string(parked.step.change.key[0].as_int()) + " " + parked.reason);
    }
    return all;
  }
  size_t Parked() { return ListQuarantine(target_.url(), "p").size(); }
  QuarantineAdmin Care() {
    return {.target = target_.url(),
            .tables = Mappings(),
            .source = log_.log().info().source,
            .pipeline = "p",
            .logger = test::QuietLogger()};
  }
  QuarantineResult Retry(std::vector<uint64_t> ids = {}) { return RetryQuarantined(Care(), ids); }
  std::string Count(const std::string& table) {
    return target_.Value("SELECT count(*) FROM " + table);
  }
};

INSTANTIATE_TEST_SUITE_P(, TargetQuarantine, testing::Values(Dialect::kPostgres, Dialect::kSqlite),
                         DialectOf);

// Fails when a refusal ends the batch, when a reason does not name what a person has to look at,
// and when children of a parked row are lost with it.
TEST_P(TargetQuarantine, EveryKindOfRefusalIsParkedWithItsReasonAndTheRestArrives) {
  for (const int good : {5, static_cast<int>(TableWriter::kStagedRowsMin) + 100}) {
    if (good == 5) {
      MakeStrictTables();
    } else {
      target_.Execute("DELETE FROM lines; DELETE FROM items; DELETE FROM syncline_quarantine");
    }
    const int first = good * 1'000;
    log_.Cut([&](CutWriter& writer) {
      for (int i = 0; i < good; ++i) {
        writer.Add(ItemsSchema(), Item(first + i, "n" + std::to_string(first + i), 1));
        writer.Add(LinesSchema(), Line(first + i, first + i));
      }
      writer.Add(ItemsSchema(), Nameless(first + 500));
      writer.Add(ItemsSchema(), Item(first + 501, "much too long", 1));
      writer.Add(ItemsSchema(), Item(first + 502, "n" + std::to_string(first), 1));
      writer.Add(ItemsSchema(), Item(first + 503, std::string("a\0b", 3), 1));
      writer.Add(LinesSchema(), Line(first + 500, first + 500));
    });
    const Result result = ApplyAll();
    EXPECT_EQ(result.next, log_.end().value());
    const int zero = postgres() ? 0 : 1;  // SQLite takes text with a zero byte
    EXPECT_EQ(Count("items"), std::to_string(good + zero));
    EXPECT_EQ(Count("lines"), std::to_string(good));
    const Rows refused = Refused();
    ASSERT_EQ(refused.size(), static_cast<size_t>(5 - zero)) << testing::PrintToString(refused);
    EXPECT_EQ(refused[0], std::to_string(first + 500) + " NOT NULL column name holds NULL");
    EXPECT_THAT(refused[1], HasSubstr(postgres() ? "violates CHECK short" : "violates CHECK"));
    EXPECT_THAT(refused[2], HasSubstr("is taken by another row"));
    EXPECT_THAT(refused.back(), HasSubstr("refers to a row of "));
    EXPECT_THAT(refused.back(), HasSubstr("items that is not there"));
    if (postgres()) {
      EXPECT_THAT(refused[3], HasSubstr("zero byte"));
    }
  }
}

// New rows are copied while it is found out what is refused, also where somebody has put some of
// them there. Fails when a row that is tried alone is copied, too: those are parked then.
TEST_P(TargetQuarantine, RowsThatAreThereAlreadyAreDecidedBesideOnesThatAreRefused) {
  MakeStrictTables();
  for (int id = 200; id < 260; ++id) {
    target_.Execute("INSERT INTO items VALUES (" + std::to_string(id) + ", 'l" +
                    std::to_string(id) + "', '1990-01-01 00:00:00+00')");
  }
  std::vector<Row> rows = {Nameless(1)};
  for (int id = 2; id <= 400; ++id) rows.push_back(Item(id, "n" + std::to_string(id), 1));
  Log(rows);
  EXPECT_EQ(ApplyAll().conflicts, 60u);
  EXPECT_EQ(target_.Value("SELECT count(*) FROM items WHERE name LIKE 'n%'"), "399");
  EXPECT_EQ(Refused(), Rows{"1 NOT NULL column name holds NULL"});
}

// Fails when `status` is told of none, or of those of other pipelines.
TEST_P(TargetQuarantine, WhatIsParkedIsCountedByTable) {
  MakeStrictTables();
  EXPECT_TRUE(CountRefusedByTable(target_.url(), "p").empty());
  Log({Nameless(1), Item(2, "n2", 1), Nameless(3)});
  ApplyAll();
  const std::map<std::string, uint64_t> expected{{target_.Table("items").ToString(), 2}};
  EXPECT_EQ(CountRefusedByTable(target_.url(), "p"), expected);
  EXPECT_EQ(CountRefused(target_.session(), "p"), 2u);
  EXPECT_TRUE(CountRefusedByTable(target_.url(), "another").empty());
}

// Fails when a later change of a parked row reaches the table, or is lost; and when the quarantine
// is believed to be what it was before another process worked on it.
TEST_P(TargetQuarantine, LaterChangesOfTheRowWaitAndRetryAppliesThemInOrder) {
  MakeStrictTables();
  Log({Item(1, "one", 1), Item(2, "two", 1)});
  ApplyAll();
  Log({Item(1, "much too long", 2), Item(2, "two again", 2)});
  const auto reader = log_.NewReader();
  ApplyAll();
  Log({Item(1, "short", 3), Item(2, "two more", 3)});
  ApplyAll();
  Log({Item(1, "shorter", 4)});
  const Result last = ApplyAll();
  EXPECT_EQ(last.next, log_.end().value());
  EXPECT_EQ(Items(), (Rows{"1|one", "2|two more"}));
  ASSERT_EQ(Parked(), 2u);  // the refused one, and one step for the two behind it
  const auto parked = ListQuarantine(target_.url(), "p");
  EXPECT_EQ(parked[1].waiting_for, parked[0].id);
  EXPECT_EQ(parked[1].changes, 2u);

  // The row as it is now can be taken: nothing has to be mended.
  const QuarantineResult result = Retry();
  EXPECT_EQ(result.applied, 3u);
  EXPECT_TRUE(result.refused.empty());
  EXPECT_EQ(Items(), (Rows{"1|shorter", "2|two more"}));
  EXPECT_EQ(Parked(), 0u);
  Log({Item(1, "free", 5)});
  ApplyAll();
  EXPECT_EQ(Items(), (Rows{"1|free", "2|two more"}));
}

// Fails when one session goes on with the keys that it knew before `retry` in another.
TEST_P(TargetQuarantine, ARunningStageSeesWhatIsDoneBesideIt) {
  MakeStrictTables();
  Log({Item(1, "much too long", 1)});
  const auto reader = log_.NewReader();
  ApplyOptions options = WithLimit(10);
  options.once = false;
  ApplyStage stage(SqlTargetAt(target_.url(), Mappings()), options, *reader, clock_,
                   test::QuietLogger());
  std::jthread running([&](std::stop_token stop) { stage.Run(stop); });
  const auto wait_for = [&](uint64_t next) {
    while (stage.stats().next_offset < next) std::this_thread::yield();
  };
  wait_for(log_.end().value());
  Log({Item(1, "short", 2)});
  wait_for(log_.end().value());
  EXPECT_EQ(Count("items"), "0");
  EXPECT_EQ(Retry().applied, 2u);
  Log({Item(1, "shorter", 3)});
  wait_for(log_.end().value());
  EXPECT_EQ(Items(), Rows{"1|shorter"});
  running.request_stop();
}

TEST_P(TargetQuarantine, RetrySaysWhatIsStillRefusedAndSkipDropsIt) {
  MakeStrictTables();
  Log({Item(1, "much too long", 1), Nameless(2), Item(3, "three", 1)});
  ApplyAll();
  Log({Nameless(1), Item(2, "two", 2)});
  ApplyAll();
  const auto before = ListQuarantine(target_.url(), "p");
  ASSERT_EQ(before.size(), 4u);
  EXPECT_THROW(Retry({before[3].id}), Error);  // it waits; the refused one has to be named
  EXPECT_THROW(Retry({987}), Error);

  const QuarantineResult again = Retry({before[0].id});
  EXPECT_EQ(again.applied, 0u);
  ASSERT_EQ(again.refused.size(), 1u);
  EXPECT_EQ(again.refused.at(before[0].id), "NOT NULL column name holds NULL");  // as it is now
  EXPECT_EQ(Parked(), 4u);

  const std::vector<uint64_t> both = {before[0].id, before[1].id};
  const QuarantineResult skipped = SkipQuarantined(Care(), both);
  EXPECT_EQ(skipped.skipped, 2u);
  EXPECT_EQ(skipped.applied, 1u);
  EXPECT_EQ(skipped.refused.size(), 1u);
  EXPECT_EQ(Items(), (Rows{"2|two", "3|three"}));
  EXPECT_EQ(Refused(), Rows{"1 NOT NULL column name holds NULL"});
  const QuarantineResult rest =
      SkipQuarantined(Care(), std::vector{ListQuarantine(target_.url(), "p")[0].id});
  EXPECT_EQ(rest.skipped, 1u + 1u);
  EXPECT_EQ(Parked(), 0u);
}

// Fails when a pipeline that begins anew in another log takes what is parked of the old one for its
// own; and when the old one cannot be settled any more, because its progress row is gone.
TEST_P(TargetQuarantine, WhatIsParkedOfAnotherLogIsSettledBeforeThisOneIsApplied) {
  MakeStrictTables();
  Log({Nameless(1), Item(2, "much too long", 1), Nameless(3)});
  ApplyAll();
  target_.Execute("DELETE FROM syncline_progress");
  test::TestLog other(clock_);
  other.Cut([](CutWriter& writer) { writer.Add(ItemsSchema(), Item(1, "one", 5)); });
  const auto apply_other = [&] {
    const auto reader = other.NewReader();
    ApplyStage(SqlTargetAt(target_.url(), Mappings()), WithLimit(10), *reader, clock_,
               test::QuietLogger())
        .Run({});
  };
  try {
    apply_other();
    ADD_FAILURE() << "applied";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_THAT(error.message(), HasSubstr("parked changes of pipeline p of log"));
    EXPECT_THAT(error.message(), HasSubstr(log_.log().info().id.ToString()));
    EXPECT_THAT(error.hint(), HasSubstr("syncline quarantine skip p ID"));
  }
  EXPECT_EQ(ListProgress(target_.url()).size(), 0u);
  const auto parked = ListQuarantine(target_.url(), "p");
  ASSERT_EQ(parked.size(), 3u);
  const std::vector<uint64_t> nameless = {parked[0].id, parked[2].id};
  EXPECT_EQ(SkipQuarantined(Care(), nameless).skipped, 2u);
  target_.Disconnect();
  target_.Execute(postgres() ? "ALTER TABLE items DROP CONSTRAINT short"
                             : "DROP TABLE items; CREATE TABLE items (id bigint PRIMARY KEY, name "
                               "text NOT NULL UNIQUE, updated_at timestamptz)");
  EXPECT_EQ(Retry().applied, 1u);
  EXPECT_EQ(ListProgress(target_.url()).size(), 0u);  // it was only lent
  apply_other();
  EXPECT_EQ(Items(), (Rows{"1|one", "2|much too long"}));
  EXPECT_EQ(Parked(), 0u);
}

// Fails when the offsets of changes that a repair has cut away are compared with those that came in
// their place.
TEST_P(TargetQuarantine, WhatIsParkedOfALostHistoryIsSettledBeforeThePipelineGoesOn) {
  MakeStrictTables();
  LogItems(2, "a", 1);  // the second is refused: names are unique
  Log({Nameless(3), Item(4, "four", 1)});
  ApplyAll();
  ASSERT_EQ(Parked(), 2u);
  RewindTo(0);
  log_.CutAt(Offset(2));
  Log({Item(4, "other", 2)});
  for (const auto& refused :
       {std::function<void()>([&] { ApplyAll(); }), std::function<void()>([&] { RewindTo(1); })}) {
    try {
      refused();
      ADD_FAILURE() << "goes on";
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      EXPECT_THAT(error.message(), HasSubstr("parked changes of pipeline p of epoch 1"));
      EXPECT_THAT(error.hint(), HasSubstr("syncline quarantine retry p"));
    }
  }
  const auto parked = ListQuarantine(target_.url(), "p");
  SkipQuarantined(Care(), std::vector{parked[1].id});
  RewindTo(1);
  ApplyAll();
  EXPECT_EQ(Items(), (Rows{"1|a", "4|other"}));
  EXPECT_EQ(Parked(), 1u);  // of the history that is still there
}

// Fails when the limit lets anything of the batch through, or nothing at all is said.
TEST_P(TargetQuarantine, TheLimitStopsThePipelineAndNothingOfItsBatchStays) {
  MakeStrictTables();
  Log({Nameless(1), Nameless(2), Item(3, "three", 1)});
  const auto error = Refusal(Mappings(), WithLimit(1));
  ASSERT_TRUE(error);
  EXPECT_THAT(error->message(), HasSubstr("NOT NULL column name holds NULL"));
  EXPECT_THAT(error->message(), HasSubstr("quarantine"));
  EXPECT_EQ(Count("items"), "0");
  EXPECT_EQ(Parked(), 0u);
  EXPECT_TRUE(Refusal(Mappings(), WithLimit(0)));
  EXPECT_EQ(ApplyAll(2).next, log_.end().value());
  Log({Nameless(4)});
  EXPECT_TRUE(Refusal(Mappings(), WithLimit(2)));  // two are parked already
}

// Fails when each row of a batch is parked for what is wrong with the table.
TEST_P(TargetQuarantine, ATableThatRefusesEverythingStopsThePipeline) {
  target_.Execute(
      "CREATE TABLE items (id bigint PRIMARY KEY, name text CHECK (name <> name), "
      "updated_at timestamptz)");
  LogItems(2'000, "any", 1);
  const auto error = Refusal({ItemsMapping()}, WithLimit(1'000'000));
  ASSERT_TRUE(error);
  EXPECT_THAT(error->message(), HasSubstr("refuses every change"));
  EXPECT_EQ(Parked(), 0u);
}

// Seen to be parked row by row when reasons were compared, and when a hundred rows were asked for.
TEST_P(TargetQuarantine, ANewTableThatTakesNoneOfItsRowsStopsThePipelineWhateverTheReasons) {
  MakeStrictTables();
  const auto log_rows = [&](int first) {
    log_.Cut([&](CutWriter& writer) {
      for (int id = first; id < first + 20; ++id) {
        writer.Add(ItemsSchema(), id % 2 == 0 ? Nameless(id) : Item(id, "much too long a name", 1));
      }
    });
  };
  log_rows(100);
  const auto error = Refusal(Mappings(), WithLimit(1'000));
  ASSERT_TRUE(error);
  EXPECT_THAT(error->message(), HasSubstr("refuses every change"));
  EXPECT_EQ(Parked(), 0u);
  // With a row in it the same is a matter of rows.
  target_.Execute("INSERT INTO items VALUES (1, 'one', NULL)");
  ApplyAll();
  EXPECT_EQ(Parked(), 20u);
}

// Fails when a child that comes before its parent in key order is parked for that.
TEST_P(TargetQuarantine, RowsThatReferToEachOtherAreParkedOnlyWhereTheyMustBe) {
  target_.Execute(
      "CREATE TABLE lines (id bigint PRIMARY KEY, item bigint REFERENCES lines (id) "
      "DEFERRABLE, updated_at timestamptz CONSTRAINT not_250 CHECK (id <> 250))");
  log_.Cut([&](CutWriter& writer) {
    // 500 -> 499 -> ..., written in the order 1 to 500: each row refers to the next.
    for (int id = 1; id <= 500; ++id) writer.Add(LinesSchema(), Line(id, id == 500 ? 500 : id + 1));
  });
  ApplyAll();
  // 250 breaks the CHECK; 1 to 249 stand on it.
  EXPECT_EQ(Count("lines"), "250");
  EXPECT_EQ(Refused().size(), 250u);
  target_.Execute(postgres() ? "ALTER TABLE lines DROP CONSTRAINT not_250" : "SELECT 1");
  if (!postgres()) return;
  EXPECT_EQ(Retry().applied, 250u);
  EXPECT_EQ(Count("lines"), "500");
}

// Random rows, refused for random reasons, in random batches, with a crash of sorts (a new stage)
// after each; then the target is mended and everything is tried again. Fails when anything is lost,
// written twice, or overtakes.
TEST_P(TargetQuarantine, WhateverIsRefusedTheRestArrivesAndRetryBringsEverything) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  target_.Execute("CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at timestamptz)");
  const char* refuse_bad =
      postgres()
          ? "ALTER TABLE items ADD CONSTRAINT good CHECK (name NOT LIKE 'bad%')"
          : "CREATE TRIGGER good_i BEFORE INSERT ON items WHEN new.name LIKE 'bad%' BEGIN SELECT "
            "RAISE(ABORT, 'bad'); END; CREATE TRIGGER good_u BEFORE UPDATE ON items WHEN new.name "
            "LIKE 'bad%' BEGIN SELECT RAISE(ABORT, 'bad'); END";
  target_.Execute(refuse_bad);
  std::map<int, std::string> source, expected;  // expected: what reaches the target
  std::set<int> parked;
  for (int cut = 0; cut < 12; ++cut) {
    std::map<int, std::string> rows;
    const int count = cut % 3 == 0 ? 600 : 40;
    for (int i = 0; i < count; ++i) {
      const int id = 1 + static_cast<int>(random() % 900);
      rows[id] = (random() % 20 == 0 ? "bad" : "good") + std::to_string(random() % 1000);
    }
    log_.Cut([&](CutWriter& writer) {
      for (const auto& [id, name] : rows) {
        writer.Add(ItemsSchema(), Item(id, name, static_cast<int64_t>(random() % 50)));
      }
    });
    for (const auto& [id, name] : rows) source[id] = name;
    const size_t before = ListQuarantine(target_.url(), "p").size();
    Apply({ItemsMapping()}, WithLimit(100'000, 1 + random() % 700));
    EXPECT_GE(ListQuarantine(target_.url(), "p").size(), before);
  }
  // Rows that never were bad are as the source has them, and the others are parked.
  std::set<int64_t> refused;
  for (const ParkedChange& change : ListQuarantine(target_.url(), "p")) {
    refused.insert(change.step.change.key[0].as_int());
  }
  EXPECT_FALSE(refused.empty());
  const auto compare = [&](bool all) {
    Rows want, have;
    for (const auto& [id, name] : source) {
      if (all || !refused.contains(id)) want.push_back(std::to_string(id) + "|" + name);
    }
    for (const std::string& row : Items()) {
      if (all || !refused.contains(std::stoi(row))) have.push_back(row);
    }
    EXPECT_EQ(have, want);
  };
  compare(false);
  EXPECT_EQ(target_.Value("SELECT count(*) FROM items WHERE name LIKE 'bad%'"), "0");
  target_.Execute(postgres() ? "ALTER TABLE items DROP CONSTRAINT good"
                             : "DROP TRIGGER good_i; DROP TRIGGER good_u");
  EXPECT_TRUE(Retry().refused.empty());
  compare(true);
  EXPECT_EQ(Parked(), 0u);
}

}  // namespace
}  // namespace syncline::apply
