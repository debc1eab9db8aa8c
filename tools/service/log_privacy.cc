#include "tools/service/log_privacy.h"

#include "engine/base/error.h"
#include "engine/base/log_text.h"
#include "engine/log/log_privacy.h"

namespace syncline::cli {
namespace {

template <typename Keep>
void Tighten(const std::filesystem::path& folder, spdlog::logger& logger, Keep&& keep) {
  try {
    if (!keep(folder)) return;
    logger.warn(LogText("other users could look into this folder, now they cannot folder={}",
                        folder.string()));
  } catch (const Error& error) {
    logger.debug(LogText("a folder is left as it is folder={} error=\"{}\"", folder.string(),
                         error.message()));
  }
}

}  // namespace

void KeepPrivate(const std::filesystem::path& log_folder, spdlog::logger& logger) {
  Tighten(log_folder, logger, KeepLogPrivate);
}

void KeepPrivate(const Plan& plan, spdlog::logger& logger) {
  Tighten(plan.logs, logger, KeepLogsFolderPrivate);
  for (const SourcePlan& source : plan.sources) KeepPrivate(source.log_folder, logger);
}

}  // namespace syncline::cli
