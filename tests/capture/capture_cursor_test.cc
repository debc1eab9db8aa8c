#include "capture/cursor/capture_cursor.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "capture/cursor/stored_cursor.h"
#include "engine/base/error.h"

namespace syncline::capture {
namespace {

CaptureCursor Sample() {
  CaptureCursor cursor;
  CaptureCursor::Table& items = cursor.tables[{"public", "items"}];
  items.loaded = true;
  items.definition = "0123456789abcdef";
  items.method = CaptureMethod::kXmin;
  items.kind = sql::TableInfo::Kind::kPartitioned;
  items.seen = Value(ValueView::Int(77));
  items.reconciled = {.begun_us = 823'000'000'500'000, .under_way = true, .after = Row()};
  items.reconciled->after->Append(ValueView::Int(9));
  items.reconciled->rows = 200;
  items.reconciled->gone = 3;
  items.reconciled->counted = 100;
  items.mark = {.object = "16390", .files = "16390.16402", .columns = "7.1"};
  items.owes_deletions = true;
  items.renamed = true;
  CaptureCursor::Table& odd = cursor.tables[{"", "odd \"name\""}];
  odd.after.emplace();
  odd.after->Append(ValueView::Text("it's \xff"));
  odd.after->Append(ValueView::Int(-5));
  cursor.ticks.last = 9;
  cursor.ticks.server_started_us = 820'000'000'000'000;
  cursor.ticks.ticks[7] = {823'000'000'000'000, {}};
  cursor.ticks.ticks[9] = {823'000'001'000'000, {{"public.items", 70}}};
  cursor.ticks.running = {{"3/145", 7}, {"p731", 0}};
  cursor.database = {.body = "2049.131", .schema = 5, .age = 17, .written = "9.1.4096"};
  return cursor;
}

TEST(CaptureCursorTest, ReadsBackWhatItWrites) {
  EXPECT_EQ(CaptureCursor::Parse(Sample().ToString()), Sample());
  EXPECT_EQ(CaptureCursor::Parse(CaptureCursor().ToString()), CaptureCursor());
  EXPECT_EQ(CaptureCursor::Parse(""), CaptureCursor());
}

// Seen to fail when the first clock counts, and when a name is taken for the ticks.
TEST(CaptureCursorTest, TheTimeIsThatOfTheLastTick) {
  CaptureCursor cursor = Sample();
  cursor.tables[{"", R"(x"ticks":{"last":7)"}] = {};
  const WallTime time = WallTime(Microseconds(823'000'001'000'000 + 946'684'800'000'000));
  EXPECT_EQ(SourceTimeOf(cursor.ToString()), time);
  EXPECT_EQ(SourceTimeOf(CaptureCursor().ToString()), std::nullopt);
  EXPECT_EQ(SourceTimeOf(""), std::nullopt);
  EXPECT_EQ(SourceTimeOf(R"("ticks":{"last":1,"ticks":[{"number":1,"clock":9223372036854775807}])"),
            std::nullopt);
}

// README.md shows this text.
TEST(CaptureCursorTest, TheFormatIsTheDocumentedOne) {
  CaptureCursor cursor;
  cursor.tables[{"public", "items"}] = {.loaded = true,
                                        .definition = "0123456789abcdef",
                                        .mark = {"16390", "16390.16402", "7.1.5f,,c0"}};
  cursor.database.body = "16384";
  cursor.ticks.last = 9;
  cursor.ticks.server_started_us = 5;
  cursor.ticks.ticks[9] = {823'000'001'000'000, {}};
  cursor.ticks.running = {{"3/145", 9}};
  EXPECT_EQ(cursor.ToString(),
            "{\"format\":1,\"tables\":[\n"
            R"({"schema":"public","name":"items","loaded":true,"definition":"0123456789abcdef",)"
            "\n"
            R"("mark":["16390","16390.16402","7.1.5f,,c0"]})"
            "\n],\n"
            R"("ticks":{"last":9,"server_started":5,"ticks":[)"
            "\n"
            R"({"number":9,"clock":823000001000000})"
            "\n"
            R"(],"running":{)"
            "\n"
            R"("3/145":9)"
            "\n}},\n"
            R"("database":{"body":"16384"}})");
}

// Builds from before the lines have written it so.
TEST(CaptureCursorTest, ReadsTheSameOnOneLine) {
  std::string text = Sample().ToString();
  std::erase(text, '\n');
  EXPECT_EQ(CaptureCursor::Parse(text), Sample());
}

// Fails when an entry that changed, came or went is written as it was.
TEST(CaptureCursorTest, AWriterWritesWhatIsThereNow) {
  CursorWriter writer;
  CaptureCursor cursor = Sample();
  EXPECT_EQ(writer.Write(cursor), cursor.ToString());
  cursor.tables[{"public", "items"}].seen = Value(ValueView::Int(78));
  EXPECT_EQ(writer.Write(cursor), cursor.ToString());
  cursor.tables.erase({"public", "items"});
  EXPECT_EQ(writer.Write(cursor), cursor.ToString());
  cursor.tables[{"public", "items"}];
  EXPECT_EQ(writer.Write(cursor), cursor.ToString());
}

TEST(CaptureCursorTest, RefusesWhatIsNotACursor) {
  for (const char* text : {"x", "{}", R"({"format":1})", R"({"format":1,"tables":[{}]})",
                           R"({"format":1,"tables":[],"ticks":{"last":1,"server_started":0,)"
                           R"("ticks":[],"running":{}}})"}) {
    try {
      CaptureCursor::Parse(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.reaction(), Reaction::kDamage) << text;
    }
  }
  try {
    CaptureCursor::Parse(R"({"format":2,"tables":[]})");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.reaction(), Reaction::kStop);
  }
}

TEST(CaptureCursorTest, IsDescribedForPeople) {
  EXPECT_EQ(DescribeCursor(""), "nothing read yet");
  EXPECT_EQ(DescribeCursor("x"), "the log's cursor cannot be read");
  CaptureCursor cursor = Sample();
  cursor.tables.erase({"", "odd \"name\""});
  EXPECT_EQ(DescribeCursor(cursor.ToString()),
            "public.items loaded; tick 9 at 2026-01-29 11:06:41.000000+00, 2 transactions were "
            "running, the oldest of them since before the first tick");
}

// Fails when a fraction is cut to an integer, or a number that fits into none is made one.
TEST(CaptureCursorTest, AllNumbersAreIntegers) {
  const auto with = [](const std::string& last) {
    return R"({"format":1,"tables":[],"ticks":{"last":)" + last +
           R"(,"server_started":1,"ticks":[{"number":7,"clock":1}],"running":{}}})";
  };
  EXPECT_EQ(CaptureCursor::Parse(with("7")).ticks.last, 7u);
  EXPECT_THROW(CaptureCursor::Parse(with("7.5")), Error);
  EXPECT_THROW(CaptureCursor::Parse(with("1e300")), Error);
}

TEST(CaptureCursorTest, ManyTablesAreCounted) {
  CaptureCursor cursor;
  for (int i = 100; i < 1'100; ++i) cursor.tables[{"", std::to_string(i)}].loaded = i >= 107;
  EXPECT_EQ(DescribeCursor(cursor.ToString()),
            "993 tables loaded; 100 to be loaded; 101 to be loaded; 102 to be loaded; 103 to be "
            "loaded; 104 to be loaded; 2 others not loaded");
}

// What status, verify and retention ask of a cursor that lies in a log. Fails when the tables where
// Syncline keeps deletions count as users' tables, or when a cursor that cannot be read ends a
// command that only wants to tell of it.
TEST(StoredCursorTest, TellsOfTablesAndRowsThatStayAtTheSource) {
  const auto key = [](std::string_view text) {
    Row row;
    row.Append(ValueView::Int(7));
    row.Append(ValueView::Text(text));
    row.Append(ValueView::Null());
    return row.bytes();
  };
  const TableName items{"public", "items"}, odd{"", "odd \"name\""};
  CaptureCursor cursor = Sample();
  cursor.tables[items].too_large = {{key("a"), 900}, {key("b"), 800}};
  cursor.tables[items].unreadable = {{key("c"), {"no such encoding", true}}};
  cursor.tables[{"", "syncline_tombstones_0123456789ab"}].owes_deletions = true;
  const std::string text = cursor.ToString();
  EXPECT_EQ(TablesOf(text), (std::set<TableName>{items, odd}));
  EXPECT_EQ(TablesOwingDeletions(text), (std::set<TableName>{items}));
  EXPECT_EQ(RowsSetAside(text), (std::map<TableName, uint64_t>{{items, 3}}));
  EXPECT_EQ(LargeRowsOf(text),
            (std::vector<LargeRow>{{items, "7, a, NULL", 900}, {items, "7, b, NULL", 800}}));
  EXPECT_EQ(UnreadableRowsOf(text),
            (std::vector<UnreadableRow>{{items, "7, c, NULL", "no such encoding"}}));
  EXPECT_NE(DescribeCursor(text).find("loaded, without rows that are too large"), std::string::npos)
      << DescribeCursor(text);
  for (const char* none : {"{", "[]", "{\"format\":1}"}) {
    EXPECT_TRUE(TablesOf(none).empty()) << none;
    EXPECT_TRUE(TablesOwingDeletions(none).empty()) << none;
    EXPECT_TRUE(RowsSetAside(none).empty()) << none;
    EXPECT_TRUE(LargeRowsOf(none).empty()) << none;
    EXPECT_TRUE(UnreadableRowsOf(none).empty()) << none;
    EXPECT_FALSE(SourceTimeOf(none)) << none;
  }
}

// Fails when a number from a log is calculated with before it is looked at (UBSan says so).
TEST(StoredCursorTest, AClockBeyondAllTimesTellsNone) {
  const auto at = [](const std::string& clock) {
    return SourceTimeOf(R"({"ticks":{"last":2,"ticks":[{"number":2,"clock":)" + clock + "}]}}");
  };
  EXPECT_EQ(at("0"), WallTime(Microseconds(946'684'800'000'000)));
  for (const char* clock : {"9223372036854775807", "-9223372036854775808", "5000000000000000000",
                            "-5000000000000000000", "99999999999999999999", "x"}) {
    EXPECT_FALSE(at(clock)) << clock;
  }
}

}  // namespace
}  // namespace syncline::capture
