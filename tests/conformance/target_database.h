#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/sql/database_url.h"
#include "engine/sql/session.h"
#include "tests/apply/test_log.h"
#include "tests/support/mini_postgres.h"

namespace syncline::test {

// The cluster that a test program shares; started by the first call.
MiniPostgres& SharedPostgres();

// An empty target of the test's own: a SQLite file, or a database in the shared cluster.
class TargetDatabase {
 public:
  explicit TargetDatabase(Dialect dialect);

  const sql::DatabaseUrl& url() const { return url_; }
  // The name of a table that apply writes: public.items, or items.
  TableName Table(const std::string& name) const;

  void Execute(const std::string& sql);
  // Rows as "a|b|c", NULL as "-".
  std::vector<std::string> Rows(const std::string& select);
  // The first value of the first row.
  std::string Value(const std::string& select);
  sql::Session& session();
  // Forgets the connection, so that the next call makes a new one.
  void Disconnect() { session_.reset(); }

 private:
  TempFolder folder_;
  sql::DatabaseUrl url_;
  std::unique_ptr<sql::Session> session_;
};

}  // namespace syncline::test
