#include "capture/polling/range_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "capture/polling/row_feed.h"
#include "engine/base/crash_point.h"
#include "engine/base/error.h"
#include "engine/model/row_shape.h"
#include "engine/sql/dialect.h"

namespace syncline::capture {
namespace {

// What goes through the queue at once.
constexpr size_t kPieceRows = 512;
constexpr size_t kPieceBytes = 256u << 10;

// A range's snapshot and lock end with it: after so many bytes, or what the rate lets through in a
// second.
constexpr size_t kRangeBytes = 64u << 20;

// Ends a stream that nobody takes any more, and one whose range is large enough.
struct Closed {};
struct LongEnough {};

// A comparison of rows has one operator for all columns, and here each has its own: (a, b) > (1, 2)
// is a > 1 OR a = 1 AND b > 2.
sql::Sql OwnOperators(const CapturePlan& table, bool equal, const std::vector<sql::Sql>& values) {
  const std::vector<std::string> names = table.key_columns();
  sql::Sql same;
  std::vector<sql::Sql> above;
  for (size_t i = 0; i < values.size(); ++i) {
    const sql::Sql column = sql::Quote(names[i]);
    above.push_back(And(same, sql::Format("{} {} {}", column, table.key_above[i], values[i])));
    same = And(same, sql::Format("{} {} {}", column, table.key_equals[i], values[i]));
  }
  return equal ? same : sql::Format("({})", sql::Join(above, " OR "));
}

}  // namespace

void CheckLoggedKey(const CapturePlan& table, const Row& key) {
  if (RowShape::OfKeys(*table.schema).Fits(key)) return;
  throw DamageError(
      fmt::format("table {}: the log knows a row by a key that does not have the values of the "
                  "table's key columns",
                  table.name()),
      "the table's key was changed since, or the log's folder was: capture into a new folder under "
      "`log:`, or name the key that the table had");
}

sql::Sql KeyIs(const CapturePlan& table, sql::Comparison comparison, const Row& key) {
  CheckLoggedKey(table, key);
  std::vector<sql::Sql> values;
  for (const ValueView value : key) {
    values.push_back(sql::Literal(value, table.schema->dialect));
  }
  if (table.key_equals.empty()) {
    return sql::Format("({}) {} ({})", table.key_order, sql::Symbol(comparison),
                       sql::Join(values, ", "));
  }
  return OwnOperators(table, comparison == sql::Comparison::kEqual, values);
}

void RangeReader::Read(const CapturePlan& table, size_t number, std::optional<Row> after,
                       std::stop_token stop) {
  const size_t most = options_.bytes_per_second == 0 ? kRangeBytes : std::min(kRangeBytes, Share());
  for (bool more = true; more && !stop.stop_requested();) {
    CrashPoint("load.range_begun");
    sql::Transaction snapshot(session_, sql::Session::Isolation::kSnapshot);
    horizon_.Hold(session_, table);
    catalog_.CheckOne(session_, table.schema->table);
    const sql::Sql where =
        And(table.where, after ? KeyIs(table, sql::Comparison::kGreater, *after) : sql::Sql());
    const std::optional<Row> before = after;
    uint64_t rows = 0;
    size_t bytes = 0, range_bytes = 0;
    bool cut_short = false;
    std::set<std::string> set_aside;  // keys; such a row may be told twice
    RowQueue::Piece piece{.table = number};
    try {
      InContext(table.name(), [&] {
        const auto too_large = [&](Row& row, uint64_t row_bytes) {
          CheckKey(table, row);
          Row key = Project(row, table.schema->key);
          if (!set_aside.insert(key.bytes()).second) return;
          if (++rows == options_.range_rows) after = key;
          piece.too_large.emplace_back(std::move(key), row_bytes);
        };
        const auto unreadable = [&](Row& row, const std::string& why, bool key_is_known) {
          Row key = Project(row, table.schema->key);
          if (!set_aside.insert(key.bytes()).second) return;
          if (++rows == options_.range_rows && key_is_known) after = key;
          piece.unreadable.emplace_back(std::move(key),
                                        CaptureCursor::Table::Unreadable{why, key_is_known});
        };
        session_.ReadRows({*table.schema, where, table.key_order, options_.range_rows,
                           table.row_bytes_max, too_large, table.from(), unreadable},
                          [&](Row& row) {
                            CheckKey(table, row);
                            ++rows;
                            bytes += row.bytes().size();
                            piece.bytes += row.bytes().size();
                            range_bytes += row.bytes().size();
                            cut_short = range_bytes >= most && rows < options_.range_rows;
                            if (cut_short || rows == options_.range_rows) {
                              after = Project(row, table.schema->key);
                            }
                            piece.rows.push_back(std::move(row));
                            if (cut_short) throw LongEnough();
                            if (piece.rows.size() < kPieceRows && bytes < kPieceBytes) return;
                            if (!Send(std::move(piece), std::exchange(bytes, 0), stop)) {
                              throw Closed();
                            }
                            piece = {.table = number};
                          });
      });
    } catch (const Closed&) {
      return;
    } catch (const LongEnough&) {
      snapshot.Rollback();
    }
    if (!cut_short) snapshot.Commit();
    more = cut_short || rows == options_.range_rows;
    if (more && (!after || after == before)) {
      throw StopError(
          fmt::format("{}: {} rows in a row have keys that cannot be read", table.name(), rows),
          "mend them at the source, or name other key columns with key:");
    }
    piece.ends_range = true;
    piece.ends_table = !more;
    if (more) piece.after = after;
    if (!Send(std::move(piece), bytes, stop)) return;
  }
}

bool RangeReader::Send(RowQueue::Piece piece, size_t bytes, const std::stop_token& stop) {
  stats_.rows_read.fetch_add(piece.rows.size(), std::memory_order_relaxed);
  if (!queue_.Push(std::move(piece))) return false;
  if (options_.bytes_per_second == 0) return true;
  const Microseconds now = clock_.Monotonic();
  due_ = std::max(due_, now) + Microseconds(bytes * 1'000'000 / Share());
  return clock_.Sleep(due_ - now, stop);
}

}  // namespace syncline::capture
