#include "engine/sql/sqlite/sqlite_large_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "engine/sql/dialect.h"
#include "engine/sql/sqlite/sqlite_values.h"
#include "engine/sql/told_key.h"

namespace syncline::sql {
namespace {

struct CloseBlob {
  void operator()(sqlite3_blob* blob) const { ::sqlite3_blob_close(blob); }
};
using Blob = std::unique_ptr<sqlite3_blob, CloseBlob>;

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

Sql AllOf(const Sql& a, const Sql& b) {
  return a.empty() || b.empty() ? a + b : Format("{} AND ({})", a, b);
}

struct TableKind {
  bool is_table = false;  // no view, and not virtual
  bool computes = false;  // has generated columns
};

TableKind KindOf(SqliteConnection& connection, const TableName& table) {
  SqliteStatement kind(
      connection,
      Format(
          "SELECT type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL TABLE%', EXISTS (SELECT 1 FROM "
          "pragma_table_xinfo({0}) WHERE hidden IN (2, 3)) FROM sqlite_schema WHERE type IN "
          "('table', 'view') AND name = {0} COLLATE NOCASE",
          TextLiteral(table.name, Dialect::kSqlite)));
  if (!kind.Step()) return {};
  return {.is_table = ::sqlite3_column_int(kind.handle(), 0) != 0,
          .computes = ::sqlite3_column_int(kind.handle(), 1) != 0};
}

}  // namespace

bool IsTold(const TableSchema& schema, uint32_t column) {
  return column == schema.cursor || column == schema.cursor_fallback ||
         std::ranges::find(schema.key, column) != schema.key.end();
}

uint64_t StringBytes(sqlite3_stmt* handle, size_t columns) {
  uint64_t bytes = 0;
  for (int i = 0; i < static_cast<int>(columns); ++i) {
    const int type = ::sqlite3_column_type(handle, i);
    if (type != SQLITE_TEXT && type != SQLITE_BLOB) continue;
    bytes += static_cast<uint64_t>(::sqlite3_column_bytes(handle, i));
  }
  return bytes;
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
    : connection_(connection), read_(read) {
  try {
    Identify();
    if (id_.empty()) throw StopError("it has neither row ids nor a key");
    // Without a limit, any order will do: what sorts rows has to fetch what they are sorted by.
    const Sql order = read.limit == 0 ? Sql() : read.order_by;
    try {
      Look(read.where, order);
    } catch (const Error& error) {
      if (error.code() != kTooBig || read.limit > 0) throw;
      ids_.clear();
      Look("", "");
    }
  } catch (const Error& error) {
    if (error.reaction() != Reaction::kStop) throw;
    throw StopError(fmt::format("{} has a row that is larger than max_row allows, and which one it "
                                "is cannot be told: {}",
                                read.schema.table.ToString(), error.message()),
                    "raise max_row, or leave the large column out with omit:");
  }
}

// By its row id, or by its key where a view or a table without rowids has none.
void SqliteLargeRows::Identify() {
  const TableSchema& schema = read_.schema;
  const TableKind kind = KindOf(connection_, schema.table);
  opens_ = kind.is_table && !kind.computes;
  const Sql row_id = RowIdOf(schema);
  if (kind.is_table && !row_id.empty()) {
    try {
      SqliteStatement(connection_, Format("SELECT {} FROM {}", row_id, Quote(schema.table)));
      id_ = row_id;
      return;
    } catch (const Error& error) {
      if (error.reaction() != Reaction::kStop) throw;
    }
  }
  opens_ = false;
  for (const uint32_t column : schema.key) {
    key_.push_back(column);
    id_ += (id_.empty() ? Sql() : Sql(", ")) + Quote(schema.columns[column].name);
  }
}

void SqliteLargeRows::Look(const Sql& where, const Sql& order_by) {
  Sql sql = Format("SELECT {} FROM {}", id_, Quote(read_.schema.table));
  if (!where.empty()) sql += " WHERE " + where;
  if (!order_by.empty()) sql += " ORDER BY " + order_by;
  if (read_.limit > 0) sql += Format(" LIMIT {}", read_.limit);
  SqliteStatement statement(connection_, sql);
  while (statement.Step()) {
    Id id;
    if (key_.empty()) {
      id.row_id = ::sqlite3_column_int64(statement.handle(), 0);
      id.values = Format("{}", id.row_id);
    } else {
      Row key;
      for (size_t i = 0; i < key_.size(); ++i) {
        AppendColumn(statement.handle(), static_cast<int>(i), read_.schema.columns[key_[i]].type,
                     key);
        id.values += (i == 0 ? Sql() : Sql(", ")) + Literal(Value(key[i]), Dialect::kSqlite);
      }
    }
    const uint64_t bytes = BytesOf(id);
    if (bytes <= read_.row_bytes_max || (where.empty() && !Matches(id))) continue;
    ids_.push_back(id.values);
    Row row = WithoutValues(id);
    read_.too_large(row, bytes);
  }
}

Sql SqliteLargeRows::Others() const {
  if (key_.size() < 2) return Format("{} NOT IN ({})", id_, Join(ids_, ", "));
  return Format("({}) NOT IN (VALUES ({}))", id_, Join(ids_, "), ("));
}

Sql SqliteLargeRows::Is(const Id& id) const { return Format("({}) = ({})", id_, id.values); }

// A row whose condition cannot be looked at, its values being too large for that, may be meant.
bool SqliteLargeRows::Matches(const Id& id) {
  if (read_.where.empty()) return true;
  try {
    return SqliteStatement(connection_,
                           Format("SELECT 1 FROM {} WHERE {}", Quote(read_.schema.table),
                                  AllOf(Is(id), read_.where)))
        .Step();
  } catch (const Error& error) {
    if (error.code() != kTooBig) throw;
    return true;
  }
}

uint64_t SqliteLargeRows::BytesOf(const Id& id) {
  uint64_t bytes = 0;
  std::vector<std::string> names;
  for (const Column& column : read_.schema.columns) {
    names.push_back(column.name);
    if (!opens_) continue;
    // A value that is neither text nor a blob cannot be opened, and is short.
    sqlite3_blob* opened = nullptr;
    const int status =
        ::sqlite3_blob_open(connection_.handle(), "main", read_.schema.table.name.c_str(),
                            column.name.c_str(), id.row_id, /*flags=*/0, &opened);
    const Blob blob(opened);
    if (status == SQLITE_OK) bytes += static_cast<uint64_t>(::sqlite3_blob_bytes(opened));
    if (status != SQLITE_OK && (status & 0xff) != SQLITE_ERROR) throw connection_.LastError();
  }
  if (opens_) return bytes;
  // Nothing that is computed can be opened. SQLite stops before it makes a value that is too long.
  SqliteStatement statement(connection_, Format("SELECT {} FROM {} WHERE {}", QuoteList(names),
                                                Quote(read_.schema.table), Is(id)));
  try {
    return statement.Step() ? StringBytes(statement.handle(), names.size()) : 0;
  } catch (const Error& error) {
    if (error.code() != kTooBig) throw;
    return read_.row_bytes_max + 1;
  }
}

Row SqliteLargeRows::WithoutValues(const Id& id) {
  const TableSchema& schema = read_.schema;
  Row row;
  for (uint32_t i = 0; i < schema.columns.size(); ++i) {
    const Column& column = schema.columns[i];
    if (!IsTold(schema, i)) {
      row.Append(ValueView::Null());
      continue;
    }
    SqliteStatement statement(connection_, Format("SELECT {} FROM {} WHERE {}", Quote(column.name),
                                                  Quote(schema.table), Is(id)));
    try {
      if (!statement.Step()) return {};
    } catch (const Error& error) {
      if (error.code() != kTooBig) throw;
      AppendBeginning(id, i, row);
      continue;
    }
    AppendColumn(statement.handle(), 0, column.type, row);
  }
  return row;
}

// Keys that come behind this row's come behind the beginning of its own, too.
void SqliteLargeRows::AppendBeginning(const Id& id, uint32_t column, Row& row) {
  const TableSchema& schema = read_.schema;
  if (std::ranges::find(schema.key, column) == schema.key.end()) {
    return row.Append(ValueView::Null());
  }
  sqlite3_blob* opened = nullptr;
  const int status =
      opens_ ? ::sqlite3_blob_open(connection_.handle(), "main", schema.table.name.c_str(),
                                   schema.columns[column].name.c_str(), id.row_id, 0, &opened)
             : SQLITE_TOOBIG;
  const Blob blob(opened);
  std::string bytes(kKeyBytesTold + 1, '\0');
  if (status != SQLITE_OK ||
      ::sqlite3_blob_read(opened, bytes.data(), static_cast<int>(bytes.size()), 0) != SQLITE_OK) {
    throw StopError(fmt::format("the key column {} is too large", schema.columns[column].name));
  }
  SqliteStatement type(connection_,
                       Format("SELECT typeof({}) = 'blob' FROM {} WHERE {}",
                              Quote(schema.columns[column].name), Quote(schema.table), Is(id)));
  if (type.Step() && ::sqlite3_column_int(type.handle(), 0) != 0) {
    return row.Append(ValueView::Bytes(BeginningOf(bytes, false)));
  }
  row.Append(ValueView::Text(BeginningOf(bytes, true)));
}

}  // namespace syncline::sql
