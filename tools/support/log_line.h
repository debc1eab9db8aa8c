#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/log/base_reader.h"
#include "engine/model/frame.h"
#include "tools/support/terminal.h"
#include "tools/support/value_json.h"

namespace syncline::cli {

// Which changes `log cat` shows; an empty filter passes all. Plain value type.
struct ChangeFilter {
  std::string table;  // as TableName::ToString() writes it, or the name without its schema
  std::vector<std::string> key;  // the key's values as text, in key order; empty: any
};

// One change of a frame, borrowed from it.
struct LoggedChange {
  const Frame& frame;
  size_t index;
  // Set for the last state of a row in a log's base, in a frame that is made up for it: the states
  // before it were folded.
  const BaseInfo* base = nullptr;

  const Change& change() const { return frame.changes[index]; }
  // Null for a kMark, which belongs to no table.
  const TableSchema* schema() const;
  Offset offset() const { return frame.header.base + index; }
  // True for the last change of a cut: the changes up to here are one snapshot of the source.
  bool closes_cut() const { return frame.header.closes_cut && index + 1 == frame.changes.size(); }
};

// Whether it is one of that table, or there is no table in the filter.
bool PassesTable(const ChangeFilter& filter, const TableName& table);
bool Passes(const ChangeFilter& filter, const LoggedChange& logged);

// {"offset", "op", "table", "key", "row", "version", "previous", "closes_cut", "frame",
// "written_at"}; row is null for a deletion, table, key and row for a mark, what is not known any
// more for a state of the base, which has the log's "folded_at" besides.
Json LineJson(const LoggedChange& logged);
// The same for people, in one line.
StyledText LineText(const LoggedChange& logged);

std::string_view OpName(Op op);  // "upsert", "delete", "mark"

}  // namespace syncline::cli
