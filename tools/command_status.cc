#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "engine/base/error.h"
#include "tools/commands.h"
#include "tools/duration.h"
#include "tools/pipeline_status.h"
#include "tools/run_history.h"
#include "tools/run_report.h"

namespace syncline::cli {
namespace {

using State = PipelineStatus::State;
using Holds = PipelineStatus::Holds;

// What the run history says of a pipeline.
struct Activity {
  RunState state = RunState::kIdle;
  std::optional<Run> last;  // the run at hand, or the last one
  std::optional<WallTime> next;
};

Activity ActivityOf(const PipelineConfig& pipeline, RunHistory* history, Clock& clock) {
  Activity activity;
  if (history != nullptr) {
    const std::vector<Run> runs = history->List({pipeline.name}, 1);
    if (!runs.empty()) activity.last = runs.front();
    if (activity.last && activity.last->open()) activity.state = activity.last->state;
    if (history->Paused().contains(pipeline.name)) activity.state = RunState::kPaused;
  }
  const bool is_due_ever = pipeline.schedule.at && activity.state != RunState::kPaused;
  if (is_due_ever) activity.next = pipeline.schedule.at->Next(clock.Now());
  return activity;
}

std::string ActivityText(const Activity& activity) {
  std::string text(RunStateName(activity.state));
  if (activity.last && !activity.last->open()) {
    text += fmt::format(", last run {} ({}): {}",
                        FormatTime(activity.last->ended.value_or(activity.last->started)),
                        RunStateName(activity.last->state), Outcome(*activity.last));
  } else if (activity.last) {
    text +=
        fmt::format(" since {}: {}", FormatTime(activity.last->started), Outcome(*activity.last));
  }
  if (activity.next) text += fmt::format(", next run {}", FormatTime(*activity.next));
  return text;
}

Json StatusJson(const PipelineStatus& status, const Activity& activity) {
  Json json = {{"pipeline", status.pipeline},
               {"source", status.source},
               {"target", status.target},
               {"state", StateName(status.state)}};
  auto set = [&json](const char* name, const auto& value, auto convert) {
    json[name] = value ? Json(convert(*value)) : Json(nullptr);
  };
  set("log_id", status.log, [](const LogInfo& log) { return log.id.ToString(); });
  set("log_end", status.log, [&](const LogInfo&) { return status.log_end.value(); });
  set("next_offset", status.next, [](Offset offset) { return offset.value(); });
  set("lag_changes", status.behind, [](uint64_t changes) { return changes; });
  set("lag_seconds", status.lag,
      [](Microseconds lag) { return static_cast<double>(lag.count()) / 1e6; });
  set("last_change_at", status.last_frame_at, FormatTime);
  json["cut_open"] = status.cut_open;
  json["between_cuts"] = status.holds != Holds::kOneState;
  json["loading_base"] = status.holds == Holds::kPartOfBase;
  json["refused"] = status.refused;
  json["run_state"] = RunStateName(activity.state);
  json["last_run"] = activity.last ? RunJson(*activity.last) : Json(nullptr);
  set("next_run_at", activity.next, FormatTime);
  json["guarantees"] = status.guarantees;
  if (status.state == State::kTrouble) {
    json["error"] = {{"message", status.trouble}, {"hint", status.hint}};
  }
  return json;
}

Style StyleOf(State state) {
  if (state == State::kInStep) return Style::kGood;
  return state == State::kTrouble ? Style::kBad : Style::kWarn;
}

void PrintTable(const std::vector<PipelineStatus>& statuses,
                const std::vector<Activity>& activities, Clock& clock, Terminal out) {
  TextTable table({{"PIPELINE"},
                   {"FROM"},
                   {"TO"},
                   {"STATE"},
                   {"LOG END", true},
                   {"TARGET AT", true},
                   {"BEHIND", true},
                   {"LAG", true},
                   {"LAST CHANGE"}});
  for (const PipelineStatus& status : statuses) {
    std::string last = "-";
    if (status.last_frame_at) {
      last = FormatDuration(clock.Now() - *status.last_frame_at) + " ago";
      if (status.cut_open) last += ", cut open";
    }
    std::string state(StateName(status.state));
    if (status.holds != Holds::kOneState) state += ", between cuts";
    table.Add({status.pipeline, status.source, status.target, state,
               status.log ? FormatCount(status.log_end.value()) : "-",
               status.next ? FormatCount(status.next->value()) : "-",
               status.behind ? FormatCount(*status.behind) : "-",
               status.lag ? FormatDuration(*status.lag) : "-", last},
              StyleOf(status.state));
  }
  table.Print(out);
  for (size_t i = 0; i < statuses.size(); ++i) {
    const Activity& activity = activities[i];
    if (!activity.last && !activity.next && activity.state == RunState::kIdle) continue;
    out.Line(fmt::format("{}: {}", statuses[i].pipeline, ActivityText(activity)));
  }
  for (const PipelineStatus& status : statuses) {
    if (status.holds != Holds::kOneState) {
      out.Line(fmt::format("{}: the target is between two states of the source: {}",
                           status.pipeline,
                           status.holds == Holds::kPartOfBase
                               ? "it catches up through the log's base"
                               : "it is inside of a cut that is open or larger than a batch"));
    }
    for (const auto& [table, guarantee] : status.guarantees) {
      if (guarantee == "exact" || guarantee == "bounded") continue;
      out.Line(fmt::format("{}: {} is captured as {}, see `syncline check`", status.pipeline, table,
                           guarantee));
    }
    if (status.refused == 0) continue;
    out.Line(fmt::format("{}: {} refused by the target, see `syncline quarantine list`",
                         status.pipeline, FormatCount(status.refused)));
  }
  for (const PipelineStatus& status : statuses) {
    if (status.state != State::kTrouble) continue;
    out.Line(fmt::format("{}: {}", status.pipeline, status.trouble));
    if (!status.hint.empty()) out.Line("  hint: " + status.hint);
  }
}

// A lag that is not known is over every limit.
bool IsOver(const PipelineStatus& status, Microseconds limit) {
  return !status.lag || *status.lag > limit;
}

// A file that this user may not write to, or that is damaged, is no reason to tell nothing.
std::unique_ptr<RunHistory> HistoryOf(const Config& config, Clock& clock) {
  try {
    return RunHistory::OpenIfThere(config.log, clock);
  } catch (const Error&) {
    return nullptr;
  }
}

struct Options {
  std::vector<std::string> pipelines;
  std::string max_lag;
};

int Status(const Invocation& invocation, const Options& options) {
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
  std::vector<PipelineStatus> statuses;
  for (const std::string& name : config.Named(options.pipelines)) {
    statuses.push_back(ReadPipelineStatus(config, config.Pipeline(name), clock));
  }
  const std::unique_ptr<RunHistory> history = HistoryOf(config, clock);
  std::vector<Activity> activities;
  for (const PipelineStatus& status : statuses) {
    activities.push_back(ActivityOf(config.Pipeline(status.pipeline), history.get(), clock));
  }
  if (invocation.json) {
    Json list = Json::array();
    for (size_t i = 0; i < statuses.size(); ++i) {
      list.push_back(StatusJson(statuses[i], activities[i]));
    }
    invocation.Print({{"pipelines", std::move(list)}});
  } else {
    PrintTable(statuses, activities, clock, invocation.Out());
  }
  int exit_code = 0;
  for (const PipelineStatus& status : statuses) {
    if (limit && IsOver(status, *limit)) exit_code = std::max(exit_code, 1);
    exit_code = std::max(exit_code, status.exit_code);
  }
  return exit_code;
}

}  // namespace

void AddStatus(CLI::App& app, const Invocation& invocation, CommandBody& body) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("status", "Show how far each pipeline is");
  command->add_option("pipelines", options->pipelines, "Pipelines; all if none is named")
      ->type_name("PIPELINE");
  command
      ->add_option("--max-lag", options->max_lag,
                   "Exit with 1 when a target lags more than this, or its lag is unknown")
      ->type_name("DURATION");
  command->footer(
      R"(Looks at the logs and at the targets' progress rows; works while others run. The
lag is the age of the oldest captured change that is not in the target yet.

  syncline status
  syncline status --max-lag 30s --json    for monitoring)");
  command->callback([&invocation, &body, options] {
    body = [&invocation, options] { return Status(invocation, *options); };
  });
}

}  // namespace syncline::cli
