#include "engine/model/cursor_delta.h"

#include <gtest/gtest.h>

#include <random>

#include "engine/base/error.h"

namespace syncline {
namespace {

std::string Lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::string ThereAndBack(const std::string& before, const std::string& after) {
  return ApplyCursorDelta(before, MakeCursorDelta(before, after));
}

TEST(CursorDeltaTest, GivesBackWhateverItIsMadeOf) {
  const std::string texts[] = {"", "a", "a\n", "\n", "a\nb", "a\nb\n", "b\na\n", "a\na\na\n",
                               std::string("\0\xff\n", 3), "x\ny\nz\n", "x\nz\n"};
  for (const std::string& before : texts) {
    for (const std::string& after : texts) EXPECT_EQ(ThereAndBack(before, after), after);
  }
}

TEST(CursorDeltaTest, GivesBackRandomLines) {
  std::mt19937 random(7);
  const auto below = [&](int n) { return static_cast<int>(random() % n); };
  std::vector<std::string> lines;
  for (int i = 0; i < 2'000; ++i) {
    const std::vector<std::string> before = lines;
    for (int edits = below(4); edits > 0; --edits) {
      const auto at = lines.begin() + below(static_cast<int>(lines.size()) + 1);
      if (below(3) == 0 || at == lines.end()) {
        lines.insert(at, std::to_string(below(50)));
      } else if (below(2) == 0) {
        lines.erase(at);
      } else {
        *at = std::to_string(below(50));
      }
    }
    ASSERT_EQ(ThereAndBack(Lines(before), Lines(lines)), Lines(lines)) << i;
  }
}

TEST(CursorDeltaTest, IsAsLongAsTheLinesThatChange) {
  std::vector<std::string> lines;
  for (int i = 0; i < 3'000; ++i) lines.push_back("table " + std::to_string(i) + " loaded");
  const std::string before = Lines(lines);
  EXPECT_EQ(MakeCursorDelta(before, before), "");
  lines[10] = lines[2'000] = "changed";
  lines.back() = "the last one, too";
  EXPECT_LT(MakeCursorDelta(before, Lines(lines)).size(), 60);
  lines.erase(lines.begin() + 500, lines.begin() + 600);
  lines.insert(lines.begin() + 1'000, "new");
  EXPECT_LT(MakeCursorDelta(before, Lines(lines)).size(), 80);
}

// Every byte changed, every cut: an error or some text, and never more than both together.
TEST(CursorDeltaTest, BytesThatAreNoDeltaAreDamageOrBounded) {
  const std::string before = "one\ntwo\nthree\nfour\n", after = "one\n2\nthree\nand\nfour\n";
  const std::string delta = MakeCursorDelta(before, after);
  const auto apply = [&](const std::string& bytes) {
    try {
      EXPECT_LE(ApplyCursorDelta(before, bytes).size(), before.size() + bytes.size());
    } catch (const Error& error) {
      EXPECT_EQ(error.reaction(), Reaction::kDamage);
    }
  };
  for (size_t i = 0; i < delta.size(); ++i) {
    apply(delta.substr(0, i));
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = delta;
      changed[i] = static_cast<char>(byte);
      apply(changed);
    }
  }
  EXPECT_THROW(ApplyCursorDelta("short\n", MakeCursorDelta(before, before + "more\n")), Error);
}

}  // namespace
}  // namespace syncline
