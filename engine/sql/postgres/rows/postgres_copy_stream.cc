#include "engine/sql/postgres/rows/postgres_copy_stream.h"

#include <poll.h>

#include <chrono>
#include <exception>
#include <memory>
#include <thread>

#include "engine/sql/dialect.h"
#include "engine/sql/postgres/rows/postgres_binary.h"
#include "engine/sql/postgres/rows/postgres_row_size.h"
#include "engine/sql/postgres/rows/postgres_types.h"

namespace syncline::sql {
namespace {

constexpr size_t kLongStream = 1 << 20;
constexpr auto kMoment = std::chrono::microseconds(200);

struct FreeBuffer {
  void operator()(char* buffer) const { ::PQfreemem(buffer); }
};
using CopyBuffer = std::unique_ptr<char, FreeBuffer>;

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

}  // namespace

std::vector<Oid> ColumnTypes(PostgresConnection& connection, const Sql& select) {
  const PostgresResult result = connection.Run(select + " LIMIT 0");
  std::vector<Oid> types;
  for (int i = 0; i < result.columns(); ++i) types.push_back(result.column_type(i));
  return types;
}

Sql ReadFrom(const Session::Read& read) {
  return read.from.empty() ? Quote(read.schema.table) : read.from;
}

Sql CopiedValue(const Sql& column, Oid type) {
  return ReadsBinary(type) ? column : OutputText(column);
}

void StreamCopy(PostgresConnection& connection, const Sql& copy, const std::vector<Oid>& types,
                bool has_size, const std::function<void(Row& row, uint64_t size)>& sink) {
  connection.StartCopy(copy, PGRES_COPY_OUT);
  BinaryDecoder decoder(types, has_size);
  size_t received = 0;
  char* message = nullptr;
  while (true) {
    const int size = NextMessage(connection, received, &message);
    if (size <= 0) break;
    received += static_cast<size_t>(size);
    const CopyBuffer owned(message);
    try {
      decoder.Decode({message, static_cast<size_t>(size)},
                     [&](Row& row) { sink(row, static_cast<uint64_t>(decoder.size())); });
    } catch (...) {
      Abandon(connection);
      throw;
    }
  }
  connection.Await();
}

}  // namespace syncline::sql
