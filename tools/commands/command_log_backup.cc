#include <fmt/format.h>

#include <vector>

#include "engine/base/error.h"
#include "engine/log/log_catalog.h"
#include "tools/commands/log_commands.h"
#include "tools/control/log_control.h"
#include "tools/service/log_privacy.h"
#include "tools/status/pipeline_status.h"

namespace syncline::cli {
namespace {

namespace fs = std::filesystem;

// A writer that has the lock and does not listen yet, or does not listen any more.
constexpr int kTries = 30;
constexpr Microseconds kTryAgain = std::chrono::milliseconds(100);

LogBackup BackupWithoutWriter(const LogPlace& log, const fs::path& into, Clock& clock) {
  const std::string source = log.OpenReader(clock)->info().source;
  return log.Open(source, clock)->Backup(into);
}

LogBackup MakeBackup(const LogPlace& log, const fs::path& into, const sql::WaitLimits& limits,
                     Clock& clock) {
  for (int tries = 1;; ++tries) {
    if (const std::optional<LogBackup> made = OrderBackup(log, into, limits)) return *made;
    try {
      return BackupWithoutWriter(log, into, clock);
    } catch (const Error& error) {
      if (error.exit_code() != 3 || tries == kTries) throw;
    }
    clock.Sleep(kTryAgain, {});
  }
}

int Backup(const Invocation& invocation, const std::vector<std::string>& words) {
  const Config config = invocation.Load();
  const std::string source = ChooseSource(config, words.size() > 1 ? words.front() : "");
  const fs::path into = fs::absolute(words.back()).lexically_normal();
  KeepPrivate(*config.Log(source), *invocation.NewLogger("warn"));
  SystemClock clock;
  const LogBackup made = InContext(fmt::format("the log of \"{}\"", source), [&] {
    return MakeBackup(*LogOf(config, source), into, config.Database(source).url.limits, clock);
  });
  if (invocation.json) {
    invocation.Print({{"source", source},
                      {"into", into.string()},
                      {"next", made.next.value()},
                      {"bytes", made.bytes},
                      {"linked_bytes", made.linked_bytes}});
    return 0;
  }
  std::string how = "copied";
  if (made.linked_bytes > 0) {
    how = FormatBytes(made.linked_bytes) + " of them in files shared with the log";
  }
  invocation.Out().Line(fmt::format("{} backed up to offset {} into {}: {}, {}", source,
                                    FormatCount(made.next.value()), into.string(),
                                    FormatBytes(made.bytes), how));
  return 0;
}

}  // namespace

void AddLogBackup(Command& log, const Invocation& invocation) {
  auto words = std::make_shared<std::vector<std::string>>();
  Command& backup = log.AddCommand("backup", "Copy a log while it is written");
  backup.AddOption("where", *words, "Source database, if there is more than one; the new folder")
      .Required()
      .Takes(1, 2)
      .Type("[DB] DIR");
  backup.Footer(
      R"(Where a capture runs, that process makes the copy: as its user, and on its machine.
The files are shared with the log until either changes (hard links); on another file
system they are copied. To restore: stop capture and apply, put a copy of the folder
in the place of the log's. A target that is ahead of it is found.

  syncline log backup shop /backups/shop-monday)");
  backup.Runs([&invocation, words] { return Backup(invocation, *words); });
}

}  // namespace syncline::cli
