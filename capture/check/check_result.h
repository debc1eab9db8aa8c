#pragma once

#include <string>

#include "engine/base/error.h"

namespace syncline::capture {

// One line of `syncline check` about the source. Plain value type.
struct CheckResult {
  enum class Level { kPass, kWarn, kFail };
  Level level = Level::kPass;
  std::string subject;  // "shop", "shop public.items"
  std::string message;
  std::string hint;             // what to do; empty for kPass
  Cause cause = Cause::kUsage;  // of a kFail
};

}  // namespace syncline::capture
