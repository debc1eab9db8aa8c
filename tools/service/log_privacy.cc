#include "tools/service/log_privacy.h"

#include <string>

#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/log/log_care.h"
#include "engine/log/log_catalog.h"

namespace syncline::cli {
namespace {

template <typename Keep>
void Tighten(const std::string& folder, Logger& logger, Keep&& keep) {
  try {
    if (!keep()) return;
    logger.Warn("other users could look into this folder, now they cannot folder={}", folder);
  } catch (const Error& error) {
    logger.Debug("a folder is left as it is folder={} error=\"{}\"", folder, error.message());
  }
}

}  // namespace

void KeepPrivate(const LogPlace& log, Logger& logger) {
  Tighten(log.Describe(), logger, [&] { return log.care().KeepPrivate(); });
}

void KeepPrivate(const Plan& plan, Logger& logger) {
  Tighten(plan.logs->Describe(), logger, [&] { return plan.logs->KeepPrivate(); });
  for (const SourcePlan& source : plan.sources) KeepPrivate(*source.log, logger);
}

}  // namespace syncline::cli
