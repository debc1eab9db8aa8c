// Rows over Session::Read::row_bytes_max, on both kinds of database.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <set>
#include <string>

#include "engine/model/value_text.h"
#include "engine/sql/session.h"
#include "tests/engine/sql/session_fixture.h"
#include "tests/support/any_sql.h"

namespace syncline::sql {
namespace {

constexpr uint64_t kMax = 1u << 20;

class LargeRowsTest : public SessionTest, public ::testing::WithParamInterface<Dialect> {
 protected:
  LargeRowsTest() {
    const bool postgres = GetParam() == Dialect::kPostgres;
    session_ = postgres ? OpenPostgres() : OpenSqlite();
    table_ = {postgres ? "public" : "", "docs"};
    session_->Execute(postgres
                          ? Sql("CREATE TABLE docs (id int PRIMARY KEY, body text, more bytea, "
                                "data jsonb, short varchar(20), stamp int NOT NULL)")
                          : Sql("CREATE TABLE docs (id INTEGER PRIMARY KEY, body TEXT, more "
                                "BLOB, data TEXT, short TEXT, stamp INTEGER NOT NULL)"));
    for (int id = 1; id <= 12; ++id) {
      // 3: one long text; 6: values that are too much together; 9: a long one that PostgreSQL
      // compresses to a hundredth; 12: the last one. 5 has as much as is allowed.
      const size_t body = id == 3 || id == 12 ? 5 * kMax
                          : id == 6           ? kMax / 2 + 100
                          : id == 5           ? kMax
                                              : 3;
      const size_t more = id == 6 ? kMax / 2 : 1;
      const size_t data = id == 9 ? 3 * kMax : id == 6 ? 1000 : 1;
      session_->Change(
          postgres
              ? Sql("INSERT INTO docs VALUES ($1, $2, convert_to($3, 'UTF8'), to_jsonb($4::text), "
                    "'s', 100 + $1::int)")
              : Sql("INSERT INTO docs VALUES ($1, $2, CAST($3 AS BLOB), $4, 's', 100 + $1)"),
          {std::to_string(id), std::string(id == 5 ? body - 3 : body, 'b'), std::string(more, 'm'),
           std::string(data, 'd')});
    }
  }

  // The ids that were read; those that were told, with their bytes.
  void Read(const Sql& where, const Sql& order_by, uint64_t limit) {
    read_.clear();
    told_.clear();
    TableSchema schema = SchemaOf(*session_, table_);
    schema.cursor = static_cast<uint32_t>(schema.Find("stamp"));
    const Session::Read read{schema, where, order_by, limit, kMax, [&](Row& row, uint64_t bytes) {
                               EXPECT_LT(row.bytes().size(), 100u);
                               EXPECT_EQ(row[5].as_int(), 100 + row[0].as_int());
                               told_[row[0].as_int()] = bytes;
                             }};
    const Transaction snapshot(*session_, Session::Isolation::kSnapshot);
    const uint64_t count = session_->ReadRows(read, [&](Row& row) {
      EXPECT_FALSE(row[1].is_null());
      read_.push_back(row[0].as_int());
    });
    EXPECT_EQ(count, read_.size());
  }

  std::unique_ptr<Session> session_;
  TableName table_;
  std::vector<int64_t> read_;
  std::map<int64_t, uint64_t> told_;
};

INSTANTIATE_TEST_SUITE_P(Both, LargeRowsTest,
                         ::testing::Values(Dialect::kPostgres, Dialect::kSqlite),
                         [](const auto& info) { return std::string(DialectName(info.param)); });

// Seen to fail on reads without a limit: all rows come, whatever their size.
TEST_P(LargeRowsTest, AreToldByTheirKeyAndNotRead) {
  Read("", "id", 0);
  EXPECT_EQ(read_, (std::vector<int64_t>{1, 2, 4, 5, 7, 8, 10, 11}));
  EXPECT_EQ(told_.size(), 4u);
  EXPECT_GE(told_[3], 5 * kMax);
  EXPECT_GE(told_[9], 3 * kMax);
}

TEST_P(LargeRowsTest, CountForALimit) {
  Read("", "id", 4);
  EXPECT_EQ(read_, (std::vector<int64_t>{1, 2, 4}));
  EXPECT_EQ(told_.size(), 1u);
  Read("id = 12", "id", 1);
  EXPECT_TRUE(read_.empty());
  EXPECT_TRUE(told_.contains(12));
}

TEST_P(LargeRowsTest, ConditionsAndOrderHoldForThem) {
  Read("id > 5 AND stamp < 111", "stamp DESC, id", 0);
  EXPECT_EQ(read_, (std::vector<int64_t>{10, 8, 7}));
  EXPECT_EQ(told_.size(), 2u);
  EXPECT_TRUE(told_.contains(6) && told_.contains(9));
}

// Fails when the length that SQLite is held to stays behind.
TEST_P(LargeRowsTest, LeaveTheSessionAsItWas) {
  Read("", "id", 0);
  EXPECT_EQ(One(*session_, "SELECT length(body) FROM docs WHERE id = 3"), std::to_string(5 * kMax));
}

// Of values that are made when they are read, and of keys and stamps that are too large themselves.
class LargeSqliteRowsTest : public SessionTest {
 protected:
  LargeSqliteRowsTest() : session_(OpenSqlite()) {}

