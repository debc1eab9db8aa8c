#include <fmt/format.h>

#include <CLI/CLI.hpp>

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

void Add(CLI::App& app, const Invocation& invocation, CommandBody& body, bool pause) {
  auto options = std::make_shared<PauseOptions>();
  CLI::App* command =
      pause ? app.add_subcommand("pause", "Have pipelines do nothing until they are resumed")
            : app.add_subcommand("resume", "Have paused pipelines go on where they stopped");
  command->add_option("pipelines", options->pipelines, "The pipelines")
      ->type_name("PIPELINE")
      ->required();
  command->footer(
      R"(A pause holds until `syncline resume`, whatever is started meanwhile. A process that
runs notices it within about a second, and finishes the batch at hand. A source is
no longer polled when all of its pipelines are paused. Times of a cron that come
meanwhile are noted as one skipped run, and are not made up for.

  syncline pause shop-to-mirror
  syncline resume shop-to-mirror)");
  command->callback([&invocation, &body, options, pause] {
    body = [&invocation, options, pause] { return PauseOrResume(invocation, *options, pause); };
  });
}

}  // namespace

void AddPause(CLI::App& app, const Invocation& invocation, CommandBody& body) {
  Add(app, invocation, body, true);
}

void AddResume(CLI::App& app, const Invocation& invocation, CommandBody& body) {
  Add(app, invocation, body, false);
}

}  // namespace syncline::cli
