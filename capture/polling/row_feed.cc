#include "capture/polling/row_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "engine/model/row_shape.h"
#include "engine/model/stamp.h"
#include "engine/sql/dialect.h"

namespace syncline::capture {

void CheckKey(const CapturePlan& table, const Row& row) {
  if (!table.key_may_be_null) return;
  for (const uint32_t column : table.schema->key) {
    if (!row[column].is_null()) continue;
    throw StopError(fmt::format("{}: a row's key column {} holds NULL", table.name(),
                                table.schema->columns[column].name),
                    "choose key columns that are never NULL, or leave such rows out with where:");
  }
}

bool RowFeed::NoteForm(const CapturePlan& table, const Row& row) {
  if (table.cursor_kind != CursorKind::kStored) return true;
  if (table.schema != noted_) {
    noted_ = table.schema;
    forms_ = &cursor_.tables[noted_->table].forms;
  }
  const StampForm form = FormOf(noted_->VersionOf(row));
  if (forms_->Refuses(form)) return false;
  forms_->AddForm(form);
  return true;
}

RowFeed::Batch::Batch(RowFeed& feed, CutWriter::Options options)
    : feed_(feed),
      writer_(feed.log_,
              {.frame_bytes = options.frame_bytes, .users = feed.users_, .bulk = options.bulk}) {}

void RowFeed::Batch::Add(const CapturePlan& table, Row row) {
  if (!feed_.NoteForm(table, row)) {
    return NoteUnreadable(
        table, Project(row, table.schema->key),
        {fmt::format("its stamp in {} is no moment, and those of the other rows are",
                     table.cursor_sql().text()),
         true});
  }
  const bool deleted = table.flag && IsSet(*table.flag, *table.schema, row);
  feed_.large_.Forget(table, row);
  feed_.InLog([&] {
    if (!deleted) {
      const bool anyway = feed_.renamed_.contains(table.schema->table);
      return writer_.Add(table.schema, std::move(row), anyway);
    }
    writer_.AddDeletion(table.schema, Project(row, table.schema->key),
                        Value(table.schema->VersionOf(row)));
  });
}

uint64_t RowFeed::Batch::Read(const CapturePlan& table, const sql::Sql& condition,
                              const sql::Sql& order_by, uint64_t limit,
                              const std::function<void(const Row&)>& watch) {
  const sql::Sql where = And(table.where, condition);
  const auto note = [&](Row& row, uint64_t bytes) {
    CheckKey(table, row);
    // A stamp that is itself too large is not told.
    if (!table.schema->has_cursor() || !table.schema->VersionOf(row).is_null()) {
      feed_.NoteForm(table, row);
      if (watch) watch(row);
    }
    feed_.large_.Note(table, Project(row, table.schema->key), bytes);
  };
  const auto note_unreadable = [&](Row& row, const std::string& why, bool key_is_known) {
    if (watch) watch(row);
    feed_.large_.NoteUnreadable(table, Project(row, table.schema->key), {why, key_is_known});
  };
  const sql::Session::Read read{*table.schema,       where, order_by,     limit,
                                table.row_bytes_max, note,  table.from(), note_unreadable};
  const auto began = std::chrono::steady_clock::now();
  const uint64_t rows = InContext(table.name(), [&] {
    return feed_.session_.ReadRows(read, [&](Row& row) {
      feed_.stats_.rows_read.fetch_add(1, std::memory_order_relaxed);
      CheckKey(table, row);
      if (watch) watch(row);
      Add(table, std::move(row));
    });
  });
  const auto took = std::chrono::steady_clock::now() - began;
  feed_.stats_.tables.Add(table.schema->table,
                          {.took = std::chrono::duration_cast<Microseconds>(took)});
  return rows;
}

uint64_t RowFeed::Batch::ReadTombstones(const CapturePlan& table, const sql::Sql& condition,
                                        const std::function<void(const Row&)>& watch) {
  const CapturePlan& tombstones = *table.tombstones;
  const sql::Sql where = And(tombstones.where, condition);
  // When it was deleted is a version like the others only where those are moments, too; otherwise a
  // deletion has that of the state that is gone.
  const bool is_version = table.cursor_kind == CursorKind::kTimestampTz;
  return InContext(tombstones.name(), [&] {
    return feed_.session_.ReadRows(
        {*tombstones.schema, where, tombstones.poll_order, 0}, [&](Row& row) {
          feed_.stats_.rows_read.fetch_add(1, std::memory_order_relaxed);
          if (watch) watch(row);
          Row key = Project(row, tombstones.schema->key);
          if (std::ranges::any_of(key, [](ValueView value) { return value.is_null(); })) return;
          const Value deleted_at(row[tombstones.schema->cursor]);
          Value version = is_version ? deleted_at : Value();
          feed_.large_.ForgetKey(table, key);
          feed_.InLog([&] {
            writer_.AddDeletion(table.schema, std::move(key), std::move(version),
                                StampOf(deleted_at));
          });
        });
  });
}

void RowFeed::Batch::ReadAgain(const CapturePlan& table, const std::vector<Row>& rows,
                               bool gone_is_deleted) {
  const RowShape shape = RowShape::OfKeys(*table.schema);
  for (size_t first = 0; first < rows.size(); first += kKeysRead) {
    const std::span<const Row> keys =
        std::span(rows).subspan(first, std::min(kKeysRead, rows.size() - first));
    if (!std::ranges::all_of(keys, [&](const Row& key) { return shape.Fits(key); })) continue;
    const sql::Sql these =
        sql::IsOneOf(table.key_columns(), keys, table.schema->dialect, table.key_equals);
    std::set<std::string> there;
    const auto note = [&](const Row& row) {
      there.insert(Project(row, table.schema->key).bytes());
    };
    Read(table, these, "", 0, note);
    // Not deleted, but without a version: such rows have no place in the log.
    if (!table.null_cursor.empty()) {
      const sql::Sql where = And(table.null_cursor, these);
      feed_.session_.ReadRows({.schema = *table.schema, .where = where, .from = table.from()},
                              note);
    }
    if (!gone_is_deleted) continue;
    for (const Row& key : keys) {
      if (!there.contains(key.bytes())) Delete(table, key, Value());
    }
  }
}

void RowFeed::Batch::Delete(const CapturePlan& table, Row key, Value version) {
  feed_.large_.ForgetKey(table, key);
  feed_.InLog([&] { writer_.AddDeletion(table.schema, std::move(key), std::move(version)); });
}

void RowFeed::Batch::Flush() {
  feed_.InLog([&] { writer_.Flush(); });
}

void RowFeed::Batch::Checkpoint(const std::string& cursor) {
  feed_.InLog([&] { writer_.Checkpoint(cursor); });
  Account();
}

void RowFeed::Batch::Close(const std::string& cursor, bool tells) {
  feed_.InLog([&] { writer_.Close(cursor, tells); });
  Account();
}

void RowFeed::Batch::Account() {
  feed_.stats_.changes_logged += logged() - std::exchange(counted_, logged());
  for (const auto& [table, now] : writer_.stats().tables) {
    const CutWriter::TableStats before = std::exchange(accounted_[table], now);
    feed_.stats_.tables.Add(table,
                            {.read = now.seen - before.seen, .captured = now.news - before.news});
  }
}

}  // namespace syncline::capture
