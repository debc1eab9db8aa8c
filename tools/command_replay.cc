#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <thread>

#include "apply/apply_stage.h"
#include "engine/base/error.h"
#include "tools/commands.h"
#include "tools/duration.h"
#include "tools/expansion.h"
#include "tools/pipeline_status.h"
#include "tools/plan.h"
#include "tools/stop_signals.h"

namespace syncline::cli {
namespace {

struct Options {
  std::string pipeline;
  std::string into;
  std::optional<uint64_t> to_offset;
  std::string to_time;
};

apply::ApplyOptions ApplyOptionsFor(const Options& options, const PipelineConfig& pipeline,
                                    const std::string& consumer, Offset log_end) {
  apply::ApplyOptions out{.pipeline = pipeline.name,
                          .once = true,
                          .consumer = consumer,
                          .quarantine_limit = pipeline.quarantine_limit};
  if (options.to_offset) {
    if (Offset(*options.to_offset) > log_end) {
      throw UsageError(fmt::format("--to-offset {} is beyond the log, which ends at {}",
                                   *options.to_offset, log_end.value()));
    }
    out.to_offset = Offset(*options.to_offset);
  }
  if (!options.to_time.empty()) {
    out.to_time = ParseTime(options.to_time);
    if (!out.to_time) {
      throw UsageError(
          fmt::format("--to-time must be an ISO 8601 time, not \"{}\"", options.to_time),
          "for example 2026-01-31T23:59:59Z");
    }
  }
  return out;
}

std::string TellProgress(const apply::ApplyStats& stats, Offset end) {
  return fmt::format("at offset {} of {}, {} rows written", FormatCount(stats.next_offset),
                     FormatCount(end.value()), FormatCount(stats.rows_written));
}

int Replay(const Invocation& invocation, const Options& options) {
  StopSignals signals;
  auto logger = invocation.Logger("warn");
  Config config = invocation.Load();
  config.EndWaits(signals.grace());
  const PipelineConfig& pipeline = config.Pipeline(options.pipeline);
  sql::DatabaseUrl into = ParseAddress(options.into);
  into.limits = config.Database(pipeline.to).url.limits;
  if (into.connection == config.Database(pipeline.to).url.connection) {
    throw UsageError(fmt::format("{} is the target that pipeline \"{}\" keeps in step itself",
                                 into.display, pipeline.name),
                     fmt::format("replay into another database; to apply everything again there, "
                                 "`syncline offsets set {} 0`",
                                 pipeline.name));
  }
  if (into.connection == config.Database(pipeline.from).url.connection) {
    throw UsageError(
        fmt::format("{} is the source of pipeline \"{}\"", into.display, pipeline.name),
        "replay into another database: here old states would meet the rows they came from");
  }
  const Plan plan = MakePlan(config, {pipeline.name});
  SystemClock clock;
  auto reader = OpenLog(config, pipeline.from, clock);
  // Retention waits for a replay until it is done, also for one that was cut off.
  const std::string consumer = "replay into " + into.display;
  const Offset end = options.to_offset ? Offset(*options.to_offset) : reader->end();
  // What the source's tables have lost in the course of the log stops nobody here.
  std::vector<apply::TableMapping> tables = plan.pipelines.front().tables;
  for (apply::TableMapping& table : tables) table.changed_columns = apply::ChangedColumns::kKeep;
  apply::ApplyStage stage(into, std::move(tables),
                          ApplyOptionsFor(options, pipeline, consumer, reader->end()), *reader,
                          clock, logger);
  if (const uint64_t at = stage.stats().next_offset; options.to_offset && at > *options.to_offset) {
    throw UsageError(fmt::format("{} is at offset {} already, beyond --to-offset {}", into.display,
                                 at, *options.to_offset),
                     "replay only goes forward: build another one from nothing");
  }
  {
    std::jthread progress([&](std::stop_token stop) {
      SystemClock own_clock;
      Terminal err(stderr);
      while (own_clock.Sleep(std::chrono::seconds(2), stop)) {
        err.Line("replaying: " + TellProgress(stage.stats(), end));
      }
    });
    stage.Run(signals.token());
  }
  if (!signals.token().stop_requested()) reader->Forget(consumer);
  const apply::ApplyStats& stats = stage.stats();
  if (invocation.json) {
    invocation.Print({{"pipeline", pipeline.name},
                      {"into", into.display},
                      {"next_offset", stats.next_offset.load()},
                      {"log_end", reader->end().value()},
                      {"changes", stats.changes.load()},
                      {"rows_written", stats.rows_written.load()},
                      {"rows_newer", stats.rows_newer.load()},
                      {"stopped", signals.token().stop_requested()}});
  } else {
    invocation.Out().Line(
        fmt::format("{} {} into {}: {}", pipeline.name,
                    signals.token().stop_requested() ? "replayed in part" : "replayed",
                    into.display, TellProgress(stats, end)));
  }
  return 0;
}

}  // namespace

void AddReplay(CLI::App& app, const Invocation& invocation, CommandBody& body) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("replay", "Rebuild a target from the log, somewhere else");
  command->add_option("pipeline", options->pipeline)->required()->type_name("PIPELINE");
  command->add_option("--into", options->into, "The database to build the target in")
      ->required()
      ->type_name("URL");
  auto* to_offset =
      command
          ->add_option("--to-offset", options->to_offset, "Stop before the change with this offset")
          ->type_name("N");
  command->add_option("--to-time", options->to_time, "Stop before what was captured after this")
      ->type_name("TIME")
      ->excludes(to_offset);
  command->footer(
      R"(Applies the pipeline's log from its beginning: its base, if older frames were folded, then its frames. A replay that was cut off goes on
when it is called again, also further than before.

  syncline replay shop-to-mirror --into sqlite:rebuilt.db
  syncline replay shop-to-mirror --into sqlite:before.db --to-time 2026-01-31T12:00:00Z)");
  command->callback([&invocation, &body, options] {
    body = [&invocation, options] { return Replay(invocation, *options); };
  });
}

}  // namespace syncline::cli
