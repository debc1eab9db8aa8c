
#include "engine/base/error.h"
#include "tools/commands/commands.h"
#include "tools/commands/run_stages.h"
#include "tools/verify/replica_comparison.h"
#include "tools/verify/replica_report.h"

namespace syncline::cli {

namespace {

// What would win where if the two databases of these pipelines met for the first time.
int DryRun(const Invocation& invocation, const std::vector<std::string>& names, uint64_t rows_max) {
  const Config config = invocation.Load();
  SystemClock clock;
  Terminal out = invocation.Out();
  Json list = Json::array();
  for (const std::string& name : names.empty() ? config.PipelineNames() : names) {
    const PipelineConfig* const pair = config.TwoWay(name);
    if (pair == nullptr && names.empty()) continue;
    if (pair == nullptr) {
      throw UsageError("pipeline " + name + " has one direction: its source wins",
                       "`syncline verify` compares it with its target");
    }
    if (names.empty() && pair->name != name) continue;
    const Plan plan = MakePlan(config, {pair->name});
    ReplicaComparison comparison(plan.pipelines.front(), pair->two_way->name, "", clock);
    const ReplicaResult findings = comparison.Run(Microseconds(0));
    list.push_back(ReplicasJson(findings, rows_max, /*merge=*/true));
    if (!invocation.json) PrintReplicas(findings, rows_max, /*merge=*/true, out);
  }
  if (list.empty())
    throw UsageError("no pipeline has two directions", "see `between` in tools/manual/two-way.md");
  if (invocation.json) invocation.Print({{"pipelines", std::move(list)}});
  return 0;
}

}  // namespace

void AddRun(Command& app, const Invocation& invocation) {
  struct Options {
    std::vector<std::string> names;
    bool once = false;
    bool dry_run = false;
    uint64_t rows_max = 10;
  };
  auto options = std::make_shared<Options>();
  Command& command = app.AddCommand("run", "Capture and apply in one process");
  command.AddOption("names", options->names, "Pipelines, or source databases; all if none is named")
      .Type("NAME");
  command.AddFlag("--once", options->once, "Poll every source once, apply all of it, and end");
  Option dry_run =
      command.AddFlag("--dry-run", options->dry_run,
                      "Only show what the first sync of a pipeline of two directions would do");
  command
      .AddOption("--rows", options->rows_max, "How many rows --dry-run shows of each table; 0: all")
      .Needs(dry_run)
      .ShowsDefault()
      .Type("N");
  command.Footer(R"(Goes on where it stopped, however it stopped. The first SIGINT or SIGTERM lets
the batch at hand finish and exits with 0, the second ends the process at once.

  syncline run                      all pipelines, until stopped
  syncline run shop-to-mirror       one pipeline
  syncline run --once               for cron: afterwards the targets hold the
                                    sources' state as of this poll
  syncline run a-b --dry-run        a pipeline of two directions: what would win where)");
  command.Runs([&invocation, options] {
    if (options->dry_run) return DryRun(invocation, options->names, options->rows_max);
    return RunStages(invocation, options->names,
                     {.capture = true, .apply = true, .once = options->once});
  });
}

}  // namespace syncline::cli
