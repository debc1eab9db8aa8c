#include "tools/verify/verify_result.h"

#include <algorithm>

namespace syncline::cli {

std::string_view DifferenceName(Difference difference) {
  switch (difference) {
    case Difference::kMissing:
      return "missing";
    case Difference::kExtra:
      return "extra";
    case Difference::kDiffering:
      return "differing";
  }
  return "";
}

std::string_view WhyName(Why why) {
  switch (why) {
    case Why::kAltered:
      return "altered";
    case Why::kParked:
      return "parked";
    case Why::kKept:
      return "kept";
    case Why::kMissed:
      return "missed";
    case Why::kNoCursor:
      return "no_cursor";
    case Why::kGone:
      return "gone";
  }
  return "";
}

uint64_t VerifiedTable::count(Difference difference) const {
  return static_cast<uint64_t>(std::ranges::count(rows, difference, &DivergentRow::difference));
}

bool VerifiedTable::is_equal() const {
  return rows.empty() && unread == 0 && large.empty() && repeated == 0;
}

bool VerifyResult::equal() const { return std::ranges::all_of(tables, &VerifiedTable::is_equal); }

uint64_t VerifyResult::in_flight() const {
  uint64_t sum = 0;
  for (const VerifiedTable& table : tables) sum += table.in_flight;
  return sum;
}

}  // namespace syncline::cli
