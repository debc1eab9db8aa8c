#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/model/change.h"
#include "engine/model/schema.h"

namespace syncline {

// A frame that is not in a log yet: what its writer says of it. The log adds offset, chain and
// time. Plain value type.
struct FrameDraft {
  std::vector<std::shared_ptr<const TableSchema>> tables;  // what Change::table points into
  std::vector<Change> changes;                             // at least one
  std::vector<Fingerprint> fingerprints;  // one per change: its row's; for the KeyIndex
  std::string cursor;
  bool closes_cut = false;
  bool bulk = false;  // one of many that come one after the other, as in a load
};

}  // namespace syncline
