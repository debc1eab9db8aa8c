#include <fmt/format.h>

#include <optional>

#include "engine/base/error.h"
#include "engine/log/log_care.h"
#include "engine/log/log_catalog.h"
#include "tools/commands/log_commands.h"
#include "tools/service/log_privacy.h"

namespace syncline::cli {
namespace {

struct LogRepairOptions {
  std::string source;
  std::optional<uint64_t> truncate_at;
};

int Tell(const Invocation& invocation, const std::string& source, const LogPlace& log) {
  const LogRemains remains = log.care().FindRemains();
  if (invocation.json) {
    Json json = {{"source", source},
                 {"log_id", remains.info.id.ToString()},
                 {"epoch", remains.info.epoch},
                 {"begin", remains.begin.value()},
                 {"whole_to", remains.whole.value()},
                 {"acknowledged", nullptr}};
    if (remains.next) json["acknowledged"] = remains.next->value();
    invocation.Print(json);
    return 0;
  }
  Terminal out = invocation.Out();
  out.Line(fmt::format("{}: whole up to offset {} of {}", source,
                       FormatCount(remains.whole.value()),
                       remains.next ? FormatCount(remains.next->value()) + " acknowledged"
                                    : "an unknown number acknowledged: the durable mark is lost"));
  out.Line(
      fmt::format("  `{} --truncate-at {}` makes a log of that, and keeps the one that is "
                  "there now beside it",
                  LogCommand(invocation, "repair", source), remains.whole.value()));
  return 0;
}

int Cut(const Invocation& invocation, const std::string& source, const LogPlace& log,
        Offset truncate_at) {
  KeepPrivate(log, *invocation.NewLogger("warn"));
  SystemClock clock;
  const LogRepair done = log.care().Repair(truncate_at, clock);
  if (invocation.json) {
    invocation.Print({{"source", source},
                      {"log_id", done.info.id.ToString()},
                      {"epoch", done.info.epoch},
                      {"end", done.end.value()},
                      {"kept", done.kept.string()},
                      {"finished_earlier", done.finished_earlier}});
    return 0;
  }
  Terminal out = invocation.Out();
  if (done.finished_earlier) out.Line("finished a repair that had been cut off; nothing else done");
  out.Line(fmt::format("{}: whole up to offset {}, in epoch {}", source,
                       FormatCount(done.end.value()), done.info.epoch));
  if (!done.kept.empty()) {
    out.Line(fmt::format("  the log as it was: {}", done.kept.string()));
  }
  out.Line("  what is missing is captured again by the next `syncline run` or `syncline capture`");
  return 0;
}

int Repair(const Invocation& invocation, const LogRepairOptions& options) {
  const Config config = invocation.Load();
  const std::string source = ChooseSource(config, options.source);
  const LogRef log = config.Log(source);
  return InContext(fmt::format("the log of \"{}\"", source), [&] {
    return options.truncate_at ? Cut(invocation, source, *log, Offset(*options.truncate_at))
                               : Tell(invocation, source, *log);
  });
}

}  // namespace

void AddLogRepair(Command& log, const Invocation& invocation) {
  auto options = std::make_shared<LogRepairOptions>();
  Command& repair = log.AddCommand("repair", "Say what of a damaged log can be saved, and save it");
  repair.AddOption("source", options->source, "Source database; may be left out if there is one")
      .Type("DB");
  repair
      .AddOption("--truncate-at", options->truncate_at,
                 "Make a new log of all frames before this offset")
      .Type("N");
  repair.Footer(R"(Without --truncate-at nothing is changed. With it a new log takes the damaged
one's place; the damaged one is kept. No capture may run; apply may: it follows the
new log if its target holds nothing that the log has lost, and stops otherwise.

  syncline log repair shop
  syncline log repair shop --truncate-at 7851)");
  repair.Runs([&invocation, options] { return Repair(invocation, *options); });
}

}  // namespace syncline::cli
