#include "tools/commands/invocation.h"

#include "engine/base/logger.h"
#include "tools/support/stderr_logger.h"

namespace syncline::cli {

std::shared_ptr<Logger> Invocation::NewLogger(std::string_view usual) const {
  const std::string_view level = !log_level.empty() ? log_level : verbose ? "debug" : usual;
  return StderrLogger(level, logs_json() ? LogForm::kJson : LogForm::kText);
}

void Invocation::Print(const Json& json) const { Out().Line(Dump(json)); }

}  // namespace syncline::cli
