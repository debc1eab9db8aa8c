#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/log/log_reader.h"
#include "engine/log/retention_policy.h"
#include "tools/support/value_json.h"

namespace syncline::cli {

// A consumer of a log that lacks frames which retention would have folded by their age, and has not
// moved for as long: retention waits for it, and the log grows. Plain value type.
struct IdleConsumer {
  std::string name;
  Offset next;
  std::optional<WallTime> moved_at;  // none: not known
};

// Those of that log; none where retention does not go by age.
std::vector<IdleConsumer> IdleConsumers(LogReader& log,
                                        const std::optional<RetentionPolicy>& policy,
                                        const Clock& clock);

// "replay into sqlite:x.db has stood at offset 5 since 2026-01-31T12:00:00Z, ..", and what to do.
std::string TellIdle(const IdleConsumer& consumer);
std::string IdleHint(const IdleConsumer& consumer);
Json IdleJson(const std::string& source, const IdleConsumer& consumer);

}  // namespace syncline::cli
