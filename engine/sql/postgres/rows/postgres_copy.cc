#include "engine/sql/postgres/rows/postgres_copy.h"

#include "engine/base/check.h"
#include "engine/sql/dialect.h"
#include "engine/sql/postgres/rows/postgres_binary_writer.h"
#include "engine/sql/postgres/rows/postgres_copy_stream.h"
#include "engine/sql/postgres/rows/postgres_row_size.h"
#include "engine/sql/postgres/rows/postgres_target_type.h"
#include "engine/sql/postgres/rows/postgres_text.h"
#include "engine/sql/postgres/rows/postgres_unreadable.h"

namespace syncline::sql {
namespace {

constexpr size_t kSendBytes = 256 << 10;

// The aliases keep ORDER BY pointing at the table's columns: an enum is to be ordered as its type
// says, not by its text.
// Where rows can be too large, `size` says how large each is: it is told behind the columns.
Sql CopyStatement(const Session::Read& read, const std::vector<Oid>& types, const Sql& size) {
  std::vector<Sql> list;
  for (size_t i = 0; i < types.size(); ++i) {
    const Sql column = Quote(read.schema.columns[i].name);
    const Sql value = CopiedValue(column, types[i]);
    const bool may_go = !size.empty() && IsLeftOut(read, i, types[i]);
    list.push_back(Format(
        "{} AS syncline_{}",
        may_go ? Format("CASE WHEN syncline_bytes <= {} THEN {} END", read.row_bytes_max, value)
               : value,
        i));
  }
  if (!size.empty()) list.push_back("syncline_bytes");
  Sql sql = Format("COPY (SELECT {} FROM {}", Join(list, ", "), ReadFrom(read));
  // With OFFSET 0 it is found out once for each row, and not once for each column.
  if (!size.empty()) {
    sql += Format(", LATERAL (SELECT {} AS syncline_bytes OFFSET 0) AS syncline_size", size);
  }
  if (!read.where.empty()) sql += " WHERE " + read.where;
  if (!read.order_by.empty()) sql += " ORDER BY " + read.order_by;
  if (read.limit > 0) sql += Format(" LIMIT {}", read.limit);
  return sql + ") TO STDOUT (FORMAT binary)";
}

void AppendTextRow(const Row& row, const std::vector<TargetType>& types, std::string& out) {
  SYNCLINE_CHECK_EQ(row.size(), types.size());
  size_t column = 0;
  for (const ValueView value : row) {
    AppendCopyField(value, types[column], out);
    out += ++column == types.size() ? '\n' : '\t';
  }
}

// Ends a COPY to the server that is to leave nothing behind.
void BreakOff(PostgresConnection& connection) noexcept {
  try {
    connection.EndCopy("a value cannot be written");
  } catch (const std::exception&) {
    // What the server says of it is what it was told.
  }
}

uint64_t CopyRows(PostgresConnection& connection, const Session::Read& read,
                  const std::vector<Oid>& types, const Session::RowSink& sink) {
  const Sql row_size = read.row_bytes_max == 0 ? Sql() : RowSizeSql(read, types);
  uint64_t count = 0;
  StreamCopy(connection, CopyStatement(read, types, row_size), types, !row_size.empty(),
             [&](Row& row, uint64_t bytes) {
               if (!row_size.empty() && bytes > read.row_bytes_max) {
                 return read.too_large(row, bytes);
               }
               ++count;
               sink(row);
             });
  return count;
}

// Goes back to the savepoint.
bool HasPlaces(PostgresConnection& connection, const Session::Read& read) {
  connection.Run("ROLLBACK TO SAVEPOINT syncline_read");
  try {
    connection.Run(Format("SELECT tableoid, ctid FROM {} LIMIT 0", ReadFrom(read)));
    return true;
  } catch (const Error&) {
    connection.Run("ROLLBACK TO SAVEPOINT syncline_read");
    return false;
  }
}

// Reads on behind the rows that came before the server met one that it cannot give: over the same
// snapshot, and in an order by the key, the others come as they came before.
uint64_t CopyReadable(PostgresConnection& connection, Session::Read read,
                      const std::vector<Oid>& types, const Session::RowSink& sink) {
  if (read.order_by.empty()) {
    std::vector<std::string> key;
    for (const uint32_t column : read.schema.key) key.push_back(read.schema.columns[column].name);
    read.order_by = QuoteList(key);
  }
  uint64_t passed = 0;
  Fingerprint last;
  connection.Run("SAVEPOINT syncline_read");
  try {
    const uint64_t count = CopyRows(connection, read, types, [&](Row& row) {
      ++passed;
      last = row.fingerprint();
      sink(row);
    });
    connection.Run("RELEASE SAVEPOINT syncline_read");
    return count;
  } catch (const Error& error) {
    // Rows of views have no places.
    if (!IsUnreadable(error.code()) || !HasPlaces(connection, read)) throw;
  }
  UnreadableRows rows(connection, read, types);
  rows.Tell();
  if (rows.count() > 0) {
    read.where =
        read.where.empty() ? rows.Others() : Format("{} AND {}", read.where, rows.Others());
  }
  if (read.limit > 0) {
    if (read.limit <= rows.count()) return passed;
    read.limit -= rows.count();
  }
  uint64_t met = 0;
  const uint64_t count = CopyRows(connection, read, types, [&](Row& row) {
    if (++met > passed) return sink(row);
    if (met == passed && row.fingerprint() != last) {
      throw RestartError(read.schema.table.ToString() + ": its rows came in another order");
    }
  });
  connection.Run("RELEASE SAVEPOINT syncline_read");
  return count;
}

}  // namespace

uint64_t CopyOut(PostgresConnection& connection, const Session::Read& read,
                 const Session::RowSink& sink) {
  std::vector<std::string> names;
  for (const Column& column : read.schema.columns) names.push_back(column.name);
  // Asked anew each time: within a transaction this also locks the types until the COPY is over.
  const std::vector<Oid> types =
      ColumnTypes(connection, Format("SELECT {} FROM {}", QuoteList(names), ReadFrom(read)));
  const bool guarded = read.unreadable && MayHoldUnreadable(connection) &&
                       ::PQtransactionStatus(connection.handle()) == PQTRANS_INTRANS;
  if (guarded) return CopyReadable(connection, read, types, sink);
  return CopyRows(connection, read, types, sink);
}

void CopyIn(PostgresConnection& connection, const TableName& table,
            const std::vector<std::string>& columns, std::span<const Row* const> rows) {
  const Sql target = Quote(table);
  const Sql list = QuoteList(columns);
  const std::vector<Oid> types = ColumnTypes(connection, Format("SELECT {} FROM {}", list, target));
  const bool binary = FitBinary(rows, types);
  const std::vector<TargetType> targets =
      binary ? std::vector<TargetType>() : TargetTypesOf(connection, types);

  const Sql sql =
      Format("COPY {} ({}) FROM STDIN{}", target, list, binary ? Sql(" (FORMAT binary)") : Sql());
  connection.StartCopy(sql, PGRES_COPY_IN);
  std::string buffer;
  buffer.reserve(kSendBytes + (kSendBytes >> 2));
  // A failed send means a lost connection or an error report; both come to light in EndCopy.
  const auto send = [&] {
    const bool sent = connection.PutCopyData(buffer);
    buffer.clear();
    return sent;
  };
  size_t index = 0;
  try {
    if (binary) AppendBinaryHeader(buffer);
    for (; index < rows.size(); ++index) {
      binary ? AppendBinaryRow(*rows[index], types, buffer)
             : AppendTextRow(*rows[index], targets, buffer);
      if (buffer.size() >= kSendBytes && !send()) break;
    }
    if (binary && index == rows.size()) AppendBinaryTrailer(buffer);
  } catch (Error& error) {
    if (connection.given_up()) throw;
    BreakOff(connection);
    error.AddRow(index);
    error.AddContext(table.ToString());
    throw;
  }
  if (!buffer.empty()) send();
  try {
    connection.EndCopy(nullptr);
  } catch (Error& error) {
    const uint64_t line = connection.report() ? CopyLine(*connection.report()) : 0;
    if (line > 0) error.AddRow(line - 1);
    error.AddContext(table.ToString());
    throw;
  }
}

}  // namespace syncline::sql
