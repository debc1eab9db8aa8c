#include "engine/sql/sqlite_large_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "engine/sql/dialect.h"
#include "engine/sql/sqlite_values.h"

namespace syncline::sql {
namespace {

struct CloseBlob {
  void operator()(sqlite3_blob* blob) const { ::sqlite3_blob_close(blob); }
};

// One of the names of the row id that no column has taken.
Sql RowIdOf(const TableSchema& schema) {
  for (const Sql& name : {Sql("rowid"), Sql("_rowid_"), Sql("oid")}) {
    const bool taken = std::ranges::any_of(schema.columns, [&](const Column& column) {
      return ::sqlite3_stricmp(column.name.c_str(), name.c_str()) == 0;
    });
    if (!taken) return name;
  }
  return "";
}

bool IsKept(const TableSchema& schema, uint32_t column) {
  return column == schema.cursor || column == schema.cursor_fallback ||
         std::ranges::find(schema.key, column) != schema.key.end();
}

}  // namespace

Row WithoutLargeValues(const TableSchema& schema, const Row& row) {
  Row rest;
  uint32_t column = 0;
  for (const ValueView value : row) {
    rest.Append(IsKept(schema, column++) ? value : ValueView::Null());
  }
  return rest;
}

SqliteLengthLimit::SqliteLengthLimit(SqliteConnection& connection, uint64_t bytes_max)
    : connection_(connection),
      before_(::sqlite3_limit(
          connection.handle(), SQLITE_LIMIT_LENGTH,
          static_cast<int>(std::min<uint64_t>(bytes_max, std::numeric_limits<int>::max())))) {}

SqliteLengthLimit::~SqliteLengthLimit() {
  ::sqlite3_limit(connection_.handle(), SQLITE_LIMIT_LENGTH, before_);
}

SqliteLargeRows::SqliteLargeRows(SqliteConnection& connection, const Session::Read& read)
    : connection_(connection), read_(read), row_id_(RowIdOf(read.schema)) {
  Sql sql = Format("SELECT {} FROM {}", row_id_.empty() ? Sql("rowid") : row_id_,
                   Quote(read.schema.table));
  if (!read.where.empty()) sql += " WHERE " + read.where;
  if (!read.order_by.empty()) sql += " ORDER BY " + read.order_by;
  if (read.limit > 0) sql += Format(" LIMIT {}", read.limit);
  try {
    if (row_id_.empty()) throw StopError("every name of its row id is taken");
    SqliteStatement statement(connection_, sql);
    while (statement.Step()) {
      const int64_t row_id = ::sqlite3_column_int64(statement.handle(), 0);
      const uint64_t bytes = BytesOf(row_id);
      if (bytes <= read.row_bytes_max) continue;
      row_ids_.push_back(row_id);
      Row row = WithoutValues(row_id);
      read.too_large(row, bytes);
    }
  } catch (const Error& error) {
    if (error.reaction() != Reaction::kStop) throw;
    throw StopError(fmt::format("{} has a row that is larger than max_row allows, and which one it "
                                "is cannot be told: {}",
                                read.schema.table.ToString(), error.message()),
                    "raise max_row, or leave the large column out with omit:");
  }
}

Sql SqliteLargeRows::Others() const {
  return Format("{} NOT IN ({})", row_id_, JoinNumbers(row_ids_, ", "));
}

// A value that is neither text nor a blob cannot be opened, and is short.
uint64_t SqliteLargeRows::BytesOf(int64_t row_id) {
  uint64_t bytes = 0;
  for (const Column& column : read_.schema.columns) {
    sqlite3_blob* opened = nullptr;
    const int status =
        ::sqlite3_blob_open(connection_.handle(), "main", read_.schema.table.name.c_str(),
                            column.name.c_str(), row_id, /*flags=*/0, &opened);
    const std::unique_ptr<sqlite3_blob, CloseBlob> blob(opened);
    if (status == SQLITE_OK) bytes += static_cast<uint64_t>(::sqlite3_blob_bytes(opened));
    if (status != SQLITE_OK && (status & 0xff) != SQLITE_ERROR) throw connection_.LastError();
  }
  return bytes;
}

Row SqliteLargeRows::WithoutValues(int64_t row_id) {
  const TableSchema& schema = read_.schema;
  std::vector<Sql> values;
  for (uint32_t i = 0; i < schema.columns.size(); ++i) {
    values.push_back(IsKept(schema, i) ? Quote(schema.columns[i].name) : Sql("NULL"));
  }
  SqliteStatement statement(connection_,
                            Format("SELECT {} FROM {} WHERE {} = {}", Join(values, ", "),
                                   Quote(schema.table), row_id_, row_id));
  Row row;
  if (!statement.Step()) return row;
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    AppendColumn(statement.handle(), static_cast<int>(i), schema.columns[i].type, row);
  }
  return row;
}

}  // namespace syncline::sql
