#include <fmt/format.h>

#include "engine/base/clock.h"
#include "tools/commands/commands.h"
#include "tools/history/state_store.h"

namespace syncline::cli {
namespace {

struct PauseOptions {
  std::vector<std::string> pipelines;
};

int PauseOrResume(const Invocation& invocation, const PauseOptions& options, bool pause) {
  const Config config = invocation.Load();
  const std::vector<std::string> names = config.Named(options.pipelines);
  SystemClock clock;
  StateStore history(config.log, clock);
  Json list = Json::array();
  Terminal out = invocation.Out();
  for (const std::string& name : names) {
    const bool changed = pause ? history.Pause(name) : history.Resume(name);
    list.push_back({{"pipeline", name}, {"paused", pause}, {"changed", changed}});
    if (invocation.json) continue;
    out.Line(fmt::format("{}: {}{}", name, changed ? "" : "already ",
                         pause ? "paused" : (changed ? "resumed" : "running, nothing to resume")));
  }
  if (invocation.json) invocation.Print({{"pipelines", std::move(list)}});
  return 0;
}

void Add(Command& app, const Invocation& invocation, bool pause) {
  auto options = std::make_shared<PauseOptions>();
  Command& command =
      pause ? app.AddCommand("pause", "Have pipelines do nothing until they are resumed")
            : app.AddCommand("resume", "Have paused pipelines go on where they stopped");
  command.AddOption("pipelines", options->pipelines, "The pipelines").Type("PIPELINE").Required();
  command.Footer(
      R"(A pause holds until `syncline resume`, whatever is started meanwhile. A process that
runs notices it within about a second, and finishes the batch at hand. A source is
no longer polled when all of its pipelines are paused. Times of a cron that come
meanwhile are noted as one skipped run, and are not made up for.

  syncline pause shop-to-mirror
  syncline resume shop-to-mirror)");
  command.Runs(
      [&invocation, options, pause] { return PauseOrResume(invocation, *options, pause); });
}

}  // namespace

void AddPause(Command& app, const Invocation& invocation) { Add(app, invocation, true); }

void AddResume(Command& app, const Invocation& invocation) { Add(app, invocation, false); }

}  // namespace syncline::cli
