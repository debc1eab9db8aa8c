#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "capture/cursor/guarantee.h"
#include "engine/base/clock.h"
#include "engine/model/schema.h"

namespace syncline::capture {

// The tables that a stored cursor tells of; none for one that cannot be read.
std::set<TableName> TablesOf(const std::string& cursor);

// Of those the ones whose rows in the log have yet to be looked for on the source, since nothing
// tells of all their deletions: some of the rows may be gone.
std::set<TableName> TablesOwingDeletions(const std::string& cursor);

// Of each table that has any, how many rows stay at the source, since they are too large or cannot
// be read.
std::map<TableName, uint64_t> RowsSetAside(const std::string& cursor);

// The source's clock when the poll began that a stored cursor comes of; nothing for one that does
// not tell. Does not parse the whole cursor.
std::optional<WallTime> SourceTimeOf(const std::string& cursor);

// What capture promises, by table, as far as a cursor that is stored in the log tells; nothing for
// one that cannot be read.
std::map<std::string, Guarantee> Guarantees(const std::string& cursor);

// A row of the source that is too large to be captured.
struct LargeRow {
  TableName table;
  std::string key;  // its values, for people
  uint64_t bytes = 0;
  bool operator==(const LargeRow&) const = default;
};
// Those that a cursor tells of, by table and key; nothing for one that cannot be read.
std::vector<LargeRow> LargeRowsOf(const std::string& cursor);

// A row that the source cannot give, and why.
struct UnreadableRow {
  TableName table;
  std::string key;  // its values, for people
  std::string why;
  bool operator==(const UnreadableRow&) const = default;
};
// Those that a cursor tells of, as LargeRowsOf.
std::vector<UnreadableRow> UnreadableRowsOf(const std::string& cursor);

// A human-readable account of a cursor that is stored in the log: for `log cat`, `status` and
// `offsets`.
std::string DescribeCursor(const std::string& cursor);

}  // namespace syncline::capture
