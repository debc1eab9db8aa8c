#include "tests/conformance/source_database.h"

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <vector>

#include "capture/capture_stage.h"
#include "capture/polling/polled_database.h"
#include "engine/sql/session.h"
#include "tests/apply/test_log.h"
#include "tests/support/any_sql.h"
#include "tests/support/mini_postgres.h"
#include "tests/support/recorded_source.h"
#include "tests/support/user_session.h"

namespace syncline::test {
namespace {

class PolledUnderTest : public SourceUnderTest {
 public:
  explicit PolledUnderTest(sql::DatabaseUrl url) : url_(std::move(url)) {
    writer_ = OpenAsUser(url_, {.create = true});
    const bool postgres = url_.display.starts_with("postgres");
    now_ = postgres ? "clock_timestamp()" : "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000+00'";
    items_ = TableName{postgres ? "public" : "", "items"};
    Do(std::string("CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at ") +
       (postgres ? "timestamptz" : "text") + " NOT NULL)");
    Do("CREATE INDEX items_updated ON items (updated_at)");
  }

  capture::SourceMaker Maker() override {
    capture::TableSpec spec;
    spec.table = items_;
    spec.cursor = "updated_at";
    return capture::Polled(url_, {spec});
  }
  std::string Identity() const override { return capture::SourceIdentity(url_); }
  TableName Items() const override { return items_; }

  void Put(int id, const std::string& name) override {
    Do("INSERT INTO items (id, name, updated_at) VALUES (" + std::to_string(id) + ", '" + name +
       "', " + now_ +
       ") ON CONFLICT (id) DO UPDATE SET name = excluded.name, updated_at = excluded.updated_at");
  }
  void Delete(int id) override { Do("DELETE FROM items WHERE id = " + std::to_string(id)); }
  void AddColumn() override { Do("ALTER TABLE items ADD COLUMN note text"); }
  bool SeesDeletions() const override {
    return false;
  }                                               // of a plain table a poll sees what is there
  bool CanHide() const override { return true; }  // a stamp that stays as it was
  void PutHidden(int id, const std::string& name) override {
    Do("UPDATE items SET name = '" + name + "' WHERE id = " + std::to_string(id));
  }

 private:
  void Do(const std::string& statement) { writer_->Execute(AnySql(statement)); }

  const sql::DatabaseUrl url_;
  std::string now_;
  TableName items_;
  std::unique_ptr<sql::Session> writer_;
};

class SqliteUnderTest : public PolledUnderTest {
 public:
  SqliteUnderTest() : SqliteUnderTest(std::make_unique<TempFolder>()) {}

 private:
  explicit SqliteUnderTest(std::unique_ptr<TempFolder> folder)
      : PolledUnderTest(
            sql::DatabaseUrl::Parse("sqlite:" + (folder->path() / "source.db").string())),
        folder_(std::move(folder)) {}

  const std::unique_ptr<TempFolder> folder_;
};

sql::DatabaseUrl NewPostgres() {
  static const std::unique_ptr<MiniPostgres> server = MiniPostgres::Start();
  static int number = 0;
  const std::string name = "source" + std::to_string(++number);
  server->Execute("CREATE DATABASE " + name);
  return sql::DatabaseUrl::Parse(server->Url(name));
}

class RecordedUnderTest : public SourceUnderTest {
 public:
  RecordedUnderTest() { recording_.Table(ItemsSchema(), {}, 10); }

  capture::SourceMaker Maker() override { return Recorded(recording_); }
  std::string Identity() const override { return "recorded"; }
  TableName Items() const override { return ItemsSchema()->table; }
  void Put(int id, const std::string& name) override {
    recording_.Cut({{.table = ItemsSchema(), .row = Item(id, name, ++stamp_)}});
  }
  void Delete(int id) override {
    recording_.Cut(
        {{.table = ItemsSchema(), .row = MakeRow({ValueView::Int(id)}), .deletion = true}});
  }
  void AddColumn() override { recording_.ChangeTables(); }
  bool SeesDeletions() const override { return true; }

 private:
  Recording recording_;
  int64_t stamp_ = 0;
};

}  // namespace

std::unique_ptr<SourceUnderTest> MakeSourceUnderTest(std::string_view name) {
  if (name == "Sqlite") return std::make_unique<SqliteUnderTest>();
  if (name == "Postgres") return std::make_unique<PolledUnderTest>(NewPostgres());
  if (name == "Recorded") return std::make_unique<RecordedUnderTest>();
  throw std::invalid_argument(std::string(name));
}

}  // namespace syncline::test
