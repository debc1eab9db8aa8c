#include "tools/config/two_way_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>

#include "capture/plan/cursor_columns.h"
#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "tools/config/config_enum.h"
#include "tools/config/mapped_table.h"

namespace syncline::cli {
namespace {

const Choices<capture::AheadStamps> kAheadStamps = {{"cap", capture::AheadStamps::kCap},
                                                    {"accept", capture::AheadStamps::kAccept},
                                                    {"stop", capture::AheadStamps::kStop}};

void CheckNames(const std::vector<std::string>& names, const std::vector<std::string>& known,
                int line, std::string_view key, Mistakes& mistakes) {
  for (const std::string& name : names) {
    if (std::ranges::find(known, name) != known.end()) continue;
    mistakes.Add(line, fmt::format("\"{}\" names the unknown database \"{}\"{} (known: {})", key,
                                   name, DidYouMean(name, known), fmt::join(known, ", ")));
  }
}

// What a table of a pipeline of two directions must not say, and why.
std::vector<std::string> Objections(const TableRule& rule) {
  std::vector<std::string> objections;
  const auto object = [&](bool applies, std::string text) {
    if (applies) objections.push_back(std::move(text));
  };
  object(rule.is_glob, "name the tables one by one: each side has tables of its own");
  object(rule.capture != capture::CaptureMethod::kCursor,
         fmt::format("\"capture: {}\" is for one direction: in two the version of a row, its "
                     "cursor, decides conflicts",
                     capture::NameOf(rule.capture)));
  object(!rule.omit.empty(),
         "\"omit\" is for one direction: a column that only one side has stays there with "
         "\"new_columns: ignore\"");
  object(!rule.where.empty(),
         "\"where\" is for one direction: a row that leaves the set would stay on one side");
  object(!rule.deletes.flag.empty(),
         "\"deletes: soft\" is for one direction: in two the column is kept equal like any other");
  object(rule.on_delete.action != apply::OnDelete::kDelete, "\"on_delete\" is for one direction");
  const bool has_cursor = rule.capture == capture::CaptureMethod::kCursor;
  object((rule.conflict == apply::ConflictRule::kSourceWins && has_cursor) ||
             rule.conflict == apply::ConflictRule::kTargetWins,
         "each side is source and target: use latest_wins, or {prefer: [DATABASE, ..]} for the "
         "pipeline");
  return objections;
}

std::string Renamed(const std::string& column, const std::map<std::string, std::string>& columns) {
  const auto found = columns.find(column);
  return found == columns.end() ? column : found->second;
}

// The same table, seen from the other side.
TableRule Turned(const TableRule& rule, Dialect from, Dialect to) {
  TableRule turned = rule;
  const TableName source = QualifiedName(rule.pattern, from);
  turned.pattern = TargetName(rule, source, to).ToString();
  turned.to = source.ToString();
  turned.columns.clear();
  for (const auto& [column, renamed] : rule.columns) turned.columns[renamed] = column;
  auto cursor = capture::CursorColumns::Parse(rule.cursor);
  cursor.column = Renamed(cursor.column, rule.columns);
  cursor.fallback = Renamed(cursor.fallback, rule.columns);
  turned.cursor = cursor.Text();
  for (std::string& column : turned.key) column = Renamed(column, rule.columns);
  return turned;
}

}  // namespace

Place PlaceOfPipeline(const YAML::Node& node) {
  return node.IsMap() && node["between"].IsDefined() ? Place::kTwoWayPipeline : Place::kPipeline;
}

std::optional<TwoWayChoice> ReadTwoWay(YamlMap& map, const std::string& pipeline,
                                       const std::vector<std::string>& known, Mistakes& mistakes) {
  TwoWayChoice choice{.name = pipeline};
  if (!map.Has("between")) return std::nullopt;
  if (map.IsMap("conflict")) {
    YamlMap conflict = map.Inside("conflict");
    choice.prefer = conflict.Texts("prefer");
    CheckNames(choice.prefer, known, conflict.line(), "prefer", mistakes);
    if (choice.prefer.empty()) {
      mistakes.Add(conflict.line(), "\"conflict\" must be a rule, or {prefer: [DATABASE, ..]}");
    }
    conflict.RefuseOthers();
  }
  choice.between = map.Texts("between");
  const int line = map.LineOf("between");
  CheckNames(choice.between, known, line, "between", mistakes);
  if (choice.between.size() != 2 || choice.between.front() == choice.between.back()) {
    mistakes.Add(line,
                 "\"between\" must name two databases, such as [a, b]; for more than two, choose "
                 "one as the hub and make a pipeline from it to each of the others");
    choice.between.clear();
  }
  if (const auto skew = map.Duration("max_skew")) choice.max_skew = *skew;
  if (const auto ahead = Choose(map, "ahead", kAheadStamps)) choice.ahead = *ahead;
  return choice;
}

std::vector<PipelineConfig> BothDirections(const Config& config, PipelineConfig pipeline,
                                           Mistakes& mistakes) {
  const TwoWayChoice& choice = *pipeline.two_way;
  for (TableRule& rule : pipeline.tables) {
    for (const std::string& objection : Objections(rule)) {
      mistakes.Add(rule.line, fmt::format("table \"{}\" of pipeline \"{}\", which has two "
                                          "directions: {}",
                                          rule.pattern, choice.name, objection));
    }
    if (!choice.prefer.empty()) rule.conflict = apply::ConflictRule::kPrefer;
  }
  PipelineConfig back = pipeline;
  back.name = choice.name + "/" + pipeline.from;
  pipeline.name = choice.name + "/" + pipeline.to;
  std::swap(back.from, back.to);
  const Dialect from = config.Database(pipeline.from).url.dialect;
  const Dialect to = config.Database(pipeline.to).url.dialect;
  for (TableRule& rule : back.tables) {
    try {
      rule = Turned(rule, from, to);
    } catch (const Error&) {
      // The first direction tells it.
    }
  }
  return {std::move(pipeline), std::move(back)};
}

}  // namespace syncline::cli
