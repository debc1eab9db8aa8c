#pragma once

#include "engine/log/log_ref.h"
#include "tools/check/check_report.h"
#include "tools/config/config.h"
#include "tools/config/plan.h"

namespace syncline::cli {

// The configuration file, if a password stands in it, and the files that it takes secrets from:
// warns of those that all users of the machine can read. Files are read, nothing else is asked.
void CheckSecrets(const Config& config, CheckReport& report);

// A SQLite target that all users of the machine can read, or will be able to when it is made with
// this process's umask, though not all can read its source.
void CheckTargetPrivacy(const std::string& subject, const sql::DatabaseUrl& source,
                        const sql::DatabaseUrl& target, CheckReport& report);

// Whether the log, which may be missing, can be trusted and kept from others. Throws
// EnvironmentError if not.
void CheckLogPrivacy(const std::string& subject, const LogPlace& log, CheckReport& report);

}  // namespace syncline::cli
