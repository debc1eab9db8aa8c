#include "tests/conformance/target_database.h"
#include "tests/support/any_sql.h"
#include "tests/support/user_session.h"

namespace syncline::test {

MiniPostgres& SharedPostgres() {
  static const std::unique_ptr<MiniPostgres> server = MiniPostgres::Start();
  return *server;
}

TargetDatabase::TargetDatabase(Dialect dialect) {
  if (dialect == Dialect::kSqlite) {
    url_ = sql::DatabaseUrl::Parse("sqlite:" + (folder_.path() / "target.db").string());
    return;
  }
  static int number = 0;
  const std::string name = "target_" + std::to_string(++number);
  SharedPostgres().Execute("CREATE DATABASE " + name);
  url_ = sql::DatabaseUrl::Parse(SharedPostgres().Url(name));
}

TableName TargetDatabase::Table(const std::string& name) const {
  return {url_.dialect == Dialect::kPostgres ? "public" : "", name};
}

void TargetDatabase::Execute(const std::string& sql) { session().Execute(test::AnySql(sql)); }

std::vector<std::string> TargetDatabase::Rows(const std::string& select) {
  std::vector<std::string> rows;
  for (const auto& fields : session().Query(test::AnySql(select)).rows) {
    std::string& row = rows.emplace_back();
    for (const auto& field : fields) {
      if (!row.empty()) row += '|';
      row += field.value_or("-");
    }
  }
  return rows;
}

std::string TargetDatabase::Value(const std::string& select) {
  const auto result = session().Query(test::AnySql(select));
  return result.rows.empty() ? "" : result.rows[0][0].value_or("-");
}

sql::Session& TargetDatabase::session() {
  if (session_ == nullptr) session_ = test::OpenAsUser(url_, {.create = true});
  return *session_;
}

}  // namespace syncline::test
