// What `check`, `status` and `init` say of a SQLite table. Fails when every column of SQLite
// counts as exact.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "capture/check/check_source.h"
#include "capture/cursor/guarantee.h"
#include "capture/cursor/stored_cursor.h"
#include "capture/plan/table_spec.h"
#include "engine/sql/session.h"
#include "tests/capture/capture_harness.h"
#include "tests/support/any_sql.h"

namespace syncline::capture {
namespace {

constexpr char kNow[] = "(strftime('%Y-%m-%d %H:%M:%f', 'now'))";

class SqliteGuaranteeTest : public testing::Test {
 protected:
  SqliteGuaranteeTest()
      : url_(sql::DatabaseUrl::Parse("sqlite:" + (folder_.path() / "source.db").string())),
        writer_(sql::Session::Open(url_, {.create = true})) {}

  void Execute(const std::string& sql) { writer_->Execute(test::AnySql(sql)); }
  // t(id, v, `column`) and rows with those values of the column.
  void Make(const std::string& column, const std::string& values = "") {
    Execute("DROP TABLE IF EXISTS t; CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, " + column +
            ")");
    if (!values.empty()) Execute("INSERT INTO t VALUES " + values);
  }
  void StampUpdates(const std::string& set = std::string("c = ") + kNow) {
    Execute("CREATE TRIGGER stamp AFTER UPDATE ON t BEGIN UPDATE t SET " + set +
            " WHERE id = NEW.id; END");
  }
  void StampInserts(const std::string& set = std::string("c = ") + kNow) {
    Execute("CREATE TRIGGER made AFTER INSERT ON t BEGIN UPDATE t SET " + set +
            " WHERE id = NEW.id; END");
  }
  // Its class, and its reason from `with` on.
  std::string Class(const std::string& cursor = "c", const std::string& key = "") const {
    TableSpec spec;
    spec.table = {"", "t"};
    spec.cursor = cursor;
    if (!key.empty()) spec.key = {key};
    const auto found = GuaranteesOf(url_, {spec});
    if (found.empty()) return "cannot be planned";
    const Guarantee& guarantee = found.begin()->second;
    EXPECT_EQ(guarantee.remedy.empty(), guarantee.kind == GuaranteeClass::kExact);
    return std::string(NameOf(guarantee.kind)) + ": " + guarantee.reason;
  }
  void Expect(const std::string& class_name, const std::string& reason,
              const std::string& cursor = "c") const {
    const std::string is = Class(cursor);
    EXPECT_EQ(is.substr(0, is.find(':')), class_name) << is;
    EXPECT_NE(is.find(reason), std::string::npos) << is;
  }

