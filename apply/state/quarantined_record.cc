#include "apply/state/quarantined_record.h"

#include <fmt/format.h>

#include <charconv>

#include "apply/state/own_tables.h"
#include "engine/base/error.h"

namespace syncline::apply {

uint64_t NumberAt(const std::vector<ValueView>& values, size_t column) {
  const ValueView value = values.at(column);
  if (value.type() != Type::kInt || value.as_int() < 0) throw DamageError("a number in it is none");
  return static_cast<uint64_t>(value.as_int());
}

uint64_t Counted(const std::string& text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw DamageError(fmt::format("{} on the target holds something else where a number belongs",
                                  kQuarantineTable),
                      "Somebody else wrote there. Keep a copy of that row, and delete it.");
  }
  return number;
}

std::string_view TextAt(const std::vector<ValueView>& values, size_t column) {
  const ValueView value = values.at(column);
  if (!value.is_null() && value.type() != Type::kText) throw DamageError("a text in it is none");
  return value.as_string();
}

std::string_view BytesAt(const std::vector<ValueView>& values, size_t column) {
  const ValueView value = values.at(column);
  if (value.type() != Type::kBytes) throw DamageError("bytes in it are none");
  return value.as_string();
}

Error ForeignRow(const std::vector<ValueView>& values, std::string_view why) {
  const bool has_id = values.front().type() == Type::kInt;
  const std::string id = has_id ? std::to_string(values.front().as_int()) : "?";
  return DamageError(
      fmt::format("row {} of {} on the target is not one that Syncline writes: {}", id,
                  kQuarantineTable, why),
      "Somebody else wrote there. Keep a copy of the row, and delete it; its change is in the log "
      "at "
      "the row's log_offset: `syncline offsets set PIPELINE LOG_OFFSET` brings it again.");
}

ParkedChange ParkedFrom(const std::vector<ValueView>& values, ParkedSchemas& schemas) {
  const auto text = [&](size_t i) { return std::string(TextAt(values, i)); };
  ParkedChange change{.id = NumberAt(values, 0),
                      .pipeline = text(1),
                      .log_id = text(2),
                      .epoch = NumberAt(values, 3),
                      .source_table = text(5),
                      .target_table = text(6),
                      .reason = text(7),
                      .code = text(8),
                      .parked_at = text(9),
                      .changes = NumberAt(values, 4)};
  if (!values[10].is_null()) change.waiting_for = NumberAt(values, 10);
  auto& schema = schemas[std::string(BytesAt(values, 11))];
  if (!schema) schema = std::make_shared<const TableSchema>(DecodeSchema(BytesAt(values, 11)));
  if (schema->table.ToString() != change.source_table) throw DamageError("it is of another table");
  change.step = DecodeStep(BytesAt(values, 12), schema);
  return change;
}

}  // namespace syncline::apply
