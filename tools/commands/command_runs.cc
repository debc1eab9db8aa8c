#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "engine/base/clock.h"
#include "tools/commands/commands.h"
#include "tools/history/state_store.h"
#include "tools/status/run_report.h"
#include "tools/support/duration.h"

namespace syncline::cli {
namespace {

struct RunsOptions {
  std::vector<std::string> pipelines;
  uint64_t limit = 20;
};

Style StyleOf(RunState state) {
  if (state == RunState::kFailed) return Style::kBad;
  if (state == RunState::kDone) return Style::kGood;
  return Style::kWarn;
}

std::string ToTheSecond(WallTime time) { return FormatTime(time).substr(0, 19) + "Z"; }

void PrintTable(const std::vector<RunRecord>& runs, Clock& clock, Terminal out) {
  TextTable table({{"RUN", true},
                   {"PIPELINE"},
                   {"KIND"},
                   {"STATE"},
                   {"DUE"},
                   {"STARTED"},
                   {"TOOK", true},
                   {"CAPTURED", true},
                   {"OUTCOME"}});
  for (const RunRecord& run : runs) {
    std::string due = run.scheduled ? ToTheSecond(*run.scheduled) : "-";
    if (run.missed > 0) due += fmt::format(" and {} before", FormatCount(run.missed));
    table.Add(
        {FormatCount(run.id), run.pipeline, run.kind, std::string(RunStateName(run.state)), due,
         ToTheSecond(run.started),
         run.ended || run.open() ? FormatDuration(run.ended.value_or(clock.Now()) - run.started)
                                 : "-",
         FormatCount(run.counts.captured), Outcome(run)},
        StyleOf(run.state));
  }
  table.Print(out);
}

// What the history has under the names: the folding of a log stands under its source's. None: all,
// also what is not in the configuration any more.
std::vector<std::string> PipelinesOf(const Config& config, const std::vector<std::string>& names) {
  const std::vector<std::string> sources = config.SourceNames();
  std::vector<std::string> pipelines;
  for (const std::string& name : names) {
    if (std::ranges::find(sources, name) != sources.end()) {
      pipelines.push_back(name);
    } else {
      std::ranges::copy(config.Named({name}), std::back_inserter(pipelines));
    }
  }
  return pipelines;
}

int ShowRuns(const Invocation& invocation, const RunsOptions& options) {
  const Config config = invocation.Load();
  SystemClock clock;
  std::vector<RunRecord> runs;
  if (const auto history = StateStore::OpenIfThere(config.log, clock)) {
    runs = history->List(PipelinesOf(config, options.pipelines), options.limit);
  }
  if (!invocation.json) {
    PrintTable(runs, clock, invocation.Out());
    return 0;
  }
  Json list = Json::array();
  for (const RunRecord& run : runs) list.push_back(RunJson(run));
  invocation.Print({{"runs", std::move(list)}});
  return 0;
}

}  // namespace

void AddRuns(Command& app, const Invocation& invocation) {
  auto options = std::make_shared<RunsOptions>();
  Command& command = app.AddCommand("runs", "Show what pipelines have done, the newest first");
  command
      .AddOption("pipelines", options->pipelines,
                 "Pipelines, or source databases for the folding of their "
                 "logs; all if none is named")
      .Type("NAME");
  command.AddOption("--limit", options->limit, "How many runs are shown at most")
      .ShowsDefault()
      .Type("N")
      .Positive();
  command.Footer(
      R"(The last 1,000 runs of each pipeline and kind are kept. A pipeline with a cron has
one for each time that it was due; one that polls again and again has one from the
first change that it finds until nothing more comes, of a minute at most.

  syncline runs
  syncline runs shop-to-mirror --limit 5 --json)");
  command.Runs([&invocation, options] { return ShowRuns(invocation, *options); });
}

}  // namespace syncline::cli
