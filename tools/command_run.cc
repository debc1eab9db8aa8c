#include <CLI/CLI.hpp>

#include "tools/commands.h"
#include "tools/run_stages.h"

namespace syncline::cli {

void AddRun(CLI::App& app, const Invocation& invocation, CommandBody& body) {
  struct Options {
    std::vector<std::string> names;
    bool once = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("run", "Capture and apply in one process");
  command
      ->add_option("names", options->names, "Pipelines, or source databases; all if none is named")
      ->type_name("NAME");
  command->add_flag("--once", options->once, "One poll of every source, apply all of it, and end");
  command->footer(R"(Goes on where it stopped, however it stopped. The first SIGINT or SIGTERM lets
the batch at hand finish and exits with 0, the second ends the process at once.

  syncline run                      all pipelines, until stopped
  syncline run shop-to-mirror       one pipeline
  syncline run --once               for cron: afterwards the targets hold the
                                    sources' state as of this poll)");
  command->callback([&invocation, &body, options] {
    body = [&invocation, options] {
      return RunStages(invocation, options->names,
                       {.capture = true, .apply = true, .once = options->once});
    };
  });
}

}  // namespace syncline::cli
