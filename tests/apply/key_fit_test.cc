#include "apply/plan/key_fit.h"

#include <gtest/gtest.h>

namespace syncline::apply {
namespace {

using Form = KeyFit::Form;

bool Holds(Form form, const char* text, size_t length = 0, Type type = Type::kText) {
  return HoldsKey({.kind = KeyFit::Kind::kForms, .form = form, .length = length, .type = type},
                  ValueView::Text(text));
}

TEST(KeyFitTest, BlanksThatATypeDoesNotKeep) {
  EXPECT_TRUE(Holds(Form::kPadded, "x"));
  EXPECT_FALSE(Holds(Form::kPadded, "x "));
  EXPECT_TRUE(Holds(Form::kNoBlanks, "ab ", 3));
  EXPECT_FALSE(Holds(Form::kNoBlanks, "ab  ", 3));
  EXPECT_TRUE(Holds(Form::kNoBlanks, "\xc3\xa4\xc3\xb6 ", 3)) << "characters, not bytes";
  EXPECT_TRUE(Holds(Form::kNoBlanks, "abcd", 3)) << "refused by the database";
}

// Fails when a text is kept whose number has another text: the two would be one row.
TEST(KeyFitTest, TextsThatBecomeNumbers) {
  for (const char* text : {"1", "0", "-7", "9007199254740993", "9223372036854775807", "abc", "1a",
                           "", "-", "2026-01-31", "0x10", "1e", "."}) {
    EXPECT_TRUE(Holds(Form::kNumber, text)) << text;
  }
  for (const char* text :
       {"01", "1.0", "+1", " 1", "1 ", "1e3", "-0", ".5", "1.5", "9223372036854775808"}) {
    EXPECT_FALSE(Holds(Form::kNumber, text)) << text;
  }
  const auto decimal = [](const char* text) {
    return Holds(Form::kCanonical, text, 0, Type::kDecimal);
  };
  for (const char* text : {"1", "1.50", "0.5", "-7", "123456789012345678901234567890"}) {
    EXPECT_TRUE(decimal(text)) << text;
  }
  for (const char* text : {"01", "+1", ".5", "1.", "1e3", "-0", "-0.0", " 1"}) {
    EXPECT_FALSE(decimal(text)) << text;
  }
  EXPECT_TRUE(Holds(Form::kCanonical, "12", 0, Type::kInt));
  EXPECT_FALSE(Holds(Form::kCanonical, "012", 0, Type::kInt));
}

TEST(KeyFitTest, TextsThatBecomeOtherValues) {
  const auto holds = [](Type type, const char* text) {
    return Holds(Form::kCanonical, text, 0, type);
  };
  EXPECT_TRUE(holds(Type::kUuid, "00000000-0000-0000-0000-0000000000ff"));
  EXPECT_FALSE(holds(Type::kUuid, "00000000-0000-0000-0000-0000000000FF"));
  EXPECT_TRUE(holds(Type::kDate, "2026-01-31"));
  EXPECT_FALSE(holds(Type::kDate, "2026-1-31"));
}

}  // namespace
}  // namespace syncline::apply
