// What is parked waits with the changes that come after it of the same row, is counted, tried again
// or dropped, and is settled before another log or another history is applied.

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <thread>

#include "tests/conformance/target_quarantine_suite.h"

namespace syncline::apply {
namespace {

using test::Item;
using test::ItemsSchema;
using testing::HasSubstr;
using Rows = std::vector<std::string>;

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

}  // namespace
}  // namespace syncline::apply
