#include "engine/sql/sqlite/sqlite_session.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "engine/sql/dialect.h"
#include "engine/sql/sqlite/sqlite_catalog.h"
#include "engine/sql/sqlite/sqlite_large_rows.h"
#include "engine/sql/sqlite/sqlite_values.h"

namespace syncline::sql {
namespace {

// What SQLite needs of a record beside its values.
constexpr uint64_t kRecordBytes = 64u << 10;

// Resets a cached statement when its use is over: one that is not reset holds its locks.
class ResetAfterwards {
 public:
  explicit ResetAfterwards(SqliteStatement& statement) : statement_(statement) {}
  ~ResetAfterwards() { statement_.Reset(); }
  ResetAfterwards(const ResetAfterwards&) = delete;
  ResetAfterwards& operator=(const ResetAfterwards&) = delete;

 private:
  SqliteStatement& statement_;
};

Sql SelectStatement(const Session::Read& read) {
  std::vector<std::string> names;
  for (const Column& column : read.schema.columns) names.push_back(column.name);
  Sql sql = Format("SELECT {} FROM {}", QuoteList(names),
                   read.from.empty() ? Quote(read.schema.table) : read.from);
  if (!read.where.empty()) sql += " WHERE " + read.where;
  if (!read.order_by.empty()) sql += " ORDER BY " + read.order_by;
  if (read.limit > 0) sql += Format(" LIMIT {}", read.limit);
  return sql;
}

Sql InsertStatement(const TableName& table, const std::vector<std::string>& columns) {
  std::vector<Sql> values;
  for (size_t i = 1; i <= columns.size(); ++i) values.push_back(Format("${}", i));
  return Format("INSERT INTO {} ({}) VALUES ({})", Quote(table), QuoteList(columns),
                Join(values, ", "));
}

// Runs the statement to its end; how many rows it changed, or returned.
uint64_t RunToEnd(const SqliteConnection& connection, SqliteStatement& statement) {
  uint64_t returned = 0;
  while (statement.Step()) ++returned;
  // sqlite3_changes would still show the statement before when this one only reads.
  if (::sqlite3_stmt_readonly(statement.handle()) != 0) return returned;
  return static_cast<uint64_t>(::sqlite3_changes64(connection.handle()));
}

// The current row's values as text.
std::vector<std::optional<std::string>> Fields(sqlite3_stmt* handle) {
  std::vector<std::optional<std::string>> fields;
  const int columns = ::sqlite3_column_count(handle);
  for (int i = 0; i < columns; ++i) {
    const auto* text = reinterpret_cast<const char*>(::sqlite3_column_text(handle, i));
    if (text == nullptr) {
      fields.emplace_back();
    } else {
      fields.emplace_back(std::in_place, text, ::sqlite3_column_bytes(handle, i));
    }
  }
  return fields;
}

struct FileHeader {
  bool is_wal = false;
  uint64_t changes = 0;  // how many there have been
};

// Read by SQLite's own handle: whoever opens the file a second time and closes it loses the
// process's locks.
FileHeader HeaderOf(const SqliteConnection& connection) {
  constexpr int kOffset = 18;  // the version of the format for writers; 6 bytes on, the changes
  constexpr unsigned char kWal = 2;
  sqlite3_file* file = nullptr;
  std::array<unsigned char, 10> bytes{};
  if (::sqlite3_file_control(connection.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file) !=
          SQLITE_OK ||
      file == nullptr || file->pMethods == nullptr ||
      file->pMethods->xRead(file, bytes.data(), bytes.size(), kOffset) != SQLITE_OK) {
    return {};
  }
  FileHeader header{.is_wal = bytes[0] == kWal};
  for (size_t i = 6; i < bytes.size(); ++i) header.changes = header.changes << 8 | bytes[i];
  return header;
}

}  // namespace

std::string SqliteSession::Identity() {
  std::error_code failure;
  const std::filesystem::path path = std::filesystem::canonical(connection_.path(), failure);
  if (failure) {
    throw EnvironmentError(connection_.display() + ": " + failure.message(),
                           "Was the file moved while it was in use?");
  }
  return "sqlite:" + path.string();
}

DatabaseMark SqliteSession::Mark() {
  DatabaseMark mark;
  struct stat file {};
  const bool is_there = ::stat(connection_.path().c_str(), &file) == 0;
  if (is_there) mark.body = fmt::format("{}.{}", file.st_dev, file.st_ino);
  const FileHeader header = HeaderOf(connection_);
  mark.age = header.changes;
  if (is_there && header.is_wal) {
    mark.written = fmt::format("{}.{}.{}", file.st_ctim.tv_sec, file.st_ctim.tv_nsec, file.st_size);
  }
  // SQLite keeps the pages that it has read until the WAL changes: what another program wrote over
  // the file would not be seen.
  if (mark.written != written_) ::sqlite3_db_release_memory(connection_.handle());
  written_ = mark.written;
  mark.schema = std::stoull(Query("PRAGMA schema_version", {}).rows.at(0).at(0).value());
  return mark;
}

void SqliteSession::Begin(Isolation isolation) {
  if (isolation == Isolation::kWrite) return Execute("BEGIN IMMEDIATE");
  Execute("BEGIN");
  try {
    // BEGIN alone fixes nothing: the first read takes the snapshot.
    Execute("SELECT count(*) FROM sqlite_schema");
  } catch (const Error&) {
    Rollback();
    throw;
  }
}

void SqliteSession::Commit() { Execute("COMMIT"); }

void SqliteSession::Rollback() noexcept {
  // Some errors (a full disk, for one) have already rolled back.
  if (::sqlite3_get_autocommit(connection_.handle()) != 0) return;
  ::sqlite3_exec(connection_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void SqliteSession::CheckDeferred() {
  int violations = 0, unused = 0;
  ::sqlite3_db_status(connection_.handle(), SQLITE_DBSTATUS_DEFERRED_FKS, &violations, &unused,
                      /*resetFlg=*/0);
  if (violations == 0) return;
  // What COMMIT would answer.
  throw connection_.ErrorOf(SQLITE_CONSTRAINT_FOREIGNKEY, "FOREIGN KEY constraint failed");
}

void SqliteSession::Execute(const Sql& sql) { connection_.Execute(sql); }

ResultSet SqliteSession::Query(const Sql& sql, const Parameters& parameters) {
  SqliteStatement statement(connection_, sql);
  statement.Bind(parameters);
  sqlite3_stmt* const handle = statement.handle();
  const int columns = ::sqlite3_column_count(handle);
  ResultSet set;
  for (int i = 0; i < columns; ++i) set.columns.emplace_back(::sqlite3_column_name(handle, i));
  while (statement.Step()) set.rows.push_back(Fields(handle));
  return set;
}

uint64_t SqliteSession::Change(const Sql& sql, const Parameters& parameters) {
  SqliteStatement statement(connection_, sql);
  statement.Bind(parameters);
  return RunToEnd(connection_, statement);
}

Sql SqliteSession::Operator(const Column&, Comparison comparison) { return Symbol(comparison); }

std::vector<TableName> SqliteSession::ListTables() { return ListUserTables(connection_); }

std::optional<TableInfo> SqliteSession::Describe(const TableName& table) {
  return DescribeTable(connection_, table);
}

uint64_t SqliteSession::ReadRows(const Read& read, const RowSink& sink) {
  if (read.row_bytes_max == 0) return Stream(read, {}, sink);
  const SqliteLengthLimit limit(connection_, read.row_bytes_max + kRecordBytes);
  Passed passed;
  try {
    return Stream(read, {}, [&](Row& row) {
      ++passed.rows;
      passed.last = row.fingerprint();
      sink(row);
    });
  } catch (const Error& error) {
    if (error.code() != kTooBig) throw;
  }
  // The same statement over the same snapshot gives the same rows up to the one that was too large.
  const SqliteLargeRows large(connection_, read);
  Read others = read;
  if (large.any()) {
    // First, for the condition may look at what is too large.
    others.where =
        read.where.empty() ? large.Others() : Format("{} AND ({})", large.Others(), read.where);
  }
  if (others.limit > 0) {
    if (others.limit <= large.count()) return passed.rows;
    others.limit -= large.count();
  }
  return Stream(others, passed, sink);
}

uint64_t SqliteSession::Stream(const Read& read, const Passed& passed, const RowSink& sink) {
  SqliteStatement statement(connection_, SelectStatement(read));
  const auto& columns = read.schema.columns;
  uint64_t count = 0;
  bool resumes = passed.rows == 0;  // behind the row that was the last one before
  Row row;
  while (statement.Step()) {
    row.Clear();
    const uint64_t bytes =
        read.row_bytes_max == 0 ? 0 : StringBytes(statement.handle(), columns.size());
    const bool is_large = bytes > read.row_bytes_max;
    for (uint32_t i = 0; i < columns.size(); ++i) {
      if (is_large && !IsTold(read.schema, i)) {
        row.Append(ValueView::Null());
      } else {
        AppendColumn(statement.handle(), static_cast<int>(i), columns[i].type, row);
      }
    }
    if (is_large) {
      if (count >= passed.rows) read.too_large(row, bytes);
    } else if (++count > passed.rows) {
      sink(row);
    } else if (count == passed.rows) {
      resumes = row.fingerprint() == passed.last;
      if (!resumes) break;
    }
  }
  if (!resumes) {
    throw StopError(read.schema.table.ToString() +
                        ": rows of it that are too large cannot be told "
                        "from the others",
                    "raise max_row, or leave the large column out with omit:");
  }
  return count;
}

void SqliteSession::LoadRows(const TableName& table, const std::vector<std::string>& columns,
                             std::span<const Row* const> rows) {
  InContext(table.ToString(), [&] { ExecuteEach(InsertStatement(table, columns), rows); });
}

void SqliteSession::ForEach(const Sql& sql, std::span<const Row* const> rows, const Run& run) {
  SqliteStatement& statement = Prepared(sql);
  std::vector<ValueView> values;
  std::string scratch;
  for (uint32_t index = 0; index < rows.size(); ++index) {
    const ResetAfterwards reset(statement);
    values.clear();
    for (const ValueView value : *rows[index]) values.push_back(value);
    if (values.size() < statement.values_needed()) {
      throw UsageError("a row has fewer values than its statement has parameters");
    }
    try {
      const std::vector<size_t>& parameters = statement.parameters();
      for (size_t i = 0; i < parameters.size(); ++i) {
        statement.Bind(i, values[parameters[i]], scratch);
      }
      run(index, statement);
    } catch (Error& error) {
      error.AddRow(index);
      throw;
    }
  }
}

std::vector<uint32_t> SqliteSession::ExecuteEach(const Sql& sql, std::span<const Row* const> rows) {
  std::vector<uint32_t> unchanged;
  ForEach(sql, rows, [&](uint32_t index, SqliteStatement& statement) {
    if (RunToEnd(connection_, statement) == 0) unchanged.push_back(index);
  });
  return unchanged;
}

std::vector<FirstRow> SqliteSession::QueryEach(const Sql& sql, std::span<const Row* const> rows) {
  std::vector<FirstRow> found(rows.size());
  ForEach(sql, rows, [&](uint32_t index, SqliteStatement& statement) {
    if (statement.Step()) found[index] = Fields(statement.handle());
  });
  return found;
}

SqliteStatement& SqliteSession::Prepared(const Sql& sql) {
  if (const auto known = statements_.find(sql); known != statements_.end()) return known->second;
  return statements_.emplace(sql, SqliteStatement(connection_, sql)).first->second;
}

}  // namespace syncline::sql
