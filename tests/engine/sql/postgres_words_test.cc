// Texts that PostgreSQL would make a moment of, by its clock or by guessing.

#include <gtest/gtest.h>

#include "engine/base/error.h"
#include "engine/sql/session.h"
#include "tests/engine/sql/session_fixture.h"
#include "tests/support/any_sql.h"

namespace syncline::sql {
namespace {

class PostgresWordsTest : public SessionTest {
 protected:
  // public.words(id, v), written over a session that has prepared nothing for another type.
  void MakeTable(const std::string& type) {
    session_ = OpenPostgres();
    session_->Execute(
        test::AnySql("DROP TABLE IF EXISTS public.words; CREATE TABLE public.words "
                     "(id int, v " +
                     type + ")"));
  }
  void Write(const std::string& text, bool copies) {
    const std::vector<Row> rows = {MakeRow({ValueView::Int(1), ValueView::Text(text)})};
    if (copies) return session_->LoadRows({"public", "words"}, {"id", "v"}, Pointers(rows));
    session_->ExecuteEach("INSERT INTO public.words VALUES ($1, $2)", Pointers(rows));
  }

  std::unique_ptr<Session> session_ = OpenPostgres();
};

// Seen to fail before words were looked for: each became the moment of the test.
TEST_F(PostgresWordsTest, AWordInPlaceOfATimeIsRefusedWithItsRow) {
  session_->Execute(
      "CREATE DOMAIN public.due AS date; CREATE DOMAIN public.later AS public.due;"
      "CREATE DOMAIN public.days AS date[];"
      "CREATE TYPE public.span AS RANGE (subtype = timestamptz);"
      "CREATE TYPE public.visit AS (who text, at timestamptz);"
      "CREATE TYPE public.visits AS (first public.visit, n int)");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"date", "now"},
      {"date", "tomorrow"},
      {"timestamp", " TODAY "},
      {"timestamptz", "yesterday 10:00"},
      {"timestamptz(0)", "Now"},
      {"time", "now"},
      {"timetz", "now"},
      {"date[]", "{today}"},
      {"timestamptz[]", "{2026-01-01,\"Tomorrow\"}"},
      {"time[]", "{now}"},
      {"tstzrange", "[now,)"},
      {"daterange[]", "{\"[today,)\"}"},
      {"tsmultirange", "{[yesterday,today)}"},
      {"public.due", "now"},
      {"public.later", "now"},
      {"public.days", "{now}"},
      {"public.later[]", "{now}"},
      {"public.span", "[now,)"},
      {"public.visit", "(me,now)"},
      {"public.visits", "(\"(me,now)\",1)"},
      // No word, but one of two days.
      {"date", "01/02/2026"},
      {"timestamp", "1/2/26 10:00"},
      {"timestamptz", "Monday"},
      {"timestamptz", "epoch"},
  };
  for (const auto& [type, text] : cases) {
    MakeTable(type);
    for (const bool copies : {true, false}) {
      const Error error = Catch([&] { Write(text, copies); });
      EXPECT_TRUE(error.refusal()) << type << " " << text << " " << copies;
      EXPECT_EQ(One(*session_, "SELECT count(*) FROM public.words"), "0") << type << " " << text;
    }
  }
}

TEST_F(PostgresWordsTest, AWordElsewhereIsText) {
  session_->Execute(
      "CREATE TYPE public.mood AS ENUM ('now', 'later');"
      "CREATE DOMAIN public.word AS text");
  for (const char* type : {"text", "varchar(5)", "public.mood", "public.word"}) {
    for (const bool copies : {true, false}) {
      MakeTable(type);
      Write("now", copies);
      EXPECT_EQ(One(*session_, "SELECT v::text FROM public.words"), "now") << type;
    }
  }
  MakeTable("text[]");
  Write("{now,today}", true);
  EXPECT_EQ(One(*session_, "SELECT v[2] FROM public.words"), "today");
}

// Seen to fail when the server reads the text: it leaves the offset out for a timestamp.
TEST_F(PostgresWordsTest, WhatIsATimeArrivesAsThatMoment) {
  const std::vector<std::vector<std::string>> cases = {
      {"timestamp", "2026-01-02T10:00:00+02:00", "2026-01-02 08:00:00"},
      {"timestamptz", "2026-01-02T10:00:00.5Z", "2026-01-02 10:00:00.5+00"},
      {"timestamptz", "1767348000123", "2026-01-02 10:00:00.123+00"},
      {"timestamp", "20260102", "2026-01-02 00:00:00"},
      {"timestamptz", "infinity", "infinity"},
      {"date", "2026-01-02 23:30:00-02:00", "2026-01-02"},
      {"date", "5874897-12-31", "5874897-12-31"},
      {"date", "-infinity", "-infinity"},
      {"time", "10:00", "10:00:00"},
  };
  for (const auto& one : cases) {
    for (const bool copies : {true, false}) {
      MakeTable(one[0]);
      Write(one[1], copies);
      EXPECT_EQ(One(*session_, "SELECT v::text FROM public.words"), one[2]) << one[0] << one[1];
    }
  }
}

}  // namespace
}  // namespace syncline::sql
