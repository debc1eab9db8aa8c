#include "tools/check/check_privacy.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "engine/base/private_folder.h"
#include "engine/log/log_care.h"
#include "engine/log/log_catalog.h"
#include "engine/sql/sql_dialect.h"
#include "tools/config/expansion.h"

namespace syncline::cli {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kOthersRead = 0004;

std::string ContentOf(const fs::path& file) {
  std::ostringstream content;
  content << std::ifstream(file, std::ios::binary).rdbuf();
  return content.str();
}

mode_t Umask() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return mask;
}

// A server asks for more than a user of its machine.
bool IsPrivate(const sql::DatabaseUrl& url) {
  return !sql::DialectOf(url.dialect).can().is_file || !IsReadableByAll(url.connection);
}

}  // namespace

void CheckSecrets(const Config& config, CheckReport& report) {
  const bool holds_secret = std::ranges::any_of(config.databases, &DatabaseConfig::holds_secret);
  if (holds_secret && IsReadableByAll(config.file)) {
    report.Warn(config.file, "holds a password, and all users of this machine can read it",
                fmt::format("chmod go= {}; or take the password from the environment, ${{NAME}}, "
                            "or from a file, ${{file:/path}}",
                            config.file));
  }
  std::set<fs::path> files;
  for (const fs::path& file : FilesReferredTo(ContentOf(config.file))) {
    if (!IsReadableByAll(file) || !files.insert(file).second) continue;
    report.Warn(config.file,
                fmt::format("takes a secret from {}, which all users of this machine can read",
                            file.string()),
                fmt::format("chmod o-r {}", file.string()));
  }
}

void CheckTargetPrivacy(const std::string& subject, const sql::DatabaseUrl& source,
                        const sql::DatabaseUrl& target, CheckReport& report) {
  if (!sql::DialectOf(target.dialect).can().is_file || !IsPrivate(source)) return;
  const fs::path file(target.connection);
  std::error_code error;
  if (fs::exists(file, error)) {
    if (!IsReadableByAll(file)) return;
    report.Warn(subject,
                fmt::format("all users of this machine can read {}, a copy of what not all can",
                            target.display),
                fmt::format("chmod o-r {}; or chmod o-x its folder", file.string()));
  } else if ((Umask() & kOthersRead) == 0 && CanAllReach(file)) {
    report.Warn(subject,
                fmt::format("all users of this machine will be able to read {}, a copy of what not "
                            "all can",
                            target.display),
                "run syncline with umask 077, or chmod o-x the file's folder");
  }
}

void CheckLogPrivacy(const std::string& subject, const LogPlace& log, CheckReport& report) {
  if (!log.care().IsOpenToOthers()) return;
  report.Warn(subject, fmt::format("other users may look into {}", log.Describe()),
              fmt::format("the next `syncline run` takes the right from them; at once: "
                          "chmod -R go= {}",
                          log.Describe()));
}

}  // namespace syncline::cli
