#include <fmt/format.h>

#include <algorithm>

#include "apply/state/quarantine.h"
#include "apply/target/quarantine_admin.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "tools/check/moment_check.h"
#include "tools/commands/commands.h"
#include "tools/config/plan.h"
#include "tools/history/best_effort_state_store.h"
#include "tools/service/hooks.h"
#include "tools/service/incidents.h"
#include "tools/status/pipeline_status.h"

namespace syncline::cli {
namespace {

struct QuarantineOptions {
  std::vector<std::string> pipelines;
  std::string pipeline;
  std::vector<uint64_t> ids;
};

Json ParkedJson(const apply::ParkedChange& parked) {
  const apply::QuarantinedChange& step = parked.step;
  return {{"id", parked.id},
          {"pipeline", parked.pipeline},
          {"table", parked.target_table},
          {"source_table", parked.source_table},
          {"key", KeyJson(*step.schema, step.change.key)},
          {"operation", step.deletion ? "delete" : "upsert"},
          {"row", step.deletion ? Json(nullptr) : RowJson(*step.schema, step.change.row)},
          {"version", ToJson(step.change.version)},
          {"previous", step.change.previous ? ToJson(*step.change.previous) : Json(nullptr)},
          {"log_id", parked.log_id},
          {"epoch", parked.epoch},
          {"offset", step.change.offset.value()},
          {"changes", parked.changes},
          {"reason", parked.reason},
          {"code", parked.code.empty() ? Json(nullptr) : Json(parked.code)},
          {"parked_at", parked.parked_at},
          {"waiting_for", parked.waiting_for ? Json(*parked.waiting_for) : Json(nullptr)}};
}

std::string KeyText(const apply::ParkedChange& parked) {
  return Dump(KeyJson(*parked.step.schema, parked.step.change.key));
}

std::vector<apply::ParkedChange> Parked(const Config& config, const std::string& name) {
  const PipelineConfig& pipeline = config.Pipeline(name);
  if (config.LinesOf(pipeline)) return {};  // no line is refused
  return InContext(fmt::format("target \"{}\"", pipeline.to),
                   [&] { return apply::ListQuarantine(config.Database(pipeline.to).url, name); });
}

int List(const Invocation& invocation, const std::vector<std::string>& names) {
  const Config config = invocation.Load();
  Json list = Json::array();
  TextTable table({{"ID", true},
                   {"PIPELINE"},
                   {"TABLE"},
                   {"KEY"},
                   {"OFFSET", true},
                   {"PARKED AT"},
                   {"REASON"}});
  uint64_t refused = 0, waiting = 0;
  for (const std::string& name : names.empty() ? config.PipelineNames() : names) {
    for (const apply::ParkedChange& parked : Parked(config, name)) {
      ++(parked.waiting_for ? waiting : refused);
      table.Add({std::to_string(parked.id), name, parked.target_table, KeyText(parked),
                 FormatCount(parked.step.change.offset.value()), parked.parked_at, parked.reason},
                parked.waiting_for ? Style::kDim : Style::kPlain);
      if (invocation.json) list.push_back(ParkedJson(parked));
    }
  }
  if (invocation.json) {
    invocation.Print({{"refused", refused}, {"waiting", waiting}, {"parked", std::move(list)}});
    return 0;
  }
  Terminal out = invocation.Out();
  if (refused + waiting == 0) {
    out.Line("nothing is parked");
    return 0;
  }
  table.Print(out);
  out.Line(fmt::format("{} refused, {} waiting behind them", FormatCount(refused),
                       FormatCount(waiting)));
  return 0;
}

int Show(const Invocation& invocation, const std::string& name, uint64_t id) {
  const Config config = invocation.Load();
  const std::vector<apply::ParkedChange> all = Parked(config, name);
  const auto found = std::ranges::find(all, id, &apply::ParkedChange::id);
  if (found == all.end()) {
    throw UsageError(fmt::format("pipeline {} has no parked change {}", name, id),
                     "`syncline quarantine list` shows those that there are");
  }
  if (invocation.json) {
    invocation.Print(ParkedJson(*found));
    return 0;
  }
  Terminal out = invocation.Out();
  const auto line = [&out](std::string_view what, const std::string& value) {
    out.Line(fmt::format("{:<10} {}", what, value));
  };
  line("change", fmt::format("{} of pipeline {}", id, name));
  line("reason", found->reason + (found->code.empty() ? "" : " [" + found->code + "]"));
  line("table", fmt::format("{} (from {})", found->target_table, found->source_table));
  line("offset",
       fmt::format("{}{}", FormatCount(found->step.change.offset.value()),
                   found->changes > 1 ? fmt::format(", the last of {} changes of this row",
                                                    FormatCount(found->changes))
                                      : ""));
  line("parked at", found->parked_at);
  line("key", KeyText(*found));
  line("operation", found->step.deletion ? "delete" : "upsert");
  if (!found->step.deletion) {
    line("row", Dump(RowJson(*found->step.schema, found->step.change.row)));
  }
  for (const apply::ParkedChange& other : all) {
    if (other.waiting_for == id) {
      line("behind it", fmt::format("{}: {} later change{}", other.id, FormatCount(other.changes),
                                    other.changes == 1 ? "" : "s"));
    }
  }
  return 0;
}

enum class Care { kRetry, kSkip };

// What is needed to take care of a pipeline's quarantine. Neither copied nor moved: the log's
// reader borrows the clock.
class CareOfPipeline {
 public:
  CareOfPipeline(const Invocation& invocation, const QuarantineOptions& options, Care care,
                 const std::shared_ptr<Logger>& logger)
      : options_(options), is_skip_(care == Care::kSkip) {
    const std::string& name = options.pipeline;
    const Config config = invocation.Load();
    if (const auto& lines = config.LinesOf(config.Pipeline(name))) {
      throw UsageError(
          fmt::format("pipeline \"{}\" writes lines to {}: none is ever refused, so nothing is "
                      "parked",
                      name, lines->ToString()),
          "There is nothing to be done.");
    }
    const Plan plan = MakePlan(config, {name});
    const PipelinePlan& pipeline = plan.pipelines.front();
    const KnownTables known = RequireSameMoments(pipeline, *logger);
    for (const apply::ParkedChange& parked : Parked(config, name)) {
      if (!WillBeApplied(parked)) continue;
      InContext(fmt::format("change {}", parked.id),
                [&] { RequireSameMoments(pipeline, known, parked.step.schema); });
    }
    log_ = OpenLog(config, pipeline.source, clock_);
    care_ = {.target = pipeline.target_url,
             .tables = pipeline.tables,
             .source = log_->info().source,
             .pipeline = name,
             .logger = logger,
             .log = log_.get()};
  }
  CareOfPipeline(const CareOfPipeline&) = delete;
  CareOfPipeline& operator=(const CareOfPipeline&) = delete;

