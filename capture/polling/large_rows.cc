#include "capture/polling/large_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/told_key.h"

namespace syncline::capture {
namespace {

// Their keys stand in the cursor.
constexpr size_t kRowsMax = 10'000;
// Of a longer key only the beginning is remembered: every cursor that is logged holds it.
constexpr size_t kKeyBytesMax = 16u << 10;
// What a beginning may be short of, so that it ends with a whole character.
constexpr size_t kCharacterBytes = 4;

// A key that may be told by its beginning only. One that is none stays until it is captured,
// deleted or loaded again.
bool IsBeginning(const Row& key) {
  return std::ranges::any_of(key, [](ValueView value) {
    const bool is_string = value.type() == Type::kText || value.type() == Type::kBytes;
    if (!is_string) return false;
    const size_t bytes = value.as_string().size();
    return bytes <= sql::kKeyBytesTold && bytes + kCharacterBytes > sql::kKeyBytesTold;
  });
}

// What the cursor remembers of a key.
Row Remembered(const Row& key) {
  if (key.bytes().size() <= kKeyBytesMax) return key;
  Row told;
  for (const ValueView value : key) {
    if (value.type() == Type::kText) {
      told.Append(ValueView::Text(sql::BeginningOf(value.as_string(), true)));
    } else if (value.type() == Type::kBytes) {
      told.Append(ValueView::Bytes(sql::BeginningOf(value.as_string(), false)));
    } else {
      told.Append(value);
    }
  }
  return told;
}

}  // namespace

void LargeRows::Note(const CapturePlan& table, const Row& whole_key, uint64_t bytes) {
  const Row key = Remembered(whole_key);
  auto& known = cursor_.tables[table.schema->table].too_large;
  if (known.size() == kRowsMax && !known.contains(key.bytes())) {
    throw StopError(
        fmt::format("{}: more than {} rows are larger than max_row allows", table.name(), kRowsMax),
        "raise max_row, or leave the large column out with omit:");
  }
  const auto [row, is_new] = known.emplace(key.bytes(), bytes);
  any_ = true;
  if (is_new) {
    news_ = true;
    logger_.Warn(
        "a row is too large and stays at the source table={} bytes={} max_row={} hint=\"`syncline "
        "status` names it; raise max_row, or leave the large column out with omit\"",
        table.name(), bytes, table.row_bytes_max);
  }
  row->second = bytes;
}

void LargeRows::NoteUnreadable(const CapturePlan& table, const Row& key,
                               const CaptureCursor::Table::Unreadable& row) {
  auto& known = cursor_.tables[table.schema->table].unreadable;
  if (known.size() == kRowsMax && !known.contains(key.bytes())) {
    throw StopError(
        fmt::format("{}: more than {} rows cannot be read: {}", table.name(), kRowsMax, row.why),
        "mend them at the source, or leave the column out with omit:");
  }
  any_ = true;
  if (const auto [place, is_new] = known.insert_or_assign(key.bytes(), row); !is_new) return;
  news_ = true;
  logger_.Warn(
      "a row cannot be read and stays at the source table={} reason=\"{}\" hint=\"`syncline "
      "status` names it; mend it, or leave the column out with omit\"",
      table.name(), row.why);
}

std::vector<Row> LargeRows::ToReadAgain(const CapturePlan& table) const {
  std::vector<Row> keys;
  const auto state = cursor_.tables.find(table.schema->table);
  if (state == cursor_.tables.end()) return keys;
  for (const auto& [key, row] : state->second.unreadable) {
    if (row.key_is_known) keys.push_back(Row::FromBytes(key));
  }
  return keys;
}

void LargeRows::ForgetKey(const CapturePlan& table, const Row& key) {
  const auto state = cursor_.tables.find(table.schema->table);
  if (state == cursor_.tables.end()) return;
  if (state->second.too_large.erase(Remembered(key).bytes()) > 0) {
    news_ = true;
    logger_.Info("a row that was too large is captured, or gone table={}", table.name());
  }
  if (state->second.unreadable.erase(key.bytes()) > 0) {
    news_ = true;
    logger_.Info("a row that could not be read is captured, or gone table={}", table.name());
  }
}

void LargeRows::Recheck(sql::Session& session, const CapturePlan& table) {
  const CaptureCursor::Table& state = cursor_.tables[table.schema->table];
  if (state.too_large.empty() && state.unreadable.empty()) return;
  any_ = true;
  std::vector<Row> keys = ToReadAgain(table);
  for (const auto& [key, bytes] : state.too_large) keys.push_back(Row::FromBytes(key));
  std::set<std::string> there;
  for (std::span<const Row> left = keys; !left.empty();) {
    const auto some = left.first(std::min(left.size(), kKeysRead));
    left = left.subspan(some.size());
    TableSchema key_only{.table = table.schema->table, .dialect = table.schema->dialect};
    for (const uint32_t column : table.schema->key) {
      key_only.key.push_back(static_cast<uint32_t>(key_only.columns.size()));
      key_only.columns.push_back(table.schema->columns[column]);
    }
    const sql::Sql these = sql::IsOneOf(table.key_columns(), some, session.dialect());
    session.ReadRows({.schema = key_only, .where = And(table.set, these), .from = table.from()},
                     [&](Row& key) { there.insert(key.bytes()); });
  }
  for (const Row& key : keys) {
    if (IsBeginning(key)) continue;  // of a key that cannot be asked for
    if (!there.contains(key.bytes())) ForgetKey(table, key);
  }
}

}  // namespace syncline::capture
