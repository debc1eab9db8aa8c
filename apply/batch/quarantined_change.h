#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "apply/batch/batch.h"
#include "engine/model/schema.h"

namespace syncline::apply {

// A step that is kept in the quarantine, exactly as it came. Plain value type.
struct QuarantinedChange {
  std::shared_ptr<const TableSchema> schema;
  bool deletion = false;
  RowChange change;
  // Columns of the captured table that are not in `schema`, because the pipeline does not take
  // them: the log has their values, at the change's offset.
  uint32_t left_out = 0;
};

// Everything of the step but its schema, as bytes: a row of values (Row), so that each survives as
// it does in the log. DecodeStep throws DamageError when they are something else, or not a step of
// a table with that schema.
std::string EncodeStep(const QuarantinedChange& step);
QuarantinedChange DecodeStep(std::string_view bytes, std::shared_ptr<const TableSchema> schema);

// What two steps of one key, the one after the other, come to: the step from the state before the
// first to the state after the second, as Collapse makes it of a batch. Pure.
QuarantinedChange Joined(QuarantinedChange first, QuarantinedChange second);

}  // namespace syncline::apply
