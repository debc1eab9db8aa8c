#include <CLI/CLI.hpp>

#include "tools/commands/commands.h"
#include "tools/commands/run_stages.h"

namespace syncline::cli {

void AddApply(CLI::App& app, const Invocation& invocation, CommandBody& body) {
  struct Options {
    std::vector<std::string> names;
    bool once = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("apply", "Only apply: bring targets up to their logs");
  command
      ->add_option("names", options->names, "Pipelines, or source databases; all if none is named")
      ->type_name("NAME");
  command->add_flag("--once", options->once, "Apply what is in the logs now, and end");
  command->footer(
      R"(Reads the logs that `syncline capture` writes, also while it writes them, and waits
for a log that is not there yet. The source itself is asked only where the
configuration names tables by globs.

  syncline apply
  syncline apply shop-to-mirror --once)");
  command->callback([&invocation, &body, options] {
    body = [&invocation, options] {
      return RunStages(invocation, options->names,
                       {.capture = false, .apply = true, .once = options->once});
    };
  });
}

}  // namespace syncline::cli
