
#include "tools/commands/commands.h"
#include "tools/commands/run_stages.h"

namespace syncline::cli {

void AddApply(Command& app, const Invocation& invocation) {
  struct Options {
    std::vector<std::string> names;
    bool once = false;
  };
  auto options = std::make_shared<Options>();
  Command& command = app.AddCommand("apply", "Only apply: bring targets up to their logs");
  command.AddOption("names", options->names, "Pipelines, or source databases; all if none is named")
      .Type("NAME");
  command.AddFlag("--once", options->once, "Apply what is in the logs now, and end");
  command.Footer(
      R"(Reads the logs that `syncline capture` writes, also while it writes them, and waits
for a log that is not there yet. The source itself is asked only where the
configuration names tables by globs.

  syncline apply
  syncline apply shop-to-mirror --once)");
  command.Runs([&invocation, options] {
    return RunStages(invocation, options->names,
                     {.capture = false, .apply = true, .once = options->once});
  });
}

}  // namespace syncline::cli