  const apply::QuarantineAdmin& care() const { return care_; }

 private:
  // Of what is skipped only that is applied what waits behind it.
  bool WillBeApplied(const apply::ParkedChange& parked) const {
    if (is_skip_ && !parked.waiting_for) return false;
    const uint64_t refused = parked.waiting_for.value_or(parked.id);
    return options_.ids.empty() || std::ranges::find(options_.ids, refused) != options_.ids.end();
  }

  const QuarantineOptions& options_;
  const bool is_skip_;
  SystemClock clock_;
  std::unique_ptr<LogReader> log_;
  apply::QuarantineAdmin care_;
};

int Tell(const Invocation& invocation, const std::string& name, std::string_view done,
         const apply::QuarantineResult& result) {
  if (invocation.json) {
    Json refused = Json::array();
    for (const auto& [id, reason] : result.refused) {
      refused.push_back({{"id", id}, {"reason", reason}});
    }
    invocation.Print({{"pipeline", name},
                      {"applied", result.applied},
                      {"skipped", result.skipped},
                      {"refused", std::move(refused)}});
  } else {
    Terminal out = invocation.Out();
    out.Line(fmt::format("{}: {}{} applied, {} still refused", name, done,
                         FormatCount(result.applied), FormatCount(result.refused.size())));
    for (const auto& [id, reason] : result.refused) {
      out.Line(fmt::format("  {}: {}", id, reason));
    }
  }
  return result.refused.empty() ? 0 : 1;
}

// That nothing is refused any more is told from here, whether or not the pipeline runs.
void NoteRefusals(const Invocation& invocation, const std::string& name,
                  const std::shared_ptr<Logger>& logger) {
  const Config config = invocation.Load();
  const PipelineConfig& pipeline = config.Pipeline(name);
  const auto refused = apply::CountQuarantine(config.Database(pipeline.to).url);
  const auto own = refused.find(name);
  SystemClock clock;
  BestEffortStateStore book(config.log, clock, logger);
  Hooks hooks({{name, pipeline.schedule.on_error}}, logger);
  Incidents(book, hooks, clock).StillRefusing(name, own == refused.end() ? 0 : own->second);
}

int Retry(const Invocation& invocation, const QuarantineOptions& options) {
  const auto logger = invocation.NewLogger("warn");
  const CareOfPipeline care(invocation, options, Care::kRetry, logger);
  const apply::QuarantineResult result = apply::RetryQuarantined(care.care(), options.ids);
  NoteRefusals(invocation, options.pipeline, logger);
  return Tell(invocation, options.pipeline, "", result);
}

int Skip(const Invocation& invocation, const QuarantineOptions& options) {
  const auto logger = invocation.NewLogger();
  const CareOfPipeline care(invocation, options, Care::kSkip, logger);
  const apply::QuarantineResult result = apply::SkipQuarantined(care.care(), options.ids);
  NoteRefusals(invocation, options.pipeline, logger);
  return Tell(invocation, options.pipeline, fmt::format("{} skipped, ", result.skipped), result);
}

}  // namespace

void AddQuarantine(Command& app, const Invocation& invocation) {
  auto options = std::make_shared<QuarantineOptions>();
  Command& command =
      app.AddCommand("quarantine", "Show, retry or drop changes that targets refused");
  command.NeedsCommand();
  const auto add = [&](const char* name, const char* what, auto run) -> Command& {
    Command& sub = command.AddCommand(name, what);
    sub.Runs([&invocation, options, run] { return run(invocation, *options); });
    return sub;
  };
  Command& list =
      add("list", "List every parked change",
          [](const Invocation& i, const QuarantineOptions& o) { return List(i, o.pipelines); });
  list.AddOption("pipelines", options->pipelines, "Pipelines; all if none is named")
      .Type("PIPELINE");
  Command& show = add("show", "Show one parked change, with its row",
                      [](const Invocation& i, const QuarantineOptions& o) {
                        return Show(i, o.pipeline, o.ids.front());
                      });
  Command& retry = add("retry", "Apply parked changes again, and what waits behind them",
                       [](const Invocation& i, const QuarantineOptions& o) { return Retry(i, o); });
  Command& skip = add("skip", "Drop refused changes for good; what waits behind them is applied",
                      [](const Invocation& i, const QuarantineOptions& o) { return Skip(i, o); });
  for (Command* sub : {&show, &retry, &skip}) {
    sub->AddOption("pipeline", options->pipeline, "The pipeline of the target")
        .Required()
        .Type("PIPELINE");
  }
  show.AddOption("id", options->ids, "The number that `quarantine list` shows")
      .Required()
      .Takes(1, 1)
      .Type("ID");
  retry.AddOption("ids", options->ids, "Refused changes; all if none is named").Type("ID");
  skip.AddOption("ids", options->ids, "Refused changes").Required().Type("ID");
  command.Footer(
      R"(A change that a target refuses is parked with its reason; later changes of the same
row wait behind it, everything else goes on. Mend the target, or the row at its
source, then retry. All of this works while the pipeline runs. Exit code 1 when
something is still refused.

  syncline quarantine list
  syncline quarantine show shop-to-mirror 7
  syncline quarantine retry shop-to-mirror
  syncline quarantine skip shop-to-mirror 7)");
}

}  // namespace syncline::cli
