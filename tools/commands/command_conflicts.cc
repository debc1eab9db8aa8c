#include <fmt/format.h>

#include <charconv>
#include <set>

#include "apply/state/conflict_table.h"
#include "apply/state/row_image.h"
#include "capture/plan/capture_plan.h"
#include "engine/base/error.h"
#include "engine/model/value_text.h"
#include "tools/commands/commands.h"
#include "tools/config/plan.h"
#include "tools/service/source_poll.h"

namespace syncline::cli {
namespace {

using apply::ConflictFilter;
using apply::ConflictRecord;

struct ConflictsOptions {
  std::vector<std::string> pipelines;  // list
  std::string pipeline;                // show, resolve
  uint64_t id = 0;
  uint64_t limit = 50;
  bool all = false;
  std::string keep;
  bool force = false;
};

// A conflict, and the target that keeps it.
struct Found {
  std::string target;
  ConflictRecord conflict;
};

Json ImageJson(const std::optional<std::string>& image) {
  return image ? Json::parse_or_null(*image) : Json();
}

Json OffsetJson(const std::string& text) {
  uint64_t offset = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
  return error == std::errc() && end == text.data() + text.size() ? Json(offset) : Json(text);
}

Json OptionalJson(const std::optional<std::string>& text) { return text ? Json(*text) : Json(); }

Json ConflictJson(const Found& found) {
  const ConflictRecord& conflict = found.conflict;
  return {{"id", conflict.id},
          {"pipeline", conflict.pipeline},
          {"target", found.target},
          {"detected_at", conflict.detected_at},
          {"table", conflict.table},
          {"key", ImageJson(conflict.key)},
          {"type", conflict.type},
          {"rule", conflict.rule},
          {"winner", conflict.winner},
          {"log_id", conflict.log_id},
          {"offset", OffsetJson(conflict.offset)},
          {"source_origin", conflict.source_origin},
          {"target_origin", conflict.target_origin},
          {"source_version", conflict.source_version},
          {"target_version", OptionalJson(conflict.target_version)},
          {"source_row", ImageJson(conflict.source_row)},
          {"target_row", ImageJson(conflict.target_row)},
          {"resolved_at", OptionalJson(conflict.resolved_at)},
          {"resolution", OptionalJson(conflict.resolution)}};
}

// Those of the named pipelines, latest first within a target.
std::vector<Found> Find(const Config& config, const std::vector<std::string>& pipelines,
                        ConflictFilter filter) {
  std::vector<Found> all;
  for (const std::string& name : config.Named(pipelines)) {
    const PipelineConfig& pipeline = config.Pipeline(name);
    if (config.LinesOf(pipeline)) continue;  // they meet no rows
    filter.pipeline = name;
    const auto records = InContext(fmt::format("target \"{}\"", pipeline.to), [&] {
      return apply::ListConflicts(config.Database(pipeline.to).url, filter);
    });
    for (const ConflictRecord& record : records) all.push_back({pipeline.to, record});
  }
  return all;
}

// Ids are given out by each target.
Found FindOne(const Config& config, const ConflictsOptions& options) {
  const std::vector<Found> found = Find(
      config, options.pipeline.empty() ? config.PipelineNames() : std::vector{options.pipeline},
      {.id = options.id, .resolved_too = true});
  if (found.empty()) {
    throw UsageError(fmt::format("no target has a conflict {}", options.id),
                     "`syncline conflicts list --all` shows those that there are");
  }
  if (found.size() > 1) {
    std::vector<std::string> names;
    for (const Found& one : found) names.push_back(one.conflict.pipeline);
    throw UsageError(
        fmt::format("more than one target has a conflict {}", options.id),
        fmt::format("say which one is meant with --pipeline: {}", fmt::join(names, ", ")));
  }
  return found.front();
}

int List(const Invocation& invocation, const ConflictsOptions& options) {
  const Config config = invocation.Load();
  const std::vector<Found> all =
      Find(config, options.pipelines.empty() ? config.PipelineNames() : options.pipelines,
           {.resolved_too = options.all, .limit = options.limit});
  if (invocation.json) {
    Json list = Json::array();
    for (const Found& found : all) list.push_back(ConflictJson(found));
    invocation.Print({{"conflicts", std::move(list)}});
    return 0;
  }
  Terminal out = invocation.Out();
  if (all.empty()) {
    out.Line(options.all ? "no conflicts" : "no conflicts that are not resolved");
    return 0;
  }
  TextTable table({{"ID", true},
                   {"PIPELINE"},
                   {"TABLE"},
                   {"KEY"},
                   {"TYPE"},
                   {"WINNER"},
                   {"DETECTED AT"},
                   {"RESOLVED"}});
  for (const auto& [target, conflict] : all) {
    table.Add({std::to_string(conflict.id), conflict.pipeline, conflict.table, conflict.key,
               conflict.type, fmt::format("{} ({})", conflict.winner, conflict.rule),
               conflict.detected_at, conflict.resolution.value_or("-")},
              conflict.resolution ? Style::kDim : Style::kPlain);
  }
  table.Print(out);
  return 0;
}

int Show(const Invocation& invocation, const ConflictsOptions& options) {
  const Found found = FindOne(invocation.Load(), options);
  if (invocation.json) {
    invocation.Print(ConflictJson(found));
    return 0;
  }
  const ConflictRecord& conflict = found.conflict;
  Terminal out = invocation.Out();
  const auto line = [&out](std::string_view name, const std::string& text) {
    out.Line(fmt::format("{:<9} {}", name, text));
  };
  const auto side = [&](const char* name, const std::string& version,
                        const std::optional<std::string>& row, const std::string& origin) {
    line(name, fmt::format("{}, version {}{}", origin, version.empty() ? "none" : version,
                           conflict.winner == name ? ", won" : ", lost"));
    line("", row.value_or("no row"));
  };
  line("conflict",
       fmt::format("{} of pipeline {} on {}", conflict.id, conflict.pipeline, found.target));
  line("row", fmt::format("{} of {}", conflict.key, conflict.table));
  line("type", fmt::format("{}, decided by {}", conflict.type, conflict.rule));
  line("change", fmt::format("offset {} of log {}", conflict.offset, conflict.log_id));
  line("detected", conflict.detected_at);
  side("source", conflict.source_version, conflict.source_row, conflict.source_origin);
  side("target", conflict.target_version.value_or("none"), conflict.target_row,
       conflict.target_origin);
  line("resolved", conflict.resolution ? fmt::format("{}, {}", *conflict.resolution,
                                                     conflict.resolved_at.value_or(""))
                                       : "not yet");
  return 0;
}

// The values of a conflict's key, as capture reads them.
Row KeyFrom(const TableSchema& table, const std::string& image) {
  std::vector<Column> columns;
  for (const uint32_t column : table.key) columns.push_back(table.columns[column]);
  const std::vector<std::optional<std::string>> texts = apply::ParseRowImage(columns, image);
  Row key;
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::optional<Value> value = FromText(columns[i].type, texts[i].value_or(""));
    key.Append(value ? value->view() : ValueView::Text(texts[i].value_or("")));
  }
  return key;
}

// In two directions the row's state, whose stamp may be old, goes to the other database as one that
// was made now.
void CaptureResolved(const Invocation& invocation, const Config& config, const Found& found) {
  const PipelineConfig& pipeline = config.Pipeline(found.conflict.pipeline);
  if (!pipeline.two_way) return;
  const Plan plan = MakePlan(config, {pipeline.name});
  const SourcePlan& node = plan.sources.front();
  const auto session = sql::Session::Open(node.url, {.read_only = true});
  for (const capture::CapturePlan& table : capture::PlanTables(*session, node.tables)) {
    if (table.name() != found.conflict.table) continue;
    SystemClock clock;
    PollSource(node, {{table.schema->table, {KeyFrom(*table.schema, found.conflict.key)}}}, clock,
               invocation.NewLogger("warn"));
  }
}

int Resolve(const Invocation& invocation, const ConflictsOptions& options) {
  const Config config = invocation.Load();
  const Found found = FindOne(config, options);
  const std::string done = apply::ResolveConflict(
      config.Database(found.target).url, options.id,
      options.keep == "source" ? apply::Keep::kSource : apply::Keep::kTarget, options.force);
  CaptureResolved(invocation, config, found);
  invocation.NewLogger()->Info("conflict resolved by hand pipeline={} target={} id={} kept={}",
                               found.conflict.pipeline, found.target, options.id, options.keep);
  if (invocation.json) {
    invocation.Print(ConflictJson(FindOne(config, options)));
  } else {
    invocation.Out().Line(fmt::format("conflict {}: {}", options.id, done));
  }
  return 0;
}

}  // namespace

