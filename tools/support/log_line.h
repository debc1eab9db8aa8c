#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/log/logged_change.h"
#include "tools/support/terminal.h"
#include "tools/support/value_json.h"

namespace syncline::cli {

// Which changes `log cat` shows; an empty filter passes all. Plain value type.
struct ChangeFilter {
  std::string table;  // as TableName::ToString() writes it, or the name without its schema
  std::vector<std::string> key;  // the key's values as text, in key order; empty: any
};

// Whether it is one of that table, or there is no table in the filter.
bool PassesTable(const ChangeFilter& filter, const TableName& table);
bool Passes(const ChangeFilter& filter, const LoggedChange& logged);

// {"offset", "op", "table", "key", "row", "version", "previous", "closes_cut", "frame",
// "written_at"}; row is null for a deletion, table, key and row for a mark, what is not known any
// more for a state of the base, which has the log's "folded_at" besides.
Json LineJson(const LoggedChange& logged);
// The same as text, without the columns of `omit`.
std::string LineWithout(const LoggedChange& logged, const std::vector<std::string>& omit);
// The same for people, in one line.
StyledText LineText(const LoggedChange& logged);

std::string_view OpName(Op op);  // "upsert", "delete", "mark"

}  // namespace syncline::cli
