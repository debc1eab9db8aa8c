#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "engine/base/error.h"
#include "tools/commands.h"
#include "tools/duration.h"
#include "tools/pipeline_status.h"

namespace syncline::cli {
namespace {

using State = PipelineStatus::State;
using Holds = PipelineStatus::Holds;

Json StatusJson(const PipelineStatus& status) {
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

void PrintTable(const std::vector<PipelineStatus>& statuses, Clock& clock, Terminal out) {
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
  if (options.pipelines.empty()) {
    for (const PipelineConfig& pipeline : config.pipelines) {
      statuses.push_back(ReadPipelineStatus(config, pipeline, clock));
    }
  }
  for (const std::string& name : options.pipelines) {
    statuses.push_back(ReadPipelineStatus(config, config.Pipeline(name), clock));
  }
  if (invocation.json) {
    Json list = Json::array();
    for (const PipelineStatus& status : statuses) list.push_back(StatusJson(status));
    invocation.Print({{"pipelines", std::move(list)}});
  } else {
    PrintTable(statuses, clock, invocation.Out());
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