void AddConflicts(Command& app, const Invocation& invocation) {
  auto options = std::make_shared<ConflictsOptions>();
  Command& command =
      app.AddCommand("conflicts", "Show and resolve what was decided between two states of a row");
  command.NeedsCommand();
  const auto runs = [&invocation, options](Command& part, auto function) {
    part.Runs([&invocation, options, function] { return function(invocation, *options); });
  };
  const auto takes_one = [options](Command& part) {
    part.AddOption("id", options->id, "The number that `syncline conflicts list` shows")
        .Required()
        .Type("ID");
    part.AddOption("--pipeline", options->pipeline,
                   "The pipeline, when several targets have a conflict of that number")
        .Type("PIPELINE");
  };

  Command& list =
      command.AddCommand("list", "List conflicts that nobody has resolved, the latest first");
  list.AddOption("pipelines", options->pipelines, "Pipelines; all if none is named")
      .Type("PIPELINE");
  list.AddFlag("--all", options->all, "List resolved ones, too");
  list.AddOption("--limit", options->limit, "List at most so many of each pipeline; 0: all")
      .ShowsDefault()
      .Type("N");
  runs(list, List);

  Command& show = command.AddCommand("show", "Show one conflict, with both states of the row");
  takes_one(show);
  runs(show, Show);

  Command& resolve = command.AddCommand("resolve", "Choose the state that the row is to have");
  takes_one(resolve);
  resolve.AddOption("--keep", options->keep, "The side whose state the row is to have")
      .Required()
      .OneOf({"source", "target"})
      .Type("source|target");
  resolve.AddFlag("--force", options->force, "Do it even if the row has been written since");
  runs(resolve, Resolve);

  command.Footer(
      R"(A conflict is decided as it is met, by the pipeline's rule; resolving it confirms
the decision or reverses it. Later changes of the source go on from there.

  syncline conflicts list
  syncline conflicts show 12
  syncline conflicts resolve 12 --keep target)");
}

}  // namespace syncline::cli
