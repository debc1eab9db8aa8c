#include "capture/plan/cursor_columns.h"

#include <gtest/gtest.h>

#include "engine/base/error.h"

namespace syncline::capture {
namespace {

TEST(CursorColumnsTest, ReadsAColumnOrTwo) {
  const auto read = [](const std::string& text) {
    const CursorColumns columns = CursorColumns::Parse(text);
    return columns.column + "|" + columns.fallback;
  };
  EXPECT_EQ(read("updated_at"), "updated_at|");
  EXPECT_EQ(read("an odd (name)"), "an odd (name)|");
  EXPECT_EQ(read("coalesce"), "coalesce|");
  EXPECT_EQ(read("coalesce(updated_at, created_at)"), "updated_at|created_at");
  EXPECT_EQ(read(" COALESCE (  updated_at,created_at ) "), "updated_at|created_at");
  EXPECT_EQ(read(R"x(coalesce("changed, at", "it's ""so"""))x"), R"(changed, at|it's "so")");
}

TEST(CursorColumnsTest, WhatItWritesItReads) {
  EXPECT_EQ(CursorColumns::Parse("a b").Text(), "a b");
  const CursorColumns odd{.column = "a, b", .fallback = "c\""};
  EXPECT_EQ(odd.Text(), R"(coalesce("a, b", "c"""))");
  EXPECT_EQ(CursorColumns::Parse(odd.Text()).column, odd.column);
  EXPECT_EQ(CursorColumns::Parse(odd.Text()).fallback, odd.fallback);
}

TEST(CursorColumnsTest, OtherExpressionsAreRefused) {
  for (const char* bad : {"coalesce(a)", "coalesce(a, b, c)", "coalesce(a, b", "coalesce(a, now())",
                          "coalesce(a b, c)", "coalesce(a, \"b)", "coalesce(a, b) DESC",
                          "coalesce(a, a)", "coalesce(,)"}) {
    EXPECT_THROW(CursorColumns::Parse(bad), Error) << bad;
  }
}

}  // namespace
}  // namespace syncline::capture
