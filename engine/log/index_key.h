#pragma once

#include <string>

#include "engine/model/row.h"

namespace syncline {

// Appends the form of `key` under which the RowIndex stores it. Its bytes order as the keys' values
// do, column by column, so that a load in key order fills the index from one end to the other,
// which RocksDB does several times faster than in random order, and a range of keys is one range of
// the index. (Decimals order as text: different keys stay different, no more.) Two keys have the
// same bytes only if they are the same row. Private to engine/log; the form is in FORMAT.md.
void AppendIndexKey(const Row& key, std::string& out);

}  // namespace syncline
