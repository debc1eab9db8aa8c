
#include "tools/commands/commands.h"
#include "tools/commands/run_stages.h"

namespace syncline::cli {

void AddCapture(Command& app, const Invocation& invocation) {
  struct Options {
    std::vector<std::string> names;
    bool once = false;
  };
  auto options = std::make_shared<Options>();
  Command& command =
      app.AddCommand("capture", "Only capture: write the changes of sources into their logs");
  command
      .AddOption("names", options->names,
                 "Source databases, or pipelines for their sources; all if none is named")
      .Type("NAME");
  command.AddFlag("--once", options->once, "Poll every source once, and end");
  command.Footer(
      R"(Owns the logs it writes: one `capture` or `run` per source at a time. Any number of
`syncline apply` may follow the logs from processes of their own.

  syncline capture
  syncline capture shop --once)");
  command.Runs([&invocation, options] {
    return RunStages(invocation, options->names,
                     {.capture = true, .apply = false, .once = options->once});
  });
}

}  // namespace syncline::cli
