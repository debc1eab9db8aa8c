#include "capture/cursor/stored_cursor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <vector>

#include "capture/cursor/capture_cursor.h"
#include "capture/cursor/guarantee.h"
#include "capture/plan/known_kinds.h"
#include "capture/plan/tombstone_sql.h"
#include "engine/base/error.h"
#include "engine/model/calendar.h"
#include "engine/model/frame.h"
#include "engine/model/value_text.h"

namespace syncline::capture {
namespace {

std::string Moment(int64_t clock_us) { return ToText(Value(ValueView::TimestampTz(clock_us))); }

std::string KeyText(const Row& key) {
  std::string text;
  for (const ValueView value : key) {
    text += (text.empty() ? "" : ", ") + (value.is_null() ? "NULL" : ToText(Value(value)));
  }
  return text;
}

std::string DescribeTable(const TableName& name, const CaptureCursor::Table& table) {
  const std::string large = table.too_large.empty()
                                ? ""
                                : fmt::format(", without {} that {} too large",
                                              table.too_large.size() == 1 ? "a row" : "rows",
                                              table.too_large.size() == 1 ? "is" : "are");
  if (table.loaded) return name.ToString() + " loaded" + large;
  if (!table.after) return name.ToString() + " to be loaded";
  return fmt::format("{} loading, done up to key ({}){}", name.ToString(), KeyText(*table.after),
                     large);
}

// Of a few tables each, of many only how many there are, with some of those that are not loaded.
std::string DescribeTables(const std::map<TableName, CaptureCursor::Table>& tables) {
  constexpr size_t kAllUpTo = 20;
  constexpr size_t kSome = 5;
  std::vector<std::string> entries;
  size_t loaded = 0, others = 0;
  const bool all = tables.size() <= kAllUpTo;
  for (const auto& [name, table] : tables) {
    if (IsTombstoneTable(name)) continue;
    if (!all && table.loaded) {
      ++loaded;
    } else if (all || ++others <= kSome) {
      entries.push_back(DescribeTable(name, table));
    }
  }
  if (!all) entries.insert(entries.begin(), fmt::format("{} tables loaded", loaded));
  if (others > kSome) entries.push_back(fmt::format("{} others not loaded", others - kSome));
  return fmt::format("{}", fmt::join(entries, "; "));
}

std::set<TableName> TablesWhere(const std::string& cursor,
                                bool (*wanted)(const CaptureCursor::Table&)) {
  std::set<TableName> tables;
  try {
    for (const auto& [name, table] : CaptureCursor::Parse(cursor).tables) {
      if (!IsTombstoneTable(name) && wanted(table)) tables.insert(name);
    }
  } catch (const Error&) {
    // Capture itself will say so.
  }
  return tables;
}

}  // namespace

std::map<std::string, Guarantee> Guarantees(const std::string& cursor) {
  std::map<std::string, Guarantee> guarantees;
  try {
    for (const auto& [name, table] : CaptureCursor::Parse(cursor).tables) {
      if (table.guarantee) guarantees[name.ToString()] = *table.guarantee;
    }
  } catch (const Error&) {
    // Capture itself will say so.
  }
  return guarantees;
}

std::vector<LargeRow> LargeRowsOf(const std::string& cursor) {
  std::vector<LargeRow> rows;
  try {
    for (const auto& [name, table] : CaptureCursor::Parse(cursor).tables) {
      for (const auto& [key, bytes] : table.too_large) {
        rows.push_back({name, KeyText(Row::FromBytes(key)), bytes});
      }
    }
  } catch (const Error&) {
    // Capture itself will say so.
  }
  return rows;
}

std::vector<UnreadableRow> UnreadableRowsOf(const std::string& cursor) {
  std::vector<UnreadableRow> rows;
  try {
    for (const auto& [name, table] : CaptureCursor::Parse(cursor).tables) {
      for (const auto& [key, row] : table.unreadable) {
        rows.push_back({name, KeyText(Row::FromBytes(key)), row.why});
      }
    }
  } catch (const Error&) {
    // Capture itself will say so.
  }
  return rows;
}

std::map<TableName, uint64_t> RowsSetAside(const std::string& cursor) {
  std::map<TableName, uint64_t> counts;
  try {
    for (const auto& [name, table] : CaptureCursor::Parse(cursor).tables) {
      const uint64_t rows = table.too_large.size() + table.unreadable.size();
      if (rows > 0) counts[name] = rows;
    }
  } catch (const Error&) {
    // Capture itself will say so.
  }
  return counts;
}

KnownKinds KindsIn(const std::string& cursor) {
  KnownKinds kinds;
  try {
    for (const auto& [name, table] : CaptureCursor::Parse(cursor).tables) {
      if (table.kind) kinds[name] = *table.kind;
    }
  } catch (const Error&) {
    // Capture itself will say so.
  }
  return kinds;
}

std::set<TableName> TablesOf(const std::string& cursor) {
  return TablesWhere(cursor, [](const CaptureCursor::Table&) { return true; });
}

std::set<TableName> TablesOwingDeletions(const std::string& cursor) {
  return TablesWhere(cursor,
                     [](const CaptureCursor::Table& table) { return table.owes_deletions; });
}

std::optional<WallTime> SourceTimeOf(const std::string& cursor) {
  const auto number_after = [&](const std::string& label, size_t from) -> std::optional<int64_t> {
    const size_t at = cursor.find(label, from);
    if (at == cursor.npos) return {};
    int64_t number = 0;
    const char* const end = cursor.data() + cursor.size();
    const auto parsed = std::from_chars(cursor.data() + at + label.size(), end, number);
    return parsed.ec == std::errc() ? std::optional(number) : std::nullopt;
  };
  // Quotes do not stand like that in any name.
  const size_t ticks = cursor.rfind(R"("ticks":{"last":)");
  if (ticks == cursor.npos) return {};
  const std::optional<int64_t> last = number_after(R"("last":)", ticks);
  if (!last) return {};
  const auto clock_us = number_after(fmt::format(R"({{"number":{},"clock":)", *last), ticks);
  if (!clock_us || *clock_us > INT64_MAX / 2 || *clock_us < INT64_MIN / 2) return {};
  const WallTime time(Microseconds(*clock_us + kDaysTo2000 * kMicrosecondsPerDay));
  return IsWriteTime(time) ? std::optional(time) : std::nullopt;
}

std::string DescribeCursor(const std::string& text) {
  if (text.empty()) return "nothing read yet";
  try {
    const CaptureCursor cursor = CaptureCursor::Parse(text);
    std::string out = DescribeTables(cursor.tables);
    const TickLedger& ledger = cursor.ticks;
    if (ledger.server_started_us == 0) return out;  // no PostgreSQL: nothing to tell of sessions
    out +=
        fmt::format("; tick {} at {}", ledger.last, Moment(ledger.ticks.at(ledger.last).clock_us));
    if (ledger.running.empty()) return out + ", no transaction was running";
    uint64_t oldest = ledger.last;
    for (const auto& [name, tick] : ledger.running) oldest = std::min(oldest, tick);
    return out + fmt::format(", {} transactions were running, the oldest of them since {}",
                             ledger.running.size(),
                             oldest == 0 ? "before the first tick"
                                         : Moment(ledger.ticks.at(oldest).clock_us));
  } catch (const Error& error) {
    return error.message();
  }
}

}  // namespace syncline::capture
