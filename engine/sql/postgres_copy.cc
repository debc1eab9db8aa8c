#include "engine/sql/postgres_copy.h"

#include <poll.h>

#include <chrono>
#include <thread>

#include "engine/base/check.h"
#include "engine/sql/dialect.h"
#include "engine/sql/postgres_binary.h"
#include "engine/sql/postgres_binary_writer.h"
#include "engine/sql/postgres_row_size.h"
#include "engine/sql/postgres_target_type.h"
#include "engine/sql/postgres_text.h"

namespace syncline::sql {
namespace {

constexpr size_t kSendBytes = 256 << 10;
constexpr size_t kLongStream = 1 << 20;
constexpr auto kMoment = std::chrono::microseconds(200);

struct FreeBuffer {
  void operator()(char* buffer) const { ::PQfreemem(buffer); }
};
using CopyBuffer = std::unique_ptr<char, FreeBuffer>;

// The aliases keep ORDER BY pointing at the table's columns: an enum is to be ordered as its type
// says, not by its text.
// Where rows can be too large, `size` says how large each is: it is told behind the columns.
Sql CopyStatement(const Session::Read& read, const std::vector<Oid>& types, const Sql& size) {
  std::vector<Sql> list;
  for (size_t i = 0; i < types.size(); ++i) {
    const Sql column = Quote(read.schema.columns[i].name);
    const Sql value = ReadsBinary(types[i]) ? column : OutputText(column);
    const bool may_go = !size.empty() && IsLeftOut(read, i, types[i]);
    list.push_back(Format(
        "{} AS syncline_{}",
        may_go ? Format("CASE WHEN syncline_bytes <= {} THEN {} END", read.row_bytes_max, value)
               : value,
        i));
  }
  if (!size.empty()) list.push_back("syncline_bytes");
  Sql sql = Format("COPY (SELECT {} FROM {}", Join(list, ", "), Quote(read.schema.table));
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

// The next message of a COPY, as PQgetCopyData, of which so many bytes have come. The server sends
// 8 KiB at a time; to be woken for each costs both sides more than to take it. So once a stream is
// long, a reader that has caught up leaves it to the socket to collect some for a moment.
int NextMessage(PostgresConnection& connection, size_t received, char** message) {
  PGconn* const handle = connection.handle();
  for (bool waited = true;; waited = !waited) {
    const int size = ::PQgetCopyData(handle, message, /*async=*/1);
    if (size != 0) return size;
    if (!waited) {
      if (received >= kLongStream) std::this_thread::sleep_for(kMoment);
      connection.WaitFor(POLLIN);
    }
    if (::PQconsumeInput(handle) == 0) return -2;
  }
}

// Brings the connection out of a COPY whose rows nobody wants any more; leaves it lost when the
// server does not let it.
void Abandon(PostgresConnection& connection) noexcept {
  try {
    connection.CancelStatement();
    char* buffer = nullptr;
    while (NextMessage(connection, 0, &buffer) > 0) ::PQfreemem(buffer);
    connection.Await();
  } catch (const std::exception&) {
    // That of the cancelled statement, or the connection is lost.
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

}  // namespace

std::vector<Oid> ColumnTypes(PostgresConnection& connection, const Sql& select) {
  const PostgresResult result = connection.Run(select + " LIMIT 0");
  std::vector<Oid> types;
  for (int i = 0; i < result.columns(); ++i) types.push_back(result.column_type(i));
  return types;
}

uint64_t CopyOut(PostgresConnection& connection, const Session::Read& read,
                 const Session::RowSink& sink) {
  std::vector<std::string> names;
  for (const Column& column : read.schema.columns) names.push_back(column.name);
  // Asked anew each time: within a transaction this also locks the types until the COPY is over.
  std::vector<Oid> types = ColumnTypes(
      connection, Format("SELECT {} FROM {}", QuoteList(names), Quote(read.schema.table)));
  const Sql row_size = read.row_bytes_max == 0 ? Sql() : RowSizeSql(read, types);
  const Sql sql = CopyStatement(read, types, row_size);

  connection.StartCopy(sql, PGRES_COPY_OUT);
  BinaryDecoder decoder(std::move(types), /*has_size=*/!row_size.empty());
  uint64_t count = 0;
  size_t received = 0;
  char* message = nullptr;
  while (true) {
    const int size = NextMessage(connection, received, &message);
    if (size <= 0) break;
    received += static_cast<size_t>(size);
    const CopyBuffer owned(message);
    try {
      decoder.Decode({message, static_cast<size_t>(size)}, [&](Row& row) {
        const auto bytes = static_cast<uint64_t>(decoder.size());
        if (!row_size.empty() && bytes > read.row_bytes_max) return read.too_large(row, bytes);
        ++count;
        sink(row);
      });
    } catch (...) {
      Abandon(connection);
      throw;
    }
  }
  connection.Await();
  return count;
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
