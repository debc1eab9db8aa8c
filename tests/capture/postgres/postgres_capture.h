#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "capture/plan/table_spec.h"
#include "capture/polling/capture_options.h"
#include "engine/sql/session.h"
#include "tests/capture/capture_harness.h"
#include "tests/capture/postgres/shared_postgres.h"
#include "tests/support/user_session.h"

namespace syncline::capture {

inline const TableName kItems{"public", "items"};
inline const TableName kOrders{"public", "orders"};

inline TableSpec Spec(const TableName& table, const std::string& cursor) {
  TableSpec spec;
  spec.table = table;
  spec.cursor = cursor;
  return spec;
}

// One server for all tests, a database for each.
class PostgresCaptureTest : public testing::Test {
 protected:
  void SetUp() override {
    static int number = 0;
    database_ = "capture" + std::to_string(++number);
    server_.Execute("CREATE DATABASE " + database_);
    writer_ = Connect();
    writer_->Execute("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader");
  }

  std::unique_ptr<sql::Session> Connect() const {
    return test::OpenAsUser(sql::DatabaseUrl::Parse(server_.Url(database_)));
  }
  sql::DatabaseUrl Source() const {
    return sql::DatabaseUrl::Parse(server_.Url(database_, "reader"));
  }

  // items(id, name, updated_at) with two rows that are stamped an hour ago.
  void MakeItems() {
    writer_->Execute(
        "CREATE TABLE items (id bigint PRIMARY KEY, name text, updated_at timestamptz NOT NULL "
        "DEFAULT now()); CREATE INDEX ON items (updated_at);"
        "INSERT INTO items VALUES (1, 'a', now() - interval '1 hour'), "
        "(2, 'b', now() - interval '1 hour')");
  }
  // items(id, version) with a version from a sequence.
  void MakeVersions() {
    writer_->Execute(
        "CREATE SEQUENCE versions; CREATE TABLE items (id bigint PRIMARY KEY, version bigint NOT "
        "NULL "
        "DEFAULT nextval('versions')); INSERT INTO items VALUES (1), (2)");
  }
  // With a margin of nothing: what is captured is captured by reaching back, not by luck.
  std::unique_ptr<CaptureHarness> Capture(const std::string& cursor = "updated_at") const {
    CaptureOptions options;
    options.margin = Microseconds(0);
    return std::make_unique<CaptureHarness>(Source(), std::vector{Spec(kItems, cursor)}, options);
  }
  // The name of each item in the log, by id.
  static std::string Names(const CaptureHarness& capture) {
    std::string names;
    for (const auto& [key, row] : capture.Logged(kItems)) {
      const size_t first = row.find('|') + 1;
      names += row.substr(first, row.find('|', first) - first);
    }
    return names;
  }

  test::MiniPostgres& server_ = SharedPostgres();
  std::string database_;
  std::unique_ptr<sql::Session> writer_;
};

}  // namespace syncline::capture
