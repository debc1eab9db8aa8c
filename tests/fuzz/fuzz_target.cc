#include "tests/fuzz/fuzz_target.h"

#include "engine/log/ordered_key.h"
#include "engine/model/value_text.h"
#include "tests/engine/log/format_dump.h"

namespace syncline::fuzz {

void UseRow(const Row& row) {
  Row again;
  size_t index = 0;
  for (const ValueView value : row) {
    SYNCLINE_CHECK(value == row[index++]);
    SYNCLINE_CHECK(Value(value).view() == value);
    SYNCLINE_CHECK(CompareValues(value, value) == std::strong_ordering::equal);
    std::string key, text;
    AppendOrdered(value, key);
    if (!value.is_null()) AppendText(value, text);
    again.Append(value);
  }
  SYNCLINE_CHECK_EQ(index, row.size());
  SYNCLINE_CHECK(again == row);
  SYNCLINE_CHECK(again.fingerprint() == row.fingerprint());
}

std::string FormatExample(const std::string& heading) { return ReadFormatDump(FORMAT_MD, heading); }

}  // namespace syncline::fuzz
