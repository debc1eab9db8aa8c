#include "engine/base/crash_point.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/nearest.h"

namespace syncline {
namespace {

constexpr char kVariable[] = "SYNCLINE_CRASH_AT";

std::atomic<uint64_t> passes_left{0};

uint64_t ParseCount(std::string_view text) {
  uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count == 0) {
    throw UsageError(std::string(kVariable) + ": \"" + std::string(text) +
                         "\" is not how often to pass a crash point",
                     "a number from 1");
  }
  return count;
}

}  // namespace

namespace internal {

size_t armed_crash_point = kCrashPoints.size();

// SIGKILL and not an exit, so that nothing is flushed, closed or destroyed.
void PassArmedCrashPoint() {
  if (passes_left.fetch_sub(1) == 1) ::kill(::getpid(), SIGKILL);
}

}  // namespace internal

void ArmCrashPoint() {
  const char* const value = std::getenv(kVariable);
  if (value == nullptr) return;
  const std::string_view text(value);
  const size_t colon = std::min(text.find(':'), text.size());
  const std::string_view name = text.substr(0, colon);
  const auto point = std::ranges::find(kCrashPoints, name);
  if (point == kCrashPoints.end()) {
    const std::vector<std::string> names(kCrashPoints.begin(), kCrashPoints.end());
    std::string list;
    for (const std::string& known : names) list += (list.empty() ? "" : ", ") + known;
    throw UsageError(std::string(kVariable) + ": there is no crash point \"" + std::string(name) +
                         "\"" + DidYouMean(name, names),
                     "crash points: " + list);
  }
  passes_left = colon == text.size() ? 1 : ParseCount(text.substr(colon + 1));
  internal::armed_crash_point = point - kCrashPoints.begin();
}

}  // namespace syncline
