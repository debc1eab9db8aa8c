#include "apply/parked_step.h"

#include <utility>
#include <vector>

#include "engine/base/error.h"

namespace syncline::apply {
namespace {

constexpr int64_t kForm = 1;
// Of more states than these only the highest version is remembered.
constexpr size_t kPassedMax = 1'000;

Row Values(const std::optional<Value>& value) {
  Row row;
  if (value) row.Append(*value);
  return row;
}

std::optional<Value> FirstOf(std::string_view bytes) {
  const Row row = Row::FromBytes(std::string(bytes));
  if (row.size() == 0) return std::nullopt;
  return Value(row[0]);
}

void RaiseTo(std::optional<Value>& highest, const std::optional<Value>& version) {
  if (version && (!highest || CompareValues(*highest, *version) < 0)) highest = version;
}

// From here on any state up to the highest version known may be the one that is followed.
void Fold(RowChange& change) {
  RaiseTo(change.passed_up_to, change.previous);
  for (Value& version : change.passed) RaiseTo(change.passed_up_to, std::move(version));
  change.previous.reset();
  change.passed.clear();
}

}  // namespace

std::string EncodeStep(const ParkedStep& step) {
  const RowChange& change = step.change;
  Row passed;
  for (const Value& version : change.passed) passed.Append(version);
  Row all;
  all.Append(ValueView::Int(kForm));
  all.Append(ValueView::Bool(step.deletion));
  all.Append(ValueView::Int(static_cast<int64_t>(change.offset.value())));
  all.Append(change.version);
  all.Append(ValueView::Bytes(change.key.bytes()));
  all.Append(ValueView::Bytes(change.row.bytes()));
  all.Append(ValueView::Bytes(Values(change.previous).bytes()));
  all.Append(ValueView::Bytes(passed.bytes()));
  all.Append(ValueView::Bytes(Values(change.passed_up_to).bytes()));
  return all.bytes();
}

ParkedStep DecodeStep(std::string_view bytes, std::shared_ptr<const TableSchema> schema) {
  const Row all = Row::FromBytes(std::string(bytes));
  std::vector<ValueView> values;
  for (const ValueView value : all) values.push_back(value);
  if (values.size() != 9 || values[0] != ValueView::Int(kForm)) {
    throw DamageError("a parked change is not in the form that this version writes",
                      "Use the version of Syncline that parked it.");
  }
  ParkedStep step{.schema = std::move(schema), .deletion = values[1].as_bool(), .change = {}};
  RowChange& change = step.change;
  change.offset = Offset(static_cast<uint64_t>(values[2].as_int()));
  change.version = Value(values[3]);
  change.key = Row::FromBytes(std::string(values[4].as_string()));
  change.row = Row::FromBytes(std::string(values[5].as_string()));
  change.previous = FirstOf(values[6].as_string());
  for (const ValueView version : Row::FromBytes(std::string(values[7].as_string()))) {
    change.passed.emplace_back(version);
  }
  change.passed_up_to = FirstOf(values[8].as_string());
  return step;
}

ParkedStep Joined(ParkedStep first, ParkedStep second) {
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
  return {
      .schema = std::move(second.schema), .deletion = second.deletion, .change = std::move(joined)};
}

}  // namespace syncline::apply
