#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>

#include "engine/base/clock.h"
#include "engine/log/log_care.h"

namespace syncline {

// LogCare::Verify, of the log in `folder`. Private to engine/log.
LogVerification VerifyLog(const std::filesystem::path& folder, Clock& clock, std::stop_token stop,
                          const std::function<void(const LogVerification&)>& progress);

}  // namespace syncline
