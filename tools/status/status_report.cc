#include "tools/status/status_report.h"

#include <fmt/format.h>

#include "tools/status/run_report.h"
#include "tools/support/duration.h"

namespace syncline::cli {
namespace {

using Holds = PipelineStatus::Holds;

double Seconds(Microseconds duration) { return static_cast<double>(duration.count()) / 1e6; }

// Trying: it may go away by itself, and was not told to anybody.
std::string_view StateOf(const Incident& incident) {
  if (!incident.told) return "trying";
  return incident.is_of_rows() ? "refusing" : "failed";
}

Json IncidentJson(const Incident& incident) {
  return {{"kind", incident.kind},
          {"state", StateOf(incident)},
          {"since", FormatTime(incident.since)},
          {"error", incident.error},
          {"hint", incident.hint}};
}

std::string RunText(const PipelineHealth& health) {
  std::string text(RunStateName(health.run_state));
  const std::optional<RunRecord>& run = health.last_run;
  if (run && !run->open()) {
    text += fmt::format(", last run {} ({}): {}", FormatTime(run->ended.value_or(run->started)),
                        RunStateName(run->state), Outcome(*run));
  } else if (run && health.run_state == RunState::kFailed && health.incident) {
    text +=
        fmt::format(" since {}: {}", FormatTime(health.incident->since), health.incident->error);
  } else if (run) {
    text += fmt::format(" since {}: {}", FormatTime(run->started), Outcome(*run));
  }
  if (health.next_run) text += fmt::format(", next run {}", FormatTime(*health.next_run));
  return text;
}

Style StyleOf(HealthState state) {
  switch (state) {
    case HealthState::kInStep:
      return Style::kGood;
    case HealthState::kFailed:
    case HealthState::kStopped:
    case HealthState::kNotRunning:
    case HealthState::kRefusing:
      return Style::kBad;
    default:
      return Style::kWarn;
  }
}

void AddRow(const PipelineHealth& health, const Clock& clock, TextTable& table) {
  const PipelineStatus& status = health.status;
  std::string last = "-";
  if (status.last_frame_at) {
    last = FormatDuration(clock.Now() - *status.last_frame_at) + " ago";
    if (status.cut_open) last += ", cut open";
  }
  std::string state(HealthName(health.state));
  if (status.holds != Holds::kOneState) state += ", between cuts";
  table.Add({status.pipeline, status.source, status.target, state,
             status.log ? FormatCount(status.log_end.value()) : "-",
             status.next ? FormatCount(status.next->value()) : "-",
             status.behind ? FormatCount(*status.behind) : "-",
             health.lag ? FormatDuration(*health.lag) : "-",
             FormatCount(status.refused + health.set_aside()),
             health.poll_age ? FormatDuration(*health.poll_age) + " ago" : "-", last},
            StyleOf(health.state));
}

void PrintHint(const std::string& hint, Terminal& out) {
  if (!hint.empty()) out.Lines("  hint: ", hint);
}

void PrintDetails(const PipelineHealth& health, Terminal& out) {
  const PipelineStatus& status = health.status;
  if (health.incident) {
    out.Lines(fmt::format("{}: {} since {} ({}): ", status.pipeline, StateOf(*health.incident),
                          FormatTime(health.incident->since), health.incident->kind),
              health.incident->error);
    PrintHint(health.incident->hint, out);
  }
  if (!health.detail.empty()) {
    out.Lines(status.pipeline + ": ", health.detail);
    PrintHint(health.hint, out);
  }
  if (status.holds != Holds::kOneState) {
    out.Line(fmt::format("{}: the target is between two states of the source: {}", status.pipeline,
                         status.holds == Holds::kPartOfBase
                             ? "it catches up through the log's base"
                             : "it is inside of a cut that is open or larger than a batch"));
  }
  for (const auto& [table, guarantee] : status.guarantees) {
    if (!guarantee.worse_than_bounded()) continue;
    out.Lines(
        fmt::format("{}: {} is captured as {}: ", status.pipeline, table, NameOf(guarantee.kind)),
        guarantee.reason);
    PrintHint(guarantee.remedy, out);
  }
  for (const capture::LargeRow& row : status.too_large) {
    out.Line(fmt::format("{}: {} ({}) is not captured: {} are more than max_row", status.pipeline,
                         row.table.ToString(), row.key, FormatBytes(row.bytes)));
  }
  for (const capture::UnreadableRow& row : status.unreadable) {
    out.Lines(fmt::format("{}: {} ({}) is not captured: ", status.pipeline, row.table.ToString(),
                          row.key),
              row.why);
  }
  if (status.refused == 0) return;
  out.Line(fmt::format("{}: {} refused by the target, see `syncline quarantine list`",
                       status.pipeline, FormatCount(status.refused)));
}

}  // namespace

Json HealthJson(const PipelineHealth& health) {
  const PipelineStatus& status = health.status;
  Json json = {{"pipeline", status.pipeline},
               {"source", status.source},
               {"target", status.target},
               {"state", HealthName(health.state)}};
  const auto set = [&json](const char* name, const auto& value, auto convert) {
    json[name] = value ? Json(convert(*value)) : Json(nullptr);
  };
  set("log_id", status.log, [](const LogInfo& log) { return log.id.ToString(); });
  set("log_end", status.log, [&](const LogInfo&) { return status.log_end.value(); });
  set("next_offset", status.next, [](Offset offset) { return offset.value(); });
  set("lag_changes", status.behind, [](uint64_t changes) { return changes; });
  set("lag_seconds", health.lag, Seconds);
  set("last_poll_at", health.last_poll, FormatTime);
  set("poll_age_seconds", health.poll_age, Seconds);
  set("last_change_at", status.last_frame_at, FormatTime);
  json["cut_open"] = status.cut_open;
  json["between_cuts"] = status.holds != Holds::kOneState;
  json["loading_base"] = status.holds == Holds::kPartOfBase;
  json["refused"] = status.refused;
  json["set_aside"] = health.set_aside();
  set("incident", health.incident, IncidentJson);
  json["run_state"] = RunStateName(health.run_state);
  set("last_run", health.last_run, [](const RunRecord& run) { return RunJson(run); });
  set("next_run_at", health.next_run, FormatTime);
  json["guarantees"] = Json::object();
  for (const auto& [table, guarantee] : status.guarantees) {
    json["guarantees"][table] = {{"class", NameOf(guarantee.kind)},
                                 {"reason", guarantee.reason},
                                 {"remedy", guarantee.remedy}};
  }
  json["too_large"] = Json::array();
  for (const capture::LargeRow& row : status.too_large) {
    json["too_large"].push_back(
        {{"table", row.table.ToString()}, {"key", row.key}, {"bytes", row.bytes}});
  }
  json["unreadable"] = Json::array();
  for (const capture::UnreadableRow& row : status.unreadable) {
    json["unreadable"].push_back(
        {{"table", row.table.ToString()}, {"key", row.key}, {"reason", row.why}});
  }
  if (!health.detail.empty()) {
    json["error"] = {{"message", health.detail}, {"hint", health.hint}};
  }
  return json;
}

void PrintHealth(const std::vector<PipelineHealth>& all, const Clock& clock, Terminal& out) {
  TextTable table({{"PIPELINE"},
                   {"FROM"},
                   {"TO"},
                   {"STATE"},
                   {"LOG END", true},
                   {"TARGET AT", true},
                   {"BEHIND", true},
                   {"LAG", true},
                   {"REFUSED", true},
                   {"LAST POLL"},
                   {"LAST CHANGE"}});
  for (const PipelineHealth& health : all) AddRow(health, clock, table);
  table.Print(out);
  for (const PipelineHealth& health : all) {
    const bool has_runs = health.last_run || health.next_run;
    if (!has_runs && health.run_state == RunState::kIdle) continue;
    out.Line(fmt::format("{}: {}", health.status.pipeline, RunText(health)));
  }
  for (const PipelineHealth& health : all) PrintDetails(health, out);
}

}  // namespace syncline::cli
