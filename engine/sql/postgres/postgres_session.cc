#include "engine/sql/postgres/postgres_session.h"

#include "engine/sql/postgres/link/postgres_settings.h"
#include "engine/sql/postgres/postgres_catalog.h"
#include "engine/sql/postgres/rows/postgres_copy.h"

namespace syncline::sql {
namespace {

ResultSet SetOf(const PostgresResult& result) {
  ResultSet set;
  for (int i = 0; i < result.columns(); ++i) {
    set.columns.emplace_back(result.column_name(i));
  }
  set.rows.reserve(result.size());
  for (const PostgresResult::Row row : result) {
    auto& fields = set.rows.emplace_back();
    for (int i = 0; i < result.columns(); ++i) {
      const PostgresResult::Field field = row[i];
      if (field.is_null()) {
        fields.emplace_back();
      } else {
        fields.emplace_back(std::in_place, field.c_str(), field.size());
      }
    }
  }
  return set;
}

}  // namespace
std::string PostgresSession::Identity() { return DatabaseIdentity(connection_); }

DatabaseMark PostgresSession::Mark() { return MarkOf(connection_); }

PostgresSession::PostgresSession(const DatabaseUrl& url, const SessionOptions& options)
    : connection_(url, options.application, options.read_only),
      pipeline_(connection_),
      operators_(connection_),
      reach_{.views = !options.read_only, .foreign_tables = !options.read_only} {}

// Not READ WRITE: whoever has set default_transaction_read_only means us, too.
void PostgresSession::Begin(Isolation isolation) {
  Execute(isolation == Isolation::kSnapshot ? Sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                                            : Sql("BEGIN ISOLATION LEVEL READ COMMITTED"));
}

void PostgresSession::Commit() {
  // The server answers COMMIT of a failed transaction with ROLLBACK, and without an error.
  if (::PQtransactionStatus(connection_.handle()) == PQTRANS_INERROR) {
    throw RestartError(connection_.display() + ": commit of a transaction that has failed before");
  }
  connection_.Run("COMMIT");
}

void PostgresSession::Rollback() noexcept {
  if (::PQtransactionStatus(connection_.handle()) == PQTRANS_IDLE) return;
  try {
    connection_.Run("ROLLBACK");
  } catch (const std::exception&) {
    // The connection is lost, and the transaction with it.
  }
}

void PostgresSession::CheckDeferred() { Execute("SET CONSTRAINTS ALL IMMEDIATE"); }

void PostgresSession::Execute(const Sql& sql) { connection_.Run(sql); }

ResultSet PostgresSession::Query(const Sql& sql, const Parameters& parameters) {
  return SetOf(connection_.Run(sql, parameters));
}

ResultSet PostgresSession::QueryPlanned(const Sql& sql, const Parameters& parameters) {
  return SetOf(connection_.RunPlanned(sql, parameters));
}

uint64_t PostgresSession::Change(const Sql& sql, const Parameters& parameters) {
  return connection_.Run(sql, parameters).affected_rows();
}

std::vector<TableName> PostgresSession::ListTables() { return ListUserTables(connection_); }

std::optional<TableInfo> PostgresSession::Describe(const TableName& table) {
  return DescribeTable(connection_, table);
}

std::vector<std::optional<TableInfo>> PostgresSession::DescribeAll(
    std::span<const TableName> tables) {
  return DescribeTables(connection_, tables);
}

void PostgresSession::MayRead(Reach reach) {
  if ((!reach.views || reach_.views) && (!reach.foreign_tables || reach_.foreign_tables)) return;
  reach_.views |= reach.views;
  reach_.foreign_tables |= reach.foreign_tables;
  connection_.Run(KindsSql(reach_));
}

uint64_t PostgresSession::ReadRows(const Read& read, const RowSink& sink) {
  return CopyOut(connection_, read, sink);
}

void PostgresSession::LoadRows(const TableName& table, const std::vector<std::string>& columns,
                               std::span<const Row* const> rows) {
  if (!rows.empty()) CopyIn(connection_, table, columns, rows);
}

std::vector<uint32_t> PostgresSession::ExecuteEach(const Sql& sql,
                                                   std::span<const Row* const> rows) {
  return pipeline_.ExecuteEach(sql, rows);
}

std::vector<FirstRow> PostgresSession::QueryEach(const Sql& sql, std::span<const Row* const> rows) {
  return pipeline_.QueryEach(sql, rows);
}

}  // namespace syncline::sql
