#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/log/frame_draft.h"
#include "engine/log/places.h"

namespace syncline {

// Changes on their way into one frame, with their keys, so that a key that comes again before the
// frame is written finds its latest state. Private to engine/log. Threads: one.
class PendingFrame {
 public:
  bool empty() const { return draft_.changes.empty(); }
  // About what the changes will take, uncompressed.
  size_t bytes() const { return bytes_; }

  void Add(const std::shared_ptr<const TableSchema>& table, Row key, Change change,
           Fingerprint fingerprint);

  struct State {
    const Change& change;
    const Fingerprint& fingerprint;
  };
  // The last change of that key in here.
  std::optional<State> Find(const TableName& table, const Row& key) const;

  // Moves everything of `other`, which is later, behind what is here.
  void Absorb(PendingFrame& other);
  // Gives up what is here; empty afterwards.
  FrameDraft Take();

 private:
  uint32_t Slot(const std::shared_ptr<const TableSchema>& table);
  bool IsOf(uint32_t number, const TableName& table, const Row& key) const;

  FrameDraft draft_;
  std::vector<Row> keys_;  // parallel to draft_.changes
  Places places_;          // of each key's last change in draft_.changes
  size_t bytes_ = 0;
};

}  // namespace syncline
