#pragma once

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "engine/model/value.h"

namespace syncline {

// One value of each type at least, the extremes of all of them.
inline std::vector<ValueView> SampleValues() {
  using namespace std::string_view_literals;
  std::vector<ValueView> values = {
      ValueView::Null(),
      ValueView::Bool(false),
      ValueView::Bool(true),
      ValueView::Double(0.0),
      ValueView::Double(-0.0),
      ValueView::Double(0.1),
      ValueView::Double(std::nan("")),
      ValueView::Double(std::numeric_limits<double>::infinity()),
      ValueView::Double(std::numeric_limits<double>::denorm_min()),
      ValueView::Text(""),
      ValueView::Text("näive 漢字"),
      ValueView::Bytes("\x00\xff"sv),
      ValueView::Bytes(""),
      ValueView::Decimal("1.50"),
      ValueView::Decimal("NaN"),
      ValueView::Uuid("0123456789abcdef"),
      ValueView::Json("{\"a\": 1}"),
      ValueView::Other("{1,2,NULL}"),
  };
  for (const Type type :
       {Type::kInt, Type::kDate, Type::kTime, Type::kTimestamp, Type::kTimestampTz}) {
    for (const int64_t number : {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{300},
                                 kNegativeInfinity, kPositiveInfinity}) {
      values.push_back(ValueView::OfNumber(type, number));
    }
  }
  return values;
}

}  // namespace syncline
