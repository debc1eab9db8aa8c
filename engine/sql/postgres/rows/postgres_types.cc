#include "engine/sql/postgres/rows/postgres_types.h"

#include <algorithm>
#include <iterator>

namespace syncline::sql {
namespace {

struct BinaryForm {
  TypeOid type;
  bool is_read = false;
  bool is_sent = false;
  bool is_short = false;
};

// The types that have one. Of any other nothing holds.
constexpr BinaryForm kForms[] = {
    {.type = oid::kBool, .is_read = true, .is_sent = true, .is_short = true},
    {.type = oid::kBytea, .is_read = true, .is_sent = true},
    {.type = oid::kName, .is_read = true, .is_short = true},
    {.type = oid::kInt8, .is_read = true, .is_sent = true, .is_short = true},
    {.type = oid::kInt2, .is_read = true, .is_sent = true, .is_short = true},
    {.type = oid::kInt4, .is_read = true, .is_sent = true, .is_short = true},
    {.type = oid::kText, .is_read = true, .is_sent = true},
    {.type = oid::kOid, .is_read = true, .is_sent = true, .is_short = true},
    {.type = oid::kJson, .is_read = true, .is_sent = true},
    {.type = oid::kFloat4, .is_read = true, .is_sent = true, .is_short = true},
    {.type = oid::kFloat8, .is_read = true, .is_sent = true, .is_short = true},
    {.type = oid::kBpchar, .is_read = true, .is_sent = true},
    {.type = oid::kVarchar, .is_read = true, .is_sent = true},
    {.type = oid::kDate, .is_read = true, .is_sent = true, .is_short = true},
    {.type = oid::kTime, .is_read = true, .is_sent = true, .is_short = true},
    {.type = oid::kTimestamp, .is_read = true, .is_sent = true, .is_short = true},
    {.type = oid::kTimestampTz, .is_read = true, .is_sent = true, .is_short = true},
    {.type = oid::kNumeric, .is_read = true, .is_sent = true, .is_short = true},
    {.type = oid::kUuid, .is_read = true, .is_sent = true, .is_short = true},
    {.type = oid::kJsonb, .is_sent = true},
    {.type = oid::kXid8, .is_read = true, .is_sent = true, .is_short = true},
};

BinaryForm FormOf(TypeOid type) {
  const auto* const found = std::ranges::find(kForms, type, &BinaryForm::type);
  return found == std::end(kForms) ? BinaryForm{.type = type} : *found;
}

}  // namespace

bool ReadsBinary(TypeOid type) { return FormOf(type).is_read; }

bool TakesBinary(TypeOid type) { return FormOf(type).is_sent; }

bool IsShort(TypeOid type) { return FormOf(type).is_short; }

}  // namespace syncline::sql
