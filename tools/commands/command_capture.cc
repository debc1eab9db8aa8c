#include <CLI/CLI.hpp>

#include "tools/commands/commands.h"
#include "tools/commands/run_stages.h"

namespace syncline::cli {

void AddCapture(CLI::App& app, const Invocation& invocation, CommandBody& body) {
  struct Options {
    std::vector<std::string> names;
    bool once = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("capture", "Only capture: write the changes of sources into their logs");
  command
      ->add_option("names", options->names,
                   "Source databases, or pipelines for their sources; all if none is named")
      ->type_name("NAME");
  command->add_flag("--once", options->once, "Poll every source once, and end");
  command->footer(
      R"(Owns the logs it writes: one `capture` or `run` per source at a time. Any number of
`syncline apply` may follow the logs from processes of their own.

  syncline capture
  syncline capture shop --once)");
  command->callback([&invocation, &body, options] {
    body = [&invocation, options] {
      return RunStages(invocation, options->names,
                       {.capture = true, .apply = false, .once = options->once});
    };
  });
}

}  // namespace syncline::cli
