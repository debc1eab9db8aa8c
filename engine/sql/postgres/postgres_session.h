#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/sql/database_mark.h"
#include "engine/sql/postgres/link/postgres_connection.h"
#include "engine/sql/postgres/postgres_operators.h"
#include "engine/sql/postgres/rows/postgres_pipeline.h"
#include "engine/sql/session.h"

namespace syncline::sql {

// A Session with a PostgreSQL server. Ordinary statements go through PostgresConnection, bulk
// through postgres_copy.h and PostgresPipeline, the catalogue through postgres_catalog.h. Threads:
// as Session says.
class PostgresSession : public Session {
 public:
  PostgresSession(const DatabaseUrl& url, const SessionOptions& options);

  Dialect dialect() const override { return Dialect::kPostgres; }
  std::string Identity() override;
  DatabaseMark Mark();  // for MarkOf

  void Begin(Isolation isolation) override;
  void Commit() override;
  void Rollback() noexcept override;
  void CheckDeferred() override;

  void Execute(const Sql& sql) override;
  ResultSet Query(const Sql& sql, const Parameters& parameters) override;
  ResultSet QueryPlanned(const Sql& sql, const Parameters& parameters);  // for sql::QueryPlanned
  uint64_t Change(const Sql& sql, const Parameters& parameters) override;

  std::vector<TableName> ListTables() override;
  std::optional<TableInfo> Describe(const TableName& table) override;
  std::vector<std::optional<TableInfo>> DescribeAll(
      std::span<const TableName> tables);  // for sql::DescribeAll
  void MayRead(Reach reach) override;

  uint64_t ReadRows(const Read& read, const RowSink& sink) override;
  void LoadRows(const TableName& table, const std::vector<std::string>& columns,
                std::span<const Row* const> rows) override;
  std::vector<uint32_t> ExecuteEach(const Sql& sql, std::span<const Row* const> rows) override;
  std::vector<FirstRow> QueryEach(const Sql& sql, std::span<const Row* const> rows) override;
  Sql Operator(const Column& column, Comparison comparison) override {
    return operators_.For(column.native_type, comparison);
  }

 private:
  PostgresConnection connection_;
  PostgresPipeline pipeline_;
  PostgresOperators operators_;
  Reach reach_;
};

}  // namespace syncline::sql
