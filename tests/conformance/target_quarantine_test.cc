// What the target refuses is parked, with what comes after it of the same row; everything else
// arrives.

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <set>

#include "apply/write/table_writer.h"
#include "tests/conformance/target_quarantine_suite.h"

namespace syncline::apply {
namespace {

using test::Item;
using test::ItemsSchema;
using testing::HasSubstr;
using Rows = std::vector<std::string>;

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
