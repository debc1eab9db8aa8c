#include "apply/batch/quarantined_change.h"

#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/model/row_shape.h"
#include "engine/model/stamp.h"

namespace syncline::apply {
namespace {

constexpr int64_t kForm = 1;
// The same, and how many columns are left out.
constexpr int64_t kFormWithLeftOut = 2;
constexpr size_t kValues = 9;  // of kForm
constexpr int64_t kLeftOutMax = 1 << 20;
// Of more states than these only the highest version is remembered.
constexpr size_t kPassedMax = 1'000;

Row Values(const std::optional<Value>& value) {
  Row row;
  if (value) row.Append(*value);
  return row;
}

Error NoStep() { return DamageError("the bytes of a parked change are not one of its table"); }

// The one value of a row, or nothing.
std::optional<Value> OnlyOf(std::string_view bytes) {
  const Row row = Row::FromBytes(std::string(bytes));
  if (row.size() == 0) return std::nullopt;
  if (row.size() > 1) throw NoStep();
  return Value(row[0]);
}

// The form is known.
void CheckTypes(const std::vector<ValueView>& values) {
  const bool has_left_out = values[0].as_int() == kFormWithLeftOut;
  if (values.size() != (has_left_out ? kValues + 1 : kValues)) throw NoStep();
  if (values[1].type() != Type::kBool) throw NoStep();
  if (values[2].type() != Type::kInt || values[2].as_int() < 0) throw NoStep();
  for (size_t i = 4; i < kValues; ++i) {
    if (values[i].type() != Type::kBytes) throw NoStep();
  }
  if (!has_left_out) return;
  const ValueView left_out = values[kValues];
  if (left_out.type() != Type::kInt || left_out.as_int() < 1 || left_out.as_int() > kLeftOutMax) {
    throw NoStep();
  }
}

void RaiseTo(std::optional<Value>& highest, const std::optional<Value>& version) {
  if (version && (!highest || CompareStamps(*highest, *version) < 0)) highest = version;
}

// From here on any state up to the highest version known may be the one that is followed.
void Fold(RowChange& change) {
  RaiseTo(change.passed_up_to, change.previous);
  for (Value& version : change.passed) RaiseTo(change.passed_up_to, std::move(version));
  change.previous.reset();
  change.passed.clear();
}

}  // namespace

std::string EncodeStep(const QuarantinedChange& step) {
  const RowChange& change = step.change;
  Row passed;
  for (const Value& version : change.passed) passed.Append(version);
  Row all;
  all.Append(ValueView::Int(step.left_out > 0 ? kFormWithLeftOut : kForm));
  all.Append(ValueView::Bool(step.deletion));
  all.Append(ValueView::Int(static_cast<int64_t>(change.offset.value())));
  all.Append(change.version);
  all.Append(ValueView::Bytes(change.key.bytes()));
  all.Append(ValueView::Bytes(change.row.bytes()));
  all.Append(ValueView::Bytes(Values(change.previous).bytes()));
  all.Append(ValueView::Bytes(passed.bytes()));
  all.Append(ValueView::Bytes(Values(change.passed_up_to).bytes()));
  if (step.left_out > 0) all.Append(ValueView::Int(step.left_out));
  return all.bytes();
}

QuarantinedChange DecodeStep(std::string_view bytes, std::shared_ptr<const TableSchema> schema) {
  const Row all = Row::FromBytes(std::string(bytes));
  std::vector<ValueView> values;
  for (const ValueView value : all) values.push_back(value);
  if (values.empty() || values[0].type() != Type::kInt) throw NoStep();
  if (values[0].as_int() != kForm && values[0].as_int() != kFormWithLeftOut) {
    throw DamageError("a parked change is not in the form that this version writes",
                      "Use the version of Syncline that parked it.");
  }
  CheckTypes(values);
  const TableShapes shapes(*schema);
  QuarantinedChange step{
      .schema = std::move(schema), .deletion = values[1].as_bool(), .change = {}};
  RowChange& change = step.change;
  change.offset = Offset(static_cast<uint64_t>(values[2].as_int()));
  change.version = Value(values[3]);
  change.key = Row::FromBytes(std::string(values[4].as_string()), shapes.keys);
  if (!step.deletion) {
    change.row = Row::FromBytes(std::string(values[5].as_string()), shapes.rows);
    if (Project(change.row, step.schema->key) != change.key) throw NoStep();
  } else if (!values[5].as_string().empty()) {
    throw NoStep();
  }
  change.previous = OnlyOf(values[6].as_string());
  for (const ValueView version : Row::FromBytes(std::string(values[7].as_string()))) {
    change.passed.emplace_back(version);
  }
  change.passed_up_to = OnlyOf(values[8].as_string());
  if (values.size() > kValues) step.left_out = static_cast<uint32_t>(values[9].as_int());
  return step;
}

QuarantinedChange Joined(QuarantinedChange first, QuarantinedChange second) {
  RowChange& from = first.change;
  RowChange& to = second.change;
  const bool folded =
      from.passed_up_to || to.passed_up_to || from.passed.size() + to.passed.size() >= kPassedMax;
  from.passed.push_back(std::move(from.version));
  std::ranges::move(to.passed, std::back_inserter(from.passed));
  RowChange joined{.key = std::move(to.key),
                   .row = std::move(to.row),
                   .version = std::move(to.version),
                   .offset = to.offset,
                   .previous = std::move(from.previous),
                   .passed = std::move(from.passed),
                   .passed_up_to = std::move(from.passed_up_to)};
  RaiseTo(joined.passed_up_to, to.passed_up_to);
  if (folded) Fold(joined);
  return {.schema = std::move(second.schema),
          .deletion = second.deletion,
          .change = std::move(joined),
          .left_out = second.left_out};
}

}  // namespace syncline::apply
