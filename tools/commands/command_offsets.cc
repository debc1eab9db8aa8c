#include <fmt/format.h>

#include "apply/apply_stage.h"
#include "apply/state/set_progress.h"
#include "engine/base/error.h"
#include "engine/log/log_catalog.h"
#include "tools/commands/commands.h"
#include "tools/status/lines_status.h"
#include "tools/status/pipeline_status.h"

namespace syncline::cli {
namespace {

std::optional<apply::Progress> ProgressOf(const Config& config, const PipelineConfig& pipeline) {
  const auto rows = ReadTargetProgress(config, pipeline);
  for (const apply::Progress& row : rows) {
    if (row.pipeline == pipeline.name) return row;
  }
  return {};
}

int Show(const Invocation& invocation, const std::vector<std::string>& names) {
  const Config config = invocation.Load();
  Json list = Json::array();
  TextTable table(
      {{"PIPELINE"}, {"TARGET"}, {"NEXT OFFSET", true}, {"LOG"}, {"EPOCH", true}, {"SET AT"}});
  for (const std::string& name : config.Named(names)) {
    const PipelineConfig& pipeline = config.Pipeline(name);
    const auto row = ProgressOf(config, pipeline);
    Json json = {{"pipeline", name}, {"target", pipeline.to}, {"next_offset", nullptr}};
    if (row) {
      json["next_offset"] = row->next.value();
      json["log_id"] = row->log_id;
      json["epoch"] = row->epoch;
      json["updated_at"] = row->updated_at;
      table.Add({name, pipeline.to, FormatCount(row->next.value()), row->log_id,
                 std::to_string(row->epoch), row->updated_at});
    } else {
      const auto& lines = config.LinesOf(pipeline);
      const bool is_kept = !lines || !lines->is_stdout();
      table.Add({name, pipeline.to, "-", "-", "-", is_kept ? "never" : "each run begins anew"},
                Style::kDim);
    }
    list.push_back(std::move(json));
  }
  if (invocation.json) {
    invocation.Print({{"pipelines", std::move(list)}});
  } else {
    Terminal out = invocation.Out();
    table.Print(out);
  }
  return 0;
}

int Set(const Invocation& invocation, const std::string& name, uint64_t offset) {
  const Config config = invocation.Load();
  const PipelineConfig& pipeline = config.Pipeline(name);
  if (const auto& lines = config.LinesOf(pipeline)) {
    throw UsageError(
        fmt::format("pipeline \"{}\" writes lines to {}: what is written is not taken back, and "
                    "nothing is left out",
                    name, lines->ToString()),
        "To have all of them anew, let the pipeline write to another file.");
  }
  SystemClock clock;
  auto reader = OpenLog(config, pipeline.from, clock);
  const Offset begin = reader->begin(), end = reader->end(), next(offset);
  if (next > end || (next < begin && next != Offset(0))) {
    throw UsageError(
        fmt::format("offset {} is not in the log of \"{}\", which holds {} to {}", offset,
                    pipeline.from, begin.value(), end.value()),
        fmt::format("0 stands for everything again, {} for nothing but what comes", end.value()));
  }
  const auto before = ProgressOf(config, pipeline);
  if (before && next < begin && before->next > Offset(0) &&
      before->next < reader->OpenBase()->info().deletions_from) {
    throw UsageError(
        fmt::format("{} is at offset {}; the log has forgotten which rows were deleted since then, "
                    "so they would stay on {}",
                    name, before->next.value(), pipeline.to),
        "rebuild the target in an empty place with `syncline replay`");
  }
  apply::SetProgress(config.Database(pipeline.to).url, name, reader->info(), next);
  const uint64_t old = before ? before->next.value() : 0;
  invocation.NewLogger()->Info("offset set by hand pipeline={} target={} old={} new={} log_id={}",
                               name, pipeline.to, old, offset, reader->info().id.ToString());
  if (invocation.json) {
    invocation.Print({{"pipeline", name}, {"old", old}, {"new", offset}});
  } else {
    invocation.Out().Line(fmt::format("{}: next offset {} -> {}", name, old, offset));
  }
  return 0;
}

int Forget(const Invocation& invocation, const std::string& name, const std::string& source) {
  const Config config = invocation.Load();
  SystemClock clock;
  for (const std::string& from : source.empty() ? config.SourceNames() : std::vector{source}) {
    config.Database(from);
    if (!config.Log(from)->MayExist()) continue;
    auto reader = OpenLog(config, from, clock);
    for (const Consumer& consumer : reader->Consumers()) {
      if (consumer.name != name) continue;
      reader->Forget(name);
      if (invocation.json) {
        invocation.Print({{"pipeline", name}, {"source", from}, {"was_at", consumer.next.value()}});
      } else {
        invocation.Out().Line(fmt::format("{}: the log of {} no longer waits for it (it was at {})",
                                          name, from, consumer.next.value()));
      }
      return 0;
    }
  }
  throw UsageError(fmt::format("no log knows a pipeline \"{}\"", name),
                   "`syncline log stat` lists those that a log waits for");
}

}  // namespace

void AddOffsets(Command& app, const Invocation& invocation) {
  struct Options {
    std::vector<std::string> pipelines;
    std::string pipeline;
    std::string source;
    uint64_t offset = 0;
  };
  auto options = std::make_shared<Options>();
  Command& command = app.AddCommand("offsets", "Show or set where pipelines go on");
  command.NeedsCommand();
  Command& show = command.AddCommand("show", "Show the targets' progress rows");
  show.AddOption("pipelines", options->pipelines, "Pipelines; all if none is named")
      .Type("PIPELINE");
  show.Runs([&invocation, options] { return Show(invocation, options->pipelines); });
  Command& set = command.AddCommand("set", "Move a pipeline to an offset of its log");
  set.AddOption("pipeline", options->pipeline, "The pipeline to move").Required().Type("PIPELINE");
  set.AddOption("offset", options->offset, "The next change to apply; 0: everything again")
      .Required()
      .Type("N");
  set.Runs([&invocation, options] { return Set(invocation, options->pipeline, options->offset); });
  Command& forget = command.AddCommand(
      "forget", "Let retention no longer wait for a pipeline that is gone for good");
  forget.AddOption("pipeline", options->pipeline, "Its name, as the log knows it")
      .Required()
      .Type("PIPELINE");
  forget.AddOption("--source", options->source, "Only in the log of this database").Type("DB");
  forget.Runs(
      [&invocation, options] { return Forget(invocation, options->pipeline, options->source); });
  command.Footer(
      R"(Going back is harmless: changes that the target has already are recognised. Going
forward leaves out the changes in between, until their rows change again.

  syncline offsets show
  syncline offsets set shop-to-mirror 0)");
}

}  // namespace syncline::cli