  TemporaryFolder folder_;
  sql::DatabaseUrl url_;
  std::unique_ptr<sql::Session> writer_;
};

TEST_F(SqliteGuaranteeTest, AKeyIsNoCursorThatUpdatesMove) {
  Make("c TEXT");
  Expect("best-effort", "part of the key", "id");
  Execute("DROP TABLE t; CREATE TABLE t (code TEXT, part INT, v TEXT, PRIMARY KEY (code, part))");
  Expect("best-effort", "part of the key", "code");
}

// Fails when a default counts for inserts that bring a stamp of their own.
TEST_F(SqliteGuaranteeTest, ExactIsWhatTriggersStampInEveryWrite) {
  Make(std::string("c TEXT NOT NULL DEFAULT ") + kNow);
  Expect("bounded", "no trigger of the table moves it");
  StampUpdates();
  Expect("bounded", "as long as an insert that sets column c itself");
  StampInserts("c = datetime('now')");
  Expect("exact", "");
  Make("c TEXT NOT NULL");
  StampUpdates();
  Expect("bounded", "where programs set column c");
  StampInserts();
  Expect("exact", "");
  Execute(
      "CREATE TRIGGER back AFTER UPDATE OF v ON t BEGIN UPDATE t SET c = OLD.c WHERE id = NEW.id; "
      "END");
  Expect("bounded", "what trigger back gives column c");
  Execute(
      "DROP TRIGGER back; DROP TRIGGER stamp; CREATE TRIGGER stamp AFTER UPDATE ON t WHEN NEW.c = "
      "OLD.c BEGIN UPDATE t SET c = datetime('now') WHERE id = NEW.id; END");
  Expect("bounded", "as long as an update that sets column c itself");
}

// A trigger does not fire for what it has others do. Seen to fail when only the triggers that set
// the column were looked at.
TEST_F(SqliteGuaranteeTest, OtherTriggersMayKeepTheStampAway) {
  Make("c TEXT NOT NULL");
  StampUpdates();
  StampInserts();
  Execute(
      "CREATE TABLE audit (id INT); CREATE TRIGGER note AFTER UPDATE ON t BEGIN INSERT INTO audit "
      "VALUES (NEW.id); END");
  Expect("exact", "");
  Execute(
      "CREATE TRIGGER back AFTER INSERT ON audit BEGIN UPDATE t SET v = v WHERE id = NEW.id + 1; "
      "END");
  Expect("bounded", "trigger back does not keep others");
  Execute("DROP TRIGGER note; DROP TRIGGER back; DROP TABLE audit");
  Expect("exact", "");
  Execute("CREATE TRIGGER quiet AFTER UPDATE ON t WHEN NEW.v = '' BEGIN SELECT RAISE(IGNORE); END");
  Expect("bounded", "trigger quiet does not keep others");
}

// Seen to fail when numbers above the highest one were exact: it may be deleted.
TEST_F(SqliteGuaranteeTest, NumbersAboveTheHighestRow) {
  Make("c INTEGER NOT NULL DEFAULT 0");
  StampUpdates("c = (SELECT coalesce(max(c), 0) + 1 FROM t)");
  StampInserts("c = (SELECT coalesce(max(c), 0) + 1 FROM t)");
  Expect("bounded", "the row with the highest number in column c is not deleted");
}

TEST_F(SqliteGuaranteeTest, AKeyThatMayBeNullIsFoundByIs) {
  Execute("CREATE TABLE t (code TEXT PRIMARY KEY, c TEXT NOT NULL)");
  const auto stamp = [&](const std::string& name, const std::string& event,
                         const std::string& where) {
    Execute("CREATE TRIGGER " + name + " AFTER " + event + " ON t BEGIN UPDATE t SET c = " + kNow +
            " WHERE " + where + "; END");
  };
  stamp("made", "INSERT", "code IS NEW.code");
  stamp("stamp", "UPDATE", "code = NEW.code");
  Expect("bounded", "what trigger stamp gives");
  Execute("DROP TRIGGER stamp");
  stamp("stamp", "UPDATE", "code IS NEW.code");
  Expect("exact", "");
}

TEST_F(SqliteGuaranteeTest, ATriggerThatDoesNotAlwaysMoveItIsNotEnough) {
  Make(std::string("c TEXT NOT NULL DEFAULT ") + kNow);
  Execute(std::string("CREATE TRIGGER stamp AFTER UPDATE OF v ON t BEGIN UPDATE t SET c = ") +
          kNow + " WHERE id = NEW.id; END");
  Expect("bounded", "no trigger of the table moves it");
}

TEST_F(SqliteGuaranteeTest, ACreationTimeIsNone) {
  Make(std::string("created_at TEXT DEFAULT ") + kNow);
  Expect("best-effort", "looks like the time at which a row was made", "created_at");
}

TEST_F(SqliteGuaranteeTest, TextsThatAreNotAllTimesOfOneForm) {
  Make("c TEXT", "(1, '', 'ALFKI'), (2, '', 'WOLZA')");
  Expect("best-effort", "no time in ISO form");
  for (const char* other : {"2026-01-01T10:00:00", "2026-01-01 10:00:00-05:00",
                            "2026-01-01 10:00:00+09:00", "2026-01-01"}) {
    Make("c TEXT", "(1, '', '2026-01-01 10:00:00.500'), (2, '', '" + std::string(other) + "')");
    StampUpdates();
    Expect("bounded", "not all of one form");
  }
  Make("c DATETIME", "(1, '', '2026-01-01 10:00:00'), (2, '', 1767261600)");
  Expect("bounded", "not all of one form");
  Make(std::string("c TEXT DEFAULT ") + kNow, "(1, '', '2026-01-01 10:00:00.000')");
  StampUpdates();
  StampInserts();
  Expect("exact", "");
}

TEST_F(SqliteGuaranteeTest, LocalTimeIsNotExact) {
  Make("c TEXT NOT NULL DEFAULT (datetime('now', 'localtime'))");
  StampUpdates("c = datetime('now', 'localtime')");
  Expect("best-effort", "local time");
}

TEST_F(SqliteGuaranteeTest, NumbersAreWhatMovesThem) {
  Make("c INTEGER NOT NULL DEFAULT (unixepoch())");
  Expect("best-effort", "no trigger moves in an update");
  StampUpdates("c = unixepoch()");
  Expect("bounded", "sets column c itself");
  StampInserts("c = unixepoch()");
  Expect("exact", "");
  Make("c INTEGER");
  Expect("best-effort", "that programs set");
  Execute("INSERT INTO t VALUES (1, '', 1767261600)");
  Expect("bounded", "where programs set column c");
  std::string rows;
  for (int i = 1; i <= 30; ++i) {
    rows += (i > 1 ? ", (" : "(") + std::to_string(i) + ", '', " + std::to_string(i % 3 + 1) + ")";
  }
  Make("c INTEGER", rows);
  Expect("refused", "counts the changes of each row by itself");
}

// They are in the log's cursor, for `status`.
TEST_F(SqliteGuaranteeTest, TheCursorKeepsClassReasonAndRemedy) {
  Make("c TEXT", "(1, '', '2026-01-01 10:00:00')");
  TableSpec spec;
  spec.table = {"", "t"};
  spec.cursor = "c";
  CaptureHarness capture(url_, {spec});
  capture.Poll();
  const auto kept = Guarantees(capture.cursor());
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept.at("t"), GuaranteesOf(url_, {spec}).begin()->second);
  // Seen to fail while the class waited for a change.
  StampUpdates();
  StampInserts();
  capture.Poll();
  EXPECT_EQ(Guarantees(capture.cursor_told()).at("t").kind, GuaranteeClass::kExact);
}

}  // namespace
}  // namespace syncline::capture
