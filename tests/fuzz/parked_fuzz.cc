// Any bytes as what a target keeps of a parked change: u8 n, n bytes of a schema, then the step;
// and the step's bytes as the image of a row, too. Others may write to that table.
#include <string_view>

#include "apply/batch/quarantined_change.h"
#include "apply/plan/taken_columns.h"
#include "apply/state/row_image.h"
#include "engine/model/row_shape.h"
#include "tests/fuzz/fuzz_target.h"

namespace syncline::fuzz {
namespace {

using apply::QuarantinedChange;

void Check(const QuarantinedChange& step) {
  SYNCLINE_CHECK(RowShape::OfKeys(*step.schema).Fits(step.change.key));
  SYNCLINE_CHECK(step.deletion || RowShape::OfRows(*step.schema).Fits(step.change.row));
  UseRow(step.change.key);
  UseRow(step.change.row);
  const std::string bytes = apply::EncodeStep(step);
  SYNCLINE_CHECK_EQ(apply::EncodeStep(apply::DecodeStep(bytes, step.schema)), bytes);
  if (step.deletion) return;
  const std::string image = apply::RowImage(step.schema->columns, step.change.row);
  SYNCLINE_CHECK_EQ(apply::ParseRowImage(step.schema->columns, image).size(),
                    step.schema->columns.size());
}

// A pipeline that takes every other column.
void Cut(const QuarantinedChange& step) {
  apply::TableMapping mapping{.source = step.schema->table,
                              .target = step.schema->table,
                              .conflict = apply::ConflictRule::kSourceWins};
  for (size_t i = 1; i < step.schema->columns.size(); i += 2) {
    mapping.omit.push_back(step.schema->columns[i].name);
  }
  const auto plan = Decoded([&] { return apply::PlanTable(step.schema, mapping); });
  if (!plan) return;
  const apply::TakenColumns taken(*plan);
  for (const std::string& omitted : mapping.omit) {
    SYNCLINE_CHECK(omitted.empty() || taken.schema()->Find(omitted) < 0);
  }
  Check(taken.Of(step));
}

void Try(std::string_view schema_bytes, std::string_view step_bytes) {
  const auto schema = Decoded([&] { return DecodeSchema(schema_bytes); });
  if (!schema) return;
  const auto shared = std::make_shared<const TableSchema>(*schema);
  Decoded([&] { return apply::ParseRow(schema->columns, std::string(step_bytes)); });
  const auto step = Decoded([&] { return apply::DecodeStep(step_bytes, shared); });
  if (!step) return;
  Check(*step);
  Check(apply::Joined(*step, *step));
  Cut(*step);
}

TableSchema People() {
  TableSchema schema;
  schema.table = {"public", "people"};
  schema.columns = {{"id", Type::kInt, "bigint", false},
                    {"ssn", Type::kText, "text", true},
                    {"name", Type::kText, "text", true},
                    {"updated_at", Type::kTimestampTz, "timestamptz", false}};
  schema.key = {0};
  schema.cursor = 3;
  return schema;
}

QuarantinedChange Upsert() {
  QuarantinedChange step{.schema = std::make_shared<const TableSchema>(People()), .change = {}};
  apply::RowChange& change = step.change;
  change.row.Append(ValueView::Int(7));
  change.row.Append(ValueView::Text("secret"));
  change.row.Append(ValueView::Null());
  change.row.Append(ValueView::TimestampTz(5));
  change.key.Append(ValueView::Int(7));
  change.version = Value(ValueView::TimestampTz(5));
  change.previous = Value(ValueView::TimestampTz(4));
  change.passed = {Value(ValueView::TimestampTz(3)), Value()};
  change.passed_up_to = Value(ValueView::TimestampTz(2));
  change.offset = Offset(9);
  return step;
}

void AddSeed(const std::string& name, const QuarantinedChange& step, std::vector<Seed>& seeds) {
  const std::string schema = EncodeSchema(*step.schema);
  SYNCLINE_CHECK(schema.size() <= UINT8_MAX);
  seeds.push_back({name, static_cast<char>(schema.size()) + schema + apply::EncodeStep(step)});
}

}  // namespace

std::vector<Seed> Seeds() {
  std::vector<Seed> seeds;
  QuarantinedChange step = Upsert();
  AddSeed("upsert", step, seeds);
  step.left_out = 3;
  AddSeed("left_out", step, seeds);
  apply::TableMapping mapping{.source = step.schema->table,
                              .target = step.schema->table,
                              .omit = {"updated_at", "ssn"},
                              .conflict = apply::ConflictRule::kSourceWins};
  AddSeed("without_cursor",
          apply::TakenColumns(apply::PlanTable(step.schema, mapping)).Of(Upsert()), seeds);
  step = Upsert();
  step.deletion = true;
  step.change.row = Row();
  AddSeed("deletion", step, seeds);
  const std::string schema = EncodeSchema(*step.schema);
  seeds.push_back({"image", static_cast<char>(schema.size()) + schema +
                                R"({"id":7,"ssn":"s","name":null,"updated_at":"2000-01-01"})"});
  return seeds;
}

}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  const size_t schema = std::min<size_t>(input.size() - 1, static_cast<uint8_t>(input[0]));
  syncline::fuzz::Try(input.substr(1, schema), input.substr(1 + schema));
  return 0;
}
