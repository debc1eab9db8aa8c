// What each case of a test program reaches, for tests/mutate. SYNCLINE_REACH_CASES names a file
// that gets a line for each case: its name, its milliseconds, and the places in hexadecimal.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdio>

#include "tests/support/reach.h"

namespace syncline::test {
namespace {

class ReachListener : public testing::EmptyTestEventListener {
 public:
  explicit ReachListener(const char* name) : file_(std::fopen(name, "w")) {}
  ~ReachListener() override { std::fclose(file_); }

 private:
  void OnTestStart(const testing::TestInfo&) override { std::ranges::fill(Reached(), 0); }
  void OnTestEnd(const testing::TestInfo& info) override {
    std::fprintf(file_, "%s.%s %lld", info.test_suite_name(), info.name(),
                 static_cast<long long>(info.result()->elapsed_time()));
    for (size_t at = 0; at < Reached().size(); ++at) {
      if (Reached()[at] != 0) std::fprintf(file_, " %zx", at);
    }
    std::fprintf(file_, "\n");
    std::fflush(file_);
  }

  std::FILE* file_;
};

const bool begun = [] {
  const char* name = ::getenv("SYNCLINE_REACH_CASES");
  if (name != nullptr) {
    testing::UnitTest::GetInstance()->listeners().Append(new ReachListener(name));
  }
  return true;
}();

}  // namespace
}  // namespace syncline::test
