#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "apply/batch/quarantined_change.h"

namespace syncline::apply {

// A change that the target refused, or that waits behind one of its key. Plain value type.
struct ParkedChange {
  uint64_t id = 0;
  std::string pipeline;
  std::string log_id;
  uint64_t epoch = 0;
  std::string source_table;
  std::string target_table;
  std::string reason;  // in words, never a value save the key of the row that is in the way
  std::string code;    // the database's own, where it has one
  std::string parked_at;
  std::optional<uint64_t> waiting_for;  // the refused change of the same key; none: it is that
  uint64_t changes = 1;                 // of the log, that this stands for
  QuarantinedChange step;
};

}  // namespace syncline::apply
