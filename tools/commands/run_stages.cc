#include "tools/commands/run_stages.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "engine/base/log_text.h"
#include "engine/base/logger.h"
#include "tools/commands/load_progress.h"
#include "tools/service/log_privacy.h"
#include "tools/service/once_report.h"
#include "tools/support/stop_signals.h"

namespace syncline::cli {
namespace {

constexpr Microseconds kSummaryEvery = std::chrono::seconds(10);

LogPairs Behind(const ApplyActivity& apply) {
  if (!apply.behind || !apply.lag) return {};
  return {LogText(" behind={} lag_ms={}", *apply.behind, apply.lag->count() / 1000)};
}

Json TablesJson(const std::vector<TableOutcome>& outcomes, const std::string& owner) {
  Json tables = Json::array();
  for (const TableOutcome& outcome : outcomes) {
    if (outcome.owner != owner) continue;
    Json& table = tables.emplace_back(Json{{"table", outcome.table}});
    Microseconds took{0};
    if (outcome.reading) {
      table["read"] = outcome.reading->read;
      table["captured"] = outcome.reading->captured;
      took += outcome.reading->took;
    }
    if (outcome.writing) {
      table["written"] = outcome.writing->written;
      table["refused"] = outcome.writing->refused;
      table["newer"] = outcome.writing->newer;
      table["conflicts"] = outcome.writing->conflicts;
      took += outcome.writing->took;
    }
    if (outcome.reading) table["set_aside"] = outcome.set_aside;
    table["seconds"] = static_cast<double>(took.count()) / 1e6;
  }
  return tables;
}

Json ActivityJson(const Activity& activity, const std::vector<TableOutcome>& outcomes) {
  Json sources = Json::array(), pipelines = Json::array();
  for (const auto& [source, capture] : activity.captures) {
    sources.push_back({{"source", source},
                       {"polls", capture.polls},
                       {"rows_read", capture.rows_read},
                       {"changes_logged", capture.changes_logged},
                       {"tables", TablesJson(outcomes, source)}});
  }
  for (const auto& [pipeline, apply] : activity.applies) {
    pipelines.push_back({{"pipeline", pipeline},
                         {"source", apply.source},
                         {"next_offset", apply.next.value()},
                         {"changes", apply.changes},
                         {"rows_written", apply.rows_written},
                         {"rows_newer", apply.rows_newer},
                         {"conflicts", apply.conflicts},
                         {"refused", apply.refused},
                         {"parked", apply.parked.value_or(0)},
                         {"tables", TablesJson(outcomes, pipeline)}});
  }
  return {{"sources", std::move(sources)}, {"pipelines", std::move(pipelines)}};
}

// What was done. With `once`, an error for what has not come to the targets.
std::optional<Error> Report(const Invocation& invocation, Runner& runner,
                            const Runner::Options& options) {
  const Activity activity = runner.watch().Look();
  const std::vector<TableOutcome> outcomes =
      OutcomesOf(runner.plan(), activity, options.capture, options.apply);
  // Lines that go to stdout are the only ones there.
  const bool is_taken = std::ranges::any_of(runner.plan().pipelines, [](const auto& pipeline) {
    return pipeline.lines && pipeline.lines->is_stdout();
  });
  Terminal out(is_taken ? stderr : stdout);
  if (invocation.json || (is_taken && options.once && invocation.logs_json())) {
    out.Line(Dump(ActivityJson(activity, outcomes)));
  } else if (options.once) {
    for (const TableOutcome& outcome : outcomes) out.Line(Line(outcome));
    out.Flush();
  }
  if (!options.once) return {};
  return RowsLeft(runner.plan(), activity, outcomes);
}

}  // namespace

Activity LogSummary(StageWatch& watch, const Activity& before, Logger& logger) {
  Activity now = watch.Look();
  for (const auto& [source, capture] : now.captures) {
    auto old = before.captures.find(source);
    const CaptureActivity was = old != before.captures.end() ? old->second : CaptureActivity{};
    if (capture.changes_logged == was.changes_logged && capture.rows_read == was.rows_read)
      continue;
    logger.Info("captured source={} rows_read={} changes={} log_end={}{}", source,
                capture.rows_read - was.rows_read, capture.changes_logged - was.changes_logged,
                capture.log_end.value_or(Offset()).value(),
                capture.loads_running == 0 ? LogPairs{}
                                           : LogPairs{LogText(" initial_load=running about_rows={}",
                                                              capture.rows_to_load)});
  }
  for (const auto& [pipeline, apply] : now.applies) {
    auto old = before.applies.find(pipeline);
    const ApplyActivity was = old != before.applies.end() ? old->second : ApplyActivity{};
    if (apply.changes == was.changes) continue;
    logger.Info(
        "applied pipeline={} changes={} rows_written={} rows_newer={} refused={} next_offset={}{}",
        pipeline, apply.changes - was.changes, apply.rows_written - was.rows_written,
        apply.rows_newer - was.rows_newer, apply.refused - was.refused, apply.next.value(),
        Behind(apply));
  }
  return now;
}

int RunStages(const Invocation& invocation, const std::vector<std::string>& names,
              Runner::Options options) {
  StopSignals signals;
  auto logger = invocation.NewLogger();
  Config config = invocation.Load();
  config.EndWaits(signals.grace());
  Plan plan;
  try {
    plan = MakePlan(config, names);
  } catch (const Error& error) {
    if (error.condition() != Condition::kStopped) throw;
    return 0;
  }
  for (const std::string& warning : plan.warnings) logger->Warn("{}", warning);

  KeepPrivate(plan, *logger);
  SystemClock clock;
  Runner runner(std::move(plan), options, clock, logger);
  {
    std::jthread summary([&](std::stop_token stop) {
      SystemClock own_clock;
      Activity seen;
      while (own_clock.Sleep(kSummaryEvery, stop)) {
        seen = LogSummary(runner.watch(), seen, *logger);
      }
    });
    const std::jthread bar([&](std::stop_token stop) {
      if (!invocation.logs_json()) ShowLoads(runner.watch(), stderr, std::move(stop));
    });
    try {
      runner.Run(signals.token());
    } catch (const Error&) {
      if (options.once) Report(invocation, runner, options);
      throw;
    }
  }
  if (std::optional<Error> left = Report(invocation, runner, options)) throw *std::move(left);
  return 0;
}

}  // namespace syncline::cli
