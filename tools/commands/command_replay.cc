#include <fmt/format.h>

#include <map>
#include <thread>

#include "apply/apply_stage.h"
#include "apply/state/conflict_table.h"
#include "apply/target/sql_target.h"
#include "capture/cursor/stored_cursor.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/sql/dialect.h"
#include "engine/sql/sql_dialect.h"
#include "tools/commands/commands.h"
#include "tools/commands/replay_conflicts.h"
#include "tools/config/expansion.h"
#include "tools/config/plan.h"
#include "tools/service/moment_watch.h"
#include "tools/status/log_cuts.h"
#include "tools/status/pipeline_status.h"
#include "tools/support/duration.h"
#include "tools/support/stop_signals.h"

namespace syncline::cli {
namespace {

// The target is not what the log says.
constexpr int kDivergedExit = 4;

struct ReplayOptions {
  std::string pipeline;
  std::string into;
  std::optional<uint64_t> to_offset;
  std::string to_time;
  bool inside_cut = false;
};

// Where a replay is to end.
struct End {
  Offset offset;
  std::optional<Cut> cut;  // none: inside of one, or an empty log
};

Error OlderIsFolded(const CutsAround& cuts) {
  return UsageError(
      fmt::format("the log covers its history only from offset {} on: older frames were folded "
                  "into its base; {}",
                  cuts.begin.value(), cuts.TellAfter()),
      "Choose a later offset or time, or restore a backup of the log that reaches further back.");
}

// For a place that no closed cut comes before.
Error IsInFirstLoad(const std::string& place, const CutsAround& cuts) {
  return UsageError(
      fmt::format("{} lies inside of the first load: no cut is closed before it, so there is no "
                  "state of the source to go back to; {}",
                  place, cuts.TellAfter()),
      "choose a later one; --inside-cut with an offset, or without an end, replays what there is");
}

End EndAtTime(const std::string& text, LogReader& log, const Clock& clock, Logger& logger) {
  const std::optional<WallTime> moment = ParseTime(text);
  if (!moment) {
    throw UsageError(fmt::format("--to-time must be an ISO 8601 time, not \"{}\"", text),
                     "for example 2026-01-31T23:59:59Z");
  }
  const CutsAround cuts = CutsAroundTime(log, *moment);
  if (*moment > clock.Now()) {
    logger.Warn("--to-time is in the future: what the log holds by now is replayed time={}", text);
  }
  if (cuts.before) return {cuts.before->end, cuts.before};
  const std::string place = fmt::format("--to-time {}", text);
  if (cuts.begin > Offset(0)) throw OlderIsFolded(cuts);
  log.Seek(cuts.begin);
  const std::optional<Frame> first = log.NextHeader();
  if (first && first->header.written_at <= *moment) throw IsInFirstLoad(place, cuts);
  throw UsageError(first ? fmt::format("{} is before the log begins, which is at {}; {}", place,
                                       FormatTime(first->header.written_at), cuts.TellAfter())
                         : fmt::format("{}: the log is empty", place),
                   "choose a later time");
}

// Inside of a cut a replay goes back to the one before, unless it is told to end there.
End EndAtOffset(Offset place, const std::string& name, bool inside_cut, LogReader& log,
                Logger& logger) {
  const CutsAround cuts = CutsAroundOffset(log, place);
  if (cuts.before && cuts.before->end == place) return {place, cuts.before};
  if (place < cuts.begin) throw OlderIsFolded(cuts);
  if (inside_cut) return {place, {}};
  if (!cuts.before && place == Offset(0)) {
    throw UsageError(fmt::format("{} is before the log's first change; {}", name, cuts.TellAfter()),
                     "choose a later offset");
  }
  if (!cuts.before) throw IsInFirstLoad(name, cuts);
  logger.Warn(
      "{} lies inside of a cut: {}, {}; the replay ends with the former (--inside-cut: here, "
      "between two states of the source)",
      name, cuts.TellBefore(), cuts.TellAfter());
  return {cuts.before->end, cuts.before};
}

End EndOfLog(bool inside_cut, LogReader& log, Logger& logger) {
  const std::optional<FrameHeader> last = log.Last();
  if (!last && log.end() == Offset(0)) return {};
  if (last && last->closes_cut) {
    const std::optional<WallTime> time = capture::SourceTimeOf(last->cursor);
    return {last->end(), Cut{last->end(), time.value_or(last->written_at)}};
  }
  return EndAtOffset(log.end(), "the log's end", inside_cut, log, logger);
}

End ChooseEnd(const ReplayOptions& options, LogReader& log, const Clock& clock, Logger& logger) {
  if (!options.to_time.empty()) return EndAtTime(options.to_time, log, clock, logger);
  if (!options.to_offset) return EndOfLog(options.inside_cut, log, logger);
  const Offset place(*options.to_offset);
  if (place > log.end()) {
    throw UsageError(fmt::format("--to-offset {} is beyond the log, which ends at {}",
                                 place.value(), log.end().value()));
  }
  return EndAtOffset(place, fmt::format("--to-offset {}", place.value()), options.inside_cut, log,
                     logger);
}

// A database of another kind than the pipeline's target gets the tables under the names that a
// pipeline into it would give them: SQLite has no schemas.
void MapInto(Dialect into, std::vector<apply::TableMapping>& tables) {
  std::map<TableName, TableName> sources;  // by target, in folded letters
  for (apply::TableMapping& table : tables) {
    if (table.target.schema.empty()) table.target.schema = table.source.schema;
    table.target = sql::NameIn(into, table.target);
    const TableName folded{table.target.schema, sql::FoldedName(table.target.name, into)};
    const auto [other, is_new] = sources.try_emplace(folded, table.source);
    if (is_new) continue;
    throw UsageError(
        fmt::format("tables {} and {} would both become {} there", other->second.ToString(),
                    table.source.ToString(), table.target.ToString()),
        "replay into a database of the kind of the pipeline's own target, or give one "
        "of them another \"to\"");
  }
}

// What a replay writes, as far as moments go: stamps there are the source's own, whatever the time
// zone of the database that they were restored to.
PipelinePlan Replayed(PipelinePlan pipeline, const sql::DatabaseUrl& into,
                      const std::vector<apply::TableMapping>& tables) {
  pipeline.target_url = into;
  pipeline.tables = tables;
  pipeline.two_way = false;
  pipeline.lines.reset();
  for (apply::TableMapping& table : pipeline.tables) {
    table.conflict = apply::ConflictRule::kSourceWins;
  }
  return pipeline;
}

std::string TellProgress(const apply::ApplyStats& stats, Offset end) {
  return fmt::format("at offset {} of {}, {} rows written", FormatCount(stats.next_offset),
                     FormatCount(end.value()), FormatCount(stats.rows_written));
}

// What became of it.
struct ReplayOutcome {
  uint64_t next = 0;
  Offset end;
  std::optional<Cut> cut;  // that the target stands at
  std::string where;       // the same, in words
  uint64_t conflicts = 0;  // on the target, of this log, that nobody has looked into
  uint64_t parked = 0;     // refused changes, and those that wait behind them
  bool stopped = false;
};

ReplayOutcome ReplayOutcomeOf(const apply::ApplyStats& stats, const End& end, LogReader& log,
                              const sql::DatabaseUrl& into, const std::string& pipeline) {
  ReplayOutcome outcome{.next = stats.next_offset, .end = end.offset};
  outcome.conflicts = apply::CountUnresolved(into, pipeline, log.info().id.ToString());
  outcome.parked = stats.parked + stats.waiting;
  const Offset next(outcome.next);
  if (next == end.offset && end.cut) {
    outcome.cut = end.cut;
  } else {
    const CutsAround cuts = CutsAroundOffset(log, next);
    if (cuts.before && cuts.before->end == next) outcome.cut = cuts.before;
    outcome.where = fmt::format("inside of a cut: {}, {}", cuts.TellBefore(), cuts.TellAfter());
  }
  if (outcome.cut) outcome.where = TellCut(*outcome.cut);
  return outcome;
}

Json OutcomeJson(const ReplayOutcome& outcome, const apply::ApplyStats& stats) {
  Json json = {{"next_offset", outcome.next},
               {"changes", stats.changes.load()},
               {"rows_written", stats.rows_written.load()},
               {"rows_newer", stats.rows_newer.load()},
               {"conflicts", outcome.conflicts},
               {"parked", outcome.parked},
               {"stopped", outcome.stopped}};
  json["cut"] = outcome.cut ? Json(outcome.cut->end.value()) : Json();
  json["source_time"] = outcome.cut ? Json(FormatTime(outcome.cut->time)) : Json();
  return json;
}

void Tell(const Invocation& invocation, const std::string& pipeline, const std::string& into,
          const ReplayOutcome& outcome, const apply::ApplyStats& stats, Offset log_end) {
  if (invocation.json) {
    Json json = {{"pipeline", pipeline}, {"into", into}, {"log_end", log_end.value()}};
    json.update(OutcomeJson(outcome, stats));
    return invocation.Print(json);
  }
  invocation.Out().Line(fmt::format(
      "{} {} into {}: {}, {} conflicts, {} parked; {}", pipeline,
      outcome.stopped ? "replayed in part" : "replayed", into, TellProgress(stats, outcome.end),
      FormatCount(outcome.conflicts), FormatCount(outcome.parked), outcome.where));
}

// The database to replay into, which must not be one of the pipeline's own.
sql::DatabaseUrl Destination(const Config& config, const PipelineConfig& pipeline,
                             const std::string& address) {
  sql::DatabaseUrl into = ParseAddress(address);
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
  return into;
}

void RunStage(const Invocation& invocation, apply::ApplyStage& stage, Offset end,
              std::stop_token token) {
  std::jthread progress([&](std::stop_token stop) {
    SystemClock own_clock;
    Terminal err(stderr);
    const auto logger = invocation.NewLogger();
    while (own_clock.Sleep(std::chrono::seconds(2), stop)) {
      if (invocation.logs_json()) {
        logger->Info("replaying offset={} end={} rows_written={}", stage.stats().next_offset.load(),
                     end.value(), stage.stats().rows_written.load());
      } else {
        err.Line("replaying: " + TellProgress(stage.stats(), end));
      }
    }
  });
  stage.Run(std::move(token));
}

int Replay(const Invocation& invocation, const ReplayOptions& options) {
  StopSignals signals;
  auto logger = invocation.NewLogger("warn");
  Config config = invocation.Load();
  config.EndWaits(signals.grace());
  const PipelineConfig& pipeline = config.Pipeline(options.pipeline);
  const sql::DatabaseUrl into = Destination(config, pipeline, options.into);
  const Plan plan = MakePlan(config, {pipeline.name});
  SystemClock clock;
  auto reader = OpenLog(config, pipeline.from, clock);
  const End end = ChooseEnd(options, *reader, clock, *logger);
  if (const auto last = reader->Last()) {
    for (const TableName& table : capture::TablesOwingDeletions(last->cursor)) {
      logger->Warn(
          "the log may hold rows that are gone from the source: capture has yet to look for them, "
          "or holds deletions back table={}",
          table.ToString());
    }
  }
  // What the source's tables have lost in the course of the log stops nobody here.
  std::vector<apply::TableMapping> tables = plan.pipelines.front().tables;
  for (apply::TableMapping& table : tables) table.changed_columns = apply::ChangedColumns::kKeep;
  MapInto(into.dialect, tables);
  const PipelinePlan replayed = Replayed(plan.pipelines.front(), into, tables);
  MomentWatch watched(replayed, *reader, *logger);
  // Retention waits for a replay until it is done, also for one that was cut off.
  const std::string consumer = "replay into " + into.display;
  apply::ApplyStage stage(apply::SqlTargetAt(into, tables),
                          {.pipeline = pipeline.name,
                           .once = true,
                           .to_offset = end.offset,
                           .consumer = consumer,
                           .quarantine_limit = pipeline.quarantine_limit},
                          watched, clock, logger);
  if (const uint64_t at = stage.stats().next_offset; Offset(at) > end.offset) {
    throw UsageError(fmt::format("{} is at offset {} already, beyond offset {}, where the replay "
                                 "is to end",
                                 into.display, at, end.offset.value()),
                     "replay only goes forward: build another one from nothing");
  }
  RunStage(invocation, stage, end.offset, signals.token());
  TakeBackKnownStates(*reader, Offset(stage.stats().next_offset), into, pipeline.name, tables);
  const bool stopped = signals.token().stop_requested();
  if (!stopped) reader->Forget(consumer);
  ReplayOutcome outcome = ReplayOutcomeOf(stage.stats(), end, *reader, into, pipeline.name);
  outcome.stopped = stopped;
  Tell(invocation, pipeline.name, into.display, outcome, stage.stats(), reader->end());
  return outcome.conflicts + outcome.parked > 0 ? kDivergedExit : 0;
}

}  // namespace

void AddReplay(Command& app, const Invocation& invocation) {
  auto options = std::make_shared<ReplayOptions>();
  Command& command = app.AddCommand("replay", "Rebuild a target from the log, somewhere else");
  command.AddOption("pipeline", options->pipeline, "The pipeline whose log is applied")
      .Required()
      .Type("PIPELINE");
  command.AddOption("--into", options->into, "The address of the database to build the target in")
      .Required()
      .Type("URL");
  Option to_offset =
      command
          .AddOption("--to-offset", options->to_offset, "Stop before the change with this offset")
          .Type("N");
  command
      .AddOption("--to-time", options->to_time,
                 "Stop with the last cut up to this moment of the source's clock")
      .Type("TIME")
      .Excludes(to_offset);
  command.AddFlag("--inside-cut", options->inside_cut,
                  "Stop at --to-offset even if it is between two states of the source");
  command.Footer(
      R"(Applies the pipeline's log from its beginning: its base, if older frames were folded,
then its frames. A replay that was cut off goes on when it is called again, also
further than before.

It ends where a cut is closed, so with one state of the source, and names it. Exits
with 4 when rows of the target are in conflict with the log, or parked. Triggers of
the target do not fire meanwhile (on PostgreSQL foreign keys are not checked then);
where the role may not keep them quiet, nothing is replayed.

  syncline replay shop-to-mirror --into sqlite:rebuilt.db
  syncline replay shop-to-mirror --into sqlite:before.db --to-time 2026-01-31T12:00:00Z)");
  command.Runs([&invocation, options] { return Replay(invocation, *options); });
}

}  // namespace syncline::cli
