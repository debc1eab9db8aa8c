#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "engine/base/error.h"
#include "engine/log/log_catalog.h"
#include "tools/commands/commands.h"
#include "tools/history/state_store.h"
#include "tools/status/idle_consumers.h"
#include "tools/status/pipeline_health.h"
#include "tools/status/status_report.h"
#include "tools/support/duration.h"

namespace syncline::cli {
namespace {

constexpr int kUnwellExit = 1;
constexpr int kUnknownExit = 3;
constexpr int kDamageExit = 4;

struct StatusOptions {
  std::vector<std::string> pipelines;
  std::string max_lag;
};

// That one pipeline is unwell is told before that of another one nothing is known.
int ExitCode(const std::vector<PipelineHealth>& all, std::optional<Microseconds> lag_max) {
  int trouble = 0;
  bool any_unwell = false, any_unknown = false;
  for (const PipelineHealth& health : all) {
    trouble = std::max(trouble, health.status.exit_code);
    if (!lag_max) continue;
    const Verdict verdict = Judge(health, *lag_max);
    any_unwell = any_unwell || verdict == Verdict::kUnwell;
    any_unknown = any_unknown || verdict == Verdict::kUnknown;
  }
  if (!lag_max || trouble == kDamageExit) return trouble;
  if (any_unwell) return kUnwellExit;
  return any_unknown ? kUnknownExit : 0;
}

// Of the sources of those pipelines; what keeps a log from being read is told of its pipelines.
std::vector<std::pair<std::string, IdleConsumer>> ReadIdle(
    const Config& config, const std::vector<std::string>& pipelines, Clock& clock) {
  std::set<std::string> sources;
  for (const std::string& name : pipelines) sources.insert(config.Pipeline(name).from);
  std::vector<std::pair<std::string, IdleConsumer>> idle;
  for (const std::string& source : sources) {
    try {
      if (!config.retain || !config.Log(source)->MayExist()) continue;
      for (IdleConsumer& consumer :
           IdleConsumers(*OpenLog(config, source, clock), config.retain, clock)) {
        idle.emplace_back(source, std::move(consumer));
      }
    } catch (const Error&) {
    }
  }
  return idle;
}

void PrintIdle(const std::vector<std::pair<std::string, IdleConsumer>>& idle, Terminal& out) {
  for (const auto& [source, consumer] : idle) {
    out.Lines(fmt::format("log of {}: ", source), TellIdle(consumer));
    out.Lines("  hint: ", IdleHint(consumer));
  }
}

int Status(const Invocation& invocation, const StatusOptions& options) {
  std::optional<Microseconds> limit;
  if (!options.max_lag.empty()) {
    limit = ParseDuration(options.max_lag);
    if (!limit) {
      throw UsageError(
          fmt::format("--max-lag must be {}, not \"{}\"", kDurationForms, options.max_lag));
    }
  }
  const Config config = invocation.Load();
  SystemClock clock;
  // A file that this user may not write to, or that is damaged, is no reason to tell nothing.
  std::unique_ptr<StateStore> history;
  std::string history_error;
  try {
    history = StateStore::OpenIfThere(config.log, clock);
  } catch (const Error& error) {
    history_error = error.message();
  }
  std::vector<PipelineHealth> all;
  const std::vector<std::string> names = config.Named(options.pipelines);
  for (const std::string& name : names) {
    all.push_back(
        ReadPipelineHealth(config, config.Pipeline(name), history.get(), history_error, clock));
  }
  const auto idle = ReadIdle(config, names, clock);
  if (invocation.json) {
    Json list = Json::array(), idle_list = Json::array();
    for (const auto& [source, consumer] : idle) idle_list.push_back(IdleJson(source, consumer));
    for (const PipelineHealth& health : all) list.push_back(HealthJson(health));
    invocation.Print({{"pipelines", std::move(list)}, {"idle_consumers", std::move(idle_list)}});
  } else {
    Terminal out = invocation.Out();
    PrintHealth(all, clock, out);
    PrintIdle(idle, out);
  }
  return ExitCode(all, limit);
}

}  // namespace

void AddStatus(Command& app, const Invocation& invocation) {
  auto options = std::make_shared<StatusOptions>();
  Command& command =
      app.AddCommand("status", "Show how each pipeline is, and how far its target is");
  command.AddOption("pipelines", options->pipelines, "Pipelines; all if none is named")
      .Type("PIPELINE");
  command
      .AddOption("--max-lag", options->max_lag,
                 "Exit code 0 if all is well and nothing lags more, 1 if not, 3 if unknown")
      .Type("DURATION");
  command.Footer(
      R"(Reads the logs, the targets' progress rows and runs.db; works while other processes
run and while none does. The lag is how long the target may lack what
the source has: the age of the oldest captured change that is not in the target, or
the time since the first poll that should have come and did not, whichever is more.

With --max-lag a pipeline is unwell when it has failed, was stopped or does not run,
when its target refuses rows, or when its source holds rows that cannot be captured
(REFUSED counts both). A pipeline that waits for its time by the clock is well; a
paused one goes by its lag.

  syncline status
  syncline status --max-lag 30s --json    for monitoring)");
  command.Runs([&invocation, options] { return Status(invocation, *options); });
}

}  // namespace syncline::cli
