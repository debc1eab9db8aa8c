#include "tools/service/log_privacy.h"

#include <string>

#include "engine/base/error.h"
#include "engine/base/log_text.h"
#include "engine/log/log_care.h"
#include "engine/log/log_catalog.h"

namespace syncline::cli {
namespace {

template <typename Keep>
void Tighten(const std::string& folder, spdlog::logger& logger, Keep&& keep) {
  try {
    if (!keep()) return;
    logger.warn(
        LogText("other users could look into this folder, now they cannot folder={}", folder));
  } catch (const Error& error) {
    logger.debug(
        LogText("a folder is left as it is folder={} error=\"{}\"", folder, error.message()));
  }
}

}  // namespace

void KeepPrivate(const LogPlace& log, spdlog::logger& logger) {
  Tighten(log.Describe(), logger, [&] { return log.care().KeepPrivate(); });
}

void KeepPrivate(const Plan& plan, spdlog::logger& logger) {
  Tighten(plan.logs->Describe(), logger, [&] { return plan.logs->KeepPrivate(); });
  for (const SourcePlan& source : plan.sources) KeepPrivate(*source.log, logger);
}

}  // namespace syncline::cli
