#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <vector>

#include "sample_rows.h"

namespace syncline {

// What the row index must hold, from nothing but the frames: the last state of every item.
inline std::map<int64_t, IndexEntry> LastStates(ChangeLog& log) {
  std::map<int64_t, IndexEntry> states;
  for (const Frame& frame : Drain(*log.NewReader())) {
    for (size_t i = 0; i < frame.changes.size(); ++i) {
      const Change& change = frame.changes[i];
      states[change.row[0].as_int()] = {.fingerprint = change.row.fingerprint(),
                                        .offset = frame.header.base + i,
                                        .version = change.version,
                                        .deleted = change.op == Op::kDelete};
    }
  }
  return states;
}

// The index against that, for the items 0 to `ids`; there are no others in the log.
inline void ExpectIndexTellsAboutTheFrames(ChangeLog& log, int64_t ids) {
  const std::map<int64_t, IndexEntry> states = LastStates(log);
  std::vector<Row> keys;
  for (int64_t id = 0; id < ids; ++id) keys.push_back(ItemKey(id));
  const auto found = log.Lookup(ItemsTable()->table, keys);
  size_t held = 0;
  for (int64_t id = 0; id < ids; ++id) {
    const auto state = states.find(id);
    const auto expected = state == states.end() ? std::nullopt : std::optional(state->second);
    ASSERT_EQ(found[id], expected) << "item " << id;
    held += expected.has_value();
  }
  ASSERT_EQ(held, states.size());
}

}  // namespace syncline
