#include "engine/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace syncline::internal {

void CheckFailed(const char* file, int line, const char* condition, const std::string& values) {
  std::fprintf(stderr, "%s:%d: invariant broken: %s %s\n", file, line, condition, values.c_str());
  std::abort();
}

}  // namespace syncline::internal