  // "1 3; too large 2": what was read, by `id`, and what was told.
  std::string Read(const std::string& table, const Sql& where = "", uint64_t limit = 0) {
    TableSchema schema = SchemaOf(*session_, {"", table});
    if (table == "pair") schema.key = {0, 1};
    schema.cursor = static_cast<uint32_t>(schema.Find("stamp"));
    const size_t id = schema.Find("id");
    std::string text;
    std::set<std::string> told;
    const auto too_large = [&](Row& row, uint64_t bytes) {
      EXPECT_GT(bytes, kMax);
      EXPECT_LT(row.bytes().size(), 1000u);
      told.insert(" " + ToText(row[id]) + (row[schema.cursor].is_null() ? "?" : ""));
    };
    session_->ReadRows({schema, where, "stamp, id", limit, kMax, too_large},
                       [&](Row& row) { text += ToText(row[id]) + " "; });
    text += "; too large";
    for (const std::string& row : told) text += row;
    return text;
  }

  std::unique_ptr<Session> session_;
};

// Seen to fail where a small file set no limit: 300 MB were made for each row of the first, second
// and fourth, and for the third and the last one's rows no way was known to tell them.
TEST_F(LargeSqliteRowsTest, WhatIsMadeWhenItIsReadIsRefusedBeforeItIsMade) {
  session_->Execute(
      "CREATE TABLE made (id INTEGER PRIMARY KEY, size INTEGER, body AS (zeroblob(size)) VIRTUAL, "
      "stamp INTEGER); INSERT INTO made VALUES (1, 5, 1), (2, 300000000, 2), (3, 5, 3); "
      "CREATE VIEW seen AS SELECT id, body, stamp FROM made; "
      "CREATE TABLE bare (id TEXT PRIMARY KEY, body BLOB, stamp INTEGER) WITHOUT ROWID; INSERT "
      "INTO "
      "bare VALUES ('a', 'x', 1), ('b', zeroblob(9000000), 2), ('c', 'x', 3); "
      "CREATE TABLE pair (a TEXT, id INTEGER, body BLOB, stamp INTEGER, PRIMARY KEY (a, id)) "
      "WITHOUT ROWID; INSERT INTO pair SELECT 'it''s', id, zeroblob(size % 99000001), id FROM "
      "made");
  EXPECT_EQ(Read("made"), "1 3 ; too large 2");
  EXPECT_EQ(Read("seen"), "1 3 ; too large 2");
  EXPECT_EQ(Read("bare"), "a c ; too large b");
  EXPECT_EQ(Read("pair"), "1 3 ; too large 2");
  EXPECT_EQ(Read("seen", "id > 1", 1), "; too large 2");
}

// Seen to fail under a limit: SQLite's printf gives NULL for what is longer, and that came as the
// row's value.
TEST_F(LargeSqliteRowsTest, WhatIsPrintedIsNotReadAsNull) {
  session_->Execute(
      "CREATE TABLE sizes (id INTEGER PRIMARY KEY, size INTEGER, stamp INTEGER); INSERT INTO sizes "
      "VALUES (1, 5, 1), (2, 9000000, 2); CREATE VIEW printed AS SELECT id, printf('%.*c', size, "
      "'x') "
      "AS body, stamp FROM sizes");
  session_ = OpenSqlite();
  EXPECT_EQ(Read("printed"), "1 ; too large 2");
}

// Seen to fail where a schema with printf in it set no limit: 600 MB were made.
TEST_F(LargeSqliteRowsTest, WhatIsPrintedIsRefusedBeforeItIsMade) {
  session_->Execute(
      "CREATE TABLE sizes (id INTEGER PRIMARY KEY, size INTEGER, stamp INTEGER); INSERT INTO sizes "
      "VALUES (1, 5, 1), (2, 600000000, 2), (3, 0, 3); CREATE VIEW printed AS SELECT id, "
      "printf('%*d', size, id) AS body, format('%.*c', size, 'x') AS form, stamp FROM sizes");
  session_ = OpenSqlite();
  uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit before{};
  ::getrlimit(RLIMIT_AS, &before);
  rlimit little = before;
  little.rlim_cur = pages * static_cast<uint64_t>(::getpagesize()) + (200u << 20);
  ::setrlimit(RLIMIT_AS, &little);
  const std::string found = Read("printed");
  ::setrlimit(RLIMIT_AS, &before);
  EXPECT_EQ(found, "1 3 ; too large 2");
}

// What a schema prints is what SQLite prints: NULL for no format, and for nothing.
TEST_F(LargeSqliteRowsTest, WhatIsPrintedIsAsBefore) {
  const auto printed = [&](const char* arguments) {
    return session_
        ->Query(test::AnySql(std::string("SELECT printf(") + arguments + ") || '|' || format(" +
                             arguments + ")"))
        .rows.at(0)
        .at(0)
        .value_or("NULL");
  };
  EXPECT_EQ(printed("'%05d %s %q', 42, 'a', 'it''s'"), "00042 a it''s|00042 a it''s");
  EXPECT_EQ(printed("'%s', NULL"), "|");
  EXPECT_EQ(printed("''"), "NULL");
  EXPECT_EQ(printed("'plain%'"), "plain%|plain%");
  EXPECT_EQ(printed("NULL, 1"), "NULL");
  EXPECT_EQ(printed("'%d%%', 7, 8"), "7%|7%");
}

// Seen to fail: the read ended with an error, and so did that of every other table.
TEST_F(LargeSqliteRowsTest, AKeyOrAStampThatIsTooLargeIsToldByWhatIsShort) {
  session_->Execute(
      "CREATE TABLE long (id TEXT PRIMARY KEY, stamp TEXT); INSERT INTO long VALUES "
      "('a', '1'), (printf('%.*c', 9000000, 'b'), '2'), ('c', '3'), ('d', printf('%.*c', 9000000, "
      "'4'))");
  const std::string beginning(256, 'b');
  EXPECT_EQ(Read("long"), "a c ; too large " + beginning + " d?");
  EXPECT_EQ(Read("long", "stamp >= '2'"), "c ; too large " + beginning + " d?");
}

}  // namespace
}  // namespace syncline::sql
