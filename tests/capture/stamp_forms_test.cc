#include "capture/cursor/stamp_forms.h"

#include <gtest/gtest.h>

namespace syncline::capture {
namespace {

using Scan = StampForms::Scan;

StampForms FormsOf(const std::vector<ValueView>& values) {
  StampForms forms;
  for (const ValueView value : values) forms.Add(value);
  EXPECT_EQ(StampForms::Of(forms.names()), forms);
  return forms;
}

TEST(StampFormsTest, OneFormIsARangeOfTheIndex) {
  using View = ValueView;
  EXPECT_EQ(FormsOf({}).scan(), Scan::kRange);
  EXPECT_EQ(FormsOf({View::Text("2026-01-02 10:00:00"), View::Text("2026-01-02 10:00:00.5"),
                     View::Text("2026-01-02 10:00:00.000000+00")})
                .scan(),
            Scan::kRange);
  EXPECT_EQ(FormsOf({View::Int(0), View::Int(1767348000), View::Double(1767348000.5)}).scan(),
            Scan::kRange);
  EXPECT_EQ(FormsOf({View::Text("v01"), View::Text("v02")}).scan(), Scan::kRange);
}

// A counter goes through numbers that could be days, and beyond.
TEST(StampFormsTest, ACounterIsNoTime) {
  const StampForms forms = FormsOf({ValueView::Int(1), ValueView::Int(19'000'101),
                                    ValueView::Int(99'999'999), ValueView::Int(123'456'789)});
  EXPECT_EQ(forms.scan(), Scan::kRange);
  EXPECT_FALSE(forms.are_moments());
}

// Fails for each unit that no longer counts as one: what is written in it would not be looked for.
TEST(StampFormsTest, NumbersInTwoUnitsAreNoCounter) {
  for (const int64_t stamp : {1767348000000, 1767348000000000, 1767348000000000000}) {
    EXPECT_EQ(
        FormsOf({ValueView::Int(7), ValueView::Int(1767348000), ValueView::Int(stamp)}).scan(),
        Scan::kAll)
        << stamp;
  }
}

TEST(StampFormsTest, SeveralFormsOfMomentsAreAWindow) {
  using View = ValueView;
  EXPECT_EQ(
      FormsOf({View::Text("2026-01-02T10:00:00+09:00"), View::Text("2026-01-02T10:00:00Z")}).scan(),
      Scan::kWindow);
  EXPECT_EQ(FormsOf({View::Text("2026-01-02T10:00:00"), View::Text("2026-01-02 10:00:00")}).scan(),
            Scan::kWindow);
  EXPECT_EQ(FormsOf({View::Text("2026-01-02 10:00Z"), View::Text("2026-01-02 10:00:00Z")}).scan(),
            Scan::kWindow);
  EXPECT_EQ(FormsOf({View::Text("2026-01-02"), View::Int(1767348000)}).scan(), Scan::kWindow);
  EXPECT_EQ(FormsOf({View::Int(1767348000), View::Int(1767348000000)}).scan(), Scan::kWindow);
}

TEST(StampFormsTest, WhatIsNoMomentMayStandAnywhere) {
  using View = ValueView;
  EXPECT_EQ(FormsOf({View::Text("2026-01-02"), View::Text("unknown")}).scan(), Scan::kAll);
  EXPECT_EQ(FormsOf({View::Text("2026-01-02"), View::Int(7)}).scan(), Scan::kAll);
  EXPECT_EQ(FormsOf({View::Text("1767348000"), View::Text("2026-01-02")}).scan(), Scan::kAll);
  EXPECT_EQ(FormsOf({View::Text("0044-03-15 BC")}).scan(), Scan::kAll);
}

TEST(StampFormsTest, WhatIsNoMomentHasNoPlaceAmongMoments) {
  using View = ValueView;
  const StampForms texts = FormsOf({View::Text("2026-01-02 10:00:00")});
  const StampForms seconds = FormsOf({View::Int(1767348000)});
  for (const char* text : {"hello", "", "2026-W01-5", "01/10/2026 10:00"}) {
    EXPECT_TRUE(texts.Refuses(FormOf(View::Text(text)))) << text;
    EXPECT_TRUE(seconds.Refuses(FormOf(View::Text(text)))) << text;
  }
  EXPECT_TRUE(texts.Refuses(FormOf(View::Int(7))));
  EXPECT_FALSE(seconds.Refuses(FormOf(View::Int(7))));  // perhaps a counter
  EXPECT_FALSE(texts.Refuses(FormOf(View::Int(1767348000))));
  EXPECT_FALSE(texts.Refuses(FormOf(View::Null())));
  EXPECT_FALSE(FormsOf({}).Refuses(FormOf(View::Text("hello"))));
  EXPECT_FALSE(
      FormsOf({View::Text("v01"), View::Text("2026-01-02")}).Refuses(FormOf(View::Text("hello"))));
}

TEST(StampFormsTest, ASampleTellsWhatAColumnHolds) {
  const auto form = [](const char* text) { return FormOf(ValueView::Text(text)); };
  const StampForm moment = form("2026-01-02 10:00:00"), text = form("hello");
  EXPECT_TRUE(StampForms::OfSample({{text, 1}, {moment, 9}}).are_moments());
  EXPECT_FALSE(StampForms::OfSample({{text, 2}, {moment, 9}}).Refuses(text));
  EXPECT_FALSE(StampForms::OfSample({{text, 9}, {moment, 1}}).Refuses(text));
  EXPECT_TRUE(StampForms::OfSample({}).empty());
}

TEST(StampFormsTest, OffsetsWithoutEndAreNotAllRemembered) {
  StampForms forms;
  for (int minute = 0; minute < 60; ++minute) {
    const std::string text =
        "2026-01-02T10:00:00+01:" + std::string(minute < 10 ? "0" : "") + std::to_string(minute);
    forms.Add(ValueView::Text(text));
  }
  EXPECT_LE(forms.names().size(), 8u);
  EXPECT_TRUE(forms.Add(ValueView::Text("unknown")));
  EXPECT_EQ(forms.scan(), Scan::kAll);
}

}  // namespace
}  // namespace syncline::capture
