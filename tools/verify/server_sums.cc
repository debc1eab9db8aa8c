#include "tools/verify/server_sums.h"

#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"

namespace syncline::cli {
namespace {

// A text in which NULL is not the empty text, and no value can be taken for another one's part.
sql::Sql RowText(const std::vector<std::string>& columns) {
  return sql::Format("ROW({})::text COLLATE \"C\"", sql::QuoteList(columns));
}

sql::Sql BucketOf(const sql::Sql& key) {
  return sql::Format("(hashtextextended({}, 0) & {})", key, ServerSums::kBuckets - 1);
}

sql::Sql InBuckets(const std::vector<std::string>& key, const std::vector<uint32_t>& buckets) {
  return sql::Format("{} IN (VALUES ({}::bigint))", BucketOf(RowText(key)),
                     sql::JoinNumbers(buckets, "::bigint), ("));
}

std::vector<std::string> Names(const TableSchema& schema, const std::vector<uint32_t>& columns) {
  std::vector<std::string> names;
  for (const uint32_t column : columns) names.push_back(schema.columns[column].name);
  return names;
}

ServerSums Read(sql::Session& session, const sql::Sql& from, const sql::Sql& where,
                const std::vector<std::string>& key, const std::vector<std::string>& columns) {
  // OFFSET 0 keeps the texts from being made once for each hash.
  const auto result = session.Query(sql::Format(
      "SELECT {}, count(*), sum(hashtextextended(r, 1)), sum(hashtextextended(r, 2)) FROM "
      "(SELECT {} AS k, {} AS r FROM {}{} OFFSET 0) AS t GROUP BY 1",
      BucketOf("k"), RowText(key), RowText(columns), from,
      where.empty() ? sql::Sql() : " WHERE " + where));
  ServerSums sums;
  for (const auto& row : result.rows) {
    sums.buckets[static_cast<uint32_t>(std::stoul(row.at(0).value()))] = {
        .rows = std::stoull(row.at(1).value()),
        .high = row.at(2).value(),
        .low = row.at(3).value()};
  }
  return sums;
}

// Whether the server itself can sum rows up as these statements do.
bool HasSums(Dialect dialect) {
  return sql::ForDialect(dialect, sql::IfPostgres{true}, sql::IfSqlite{false});
}

}  // namespace

bool ServerSums::Fit(const ComparedTable& table) {
  return table.direct && table.target_exists && HasSums(table.schema->dialect) &&
         HasSums(table.target.dialect);
}

bool ServerSums::IsFar(sql::Session& session) {
  if (!HasSums(session.dialect())) return false;
  const auto result = session.Query(
      "SELECT coalesce(inet_server_addr() IS DISTINCT FROM inet_client_addr(), FALSE)");
  return result.rows.at(0).at(0) == "t";
}

ServerSums ServerSums::OfSource(sql::Session& session, const ComparedTable& table) {
  return Read(session, table.from, table.where, table.SourceKeyNames(),
              Names(*table.schema, table.take));
}

ServerSums ServerSums::OfTarget(sql::Session& session, const ComparedTable& table) {
  std::vector<std::string> columns;
  for (const Column& column : table.target.columns) columns.push_back(column.name);
  return Read(session, table.target_from, table.target_where, table.TargetKeyNames(), columns);
}

sql::Sql ServerSums::AtSource(const ComparedTable& table, const std::vector<uint32_t>& buckets) {
  return InBuckets(table.SourceKeyNames(), buckets);
}

sql::Sql ServerSums::OnTarget(const ComparedTable& table, const std::vector<uint32_t>& buckets) {
  return InBuckets(table.TargetKeyNames(), buckets);
}

}  // namespace syncline::cli
