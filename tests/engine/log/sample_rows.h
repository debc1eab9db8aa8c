#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/log/change_log.h"
#include "engine/log/cut_writer.h"
#include "engine/log/log_reader.h"
#include "tests/support/temp_folder.h"

namespace syncline {

inline constexpr char kSource[] = "postgresql://test/shop";

// A table (id, name, updated_at); key id, cursor updated_at.
inline std::shared_ptr<const TableSchema> ItemsTable(std::string name = "items") {
  TableSchema schema;
  schema.table = {"public", std::move(name)};
  schema.columns = {{"id", Type::kInt, "bigint", false},
                    {"name", Type::kText, "text", true},
                    {"updated_at", Type::kTimestampTz, "timestamptz", false}};
  schema.key = {0};
  schema.cursor = 2;
  return std::make_shared<const TableSchema>(std::move(schema));
}

inline Row ItemKey(int64_t id) {
  Row key;
  key.Append(ValueView::Int(id));
  return key;
}

inline Row Item(int64_t id, std::string_view name, int64_t updated_at) {
  Row row;
  row.Append(ValueView::Int(id));
  row.Append(ValueView::Text(name));
  row.Append(ValueView::TimestampTz(updated_at));
  return row;
}

inline Value Stamp(int64_t updated_at) { return Value(ValueView::TimestampTz(updated_at)); }

// `count` changes of items from `first_id` on, as one frame.
inline FrameDraft ItemsDraft(int64_t first_id, int count, std::string cursor = "cursor",
                             bool closes_cut = true, std::string_view name = "name") {
  FrameDraft draft{.tables = {ItemsTable()}, .cursor = std::move(cursor), .closes_cut = closes_cut};
  for (int64_t id = first_id; id < first_id + count; ++id) {
    Row row = Item(id, name, id);
    draft.fingerprints.push_back(row.fingerprint());
    draft.changes.push_back({.row = std::move(row), .version = Stamp(id)});
  }
  return draft;
}

// A cursor of many lines, of which a few differ from one number to the next: too long for every
// frame to have it whole.
inline std::string LongCursor(uint64_t number) {
  std::string cursor;
  for (uint64_t line = 0; line < 60; ++line) {
    const uint64_t seen = line < 5 ? number : number / (line * 7 + 1);
    cursor += "table " + std::to_string(line) + " seen up to " + std::to_string(seen) + "\n";
  }
  return cursor;
}

// Everything the reader delivers until it says "nothing yet".
inline std::vector<Frame> Drain(LogReader& reader) {
  std::vector<Frame> frames;
  while (std::optional<Frame> frame = reader.Next()) frames.push_back(*std::move(frame));
  return frames;
}

// The Error that `body` throws; a failure of the test if it throws none.
template <typename Body>
Error ErrorOf(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no Error was thrown";
  return Error(Reaction::kStop, Cause::kRuntime, "no Error was thrown");
}

// Invariant 2 over frames that were read in a row: dense from `base` on, chained by hash.
inline void ExpectChain(const std::vector<Frame>& frames, Offset base, uint64_t previous_hash) {
  for (const Frame& frame : frames) {
    ASSERT_EQ(frame.header.base, base);
    ASSERT_EQ(frame.header.previous_hash, previous_hash);
    ASSERT_EQ(frame.header.count, frame.changes.size());
    base = frame.header.end();
    previous_hash = frame.header.hash;
  }
}

}  // namespace syncline
