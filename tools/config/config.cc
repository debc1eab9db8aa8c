#include "tools/config/config.h"
#include "tools/config/capture_config.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/log/catalog/folder_catalog.h"
#include "tools/config/defaults.h"
#include "tools/config/expansion.h"
#include "tools/config/mapped_table.h"
#include "tools/config/shared_places.h"
#include "tools/config/two_way_config.h"
#include "tools/config/yaml_map.h"
#include "tools/support/glob.h"

namespace syncline::cli {
namespace {

// For who asks for an address: lines have none that a session could be opened with.
sql::DatabaseUrl NameOf(const LinesConfig& lines) {
  return {.connection = lines.ToString(), .display = lines.ToString()};
}

class ConfigParser {
 public:
  ConfigParser(const std::filesystem::path& file, Mistakes& mistakes)
      : folder_(std::filesystem::absolute(file).parent_path()), mistakes_(mistakes) {
    config_.file = file.string();
  }

  Config Parse(const YAML::Node& root);

 private:
  void ReadLog(YamlMap& top);
  void ReadDatabases(YamlMap map);
  void ReadRetain(YamlMap& top);
  void ReadPipelines(const YamlMap& map, const Defaults& defaults);
  PipelineConfig ReadPipeline(const YamlMap::Entry& entry, Defaults defaults);
  void ReadTables(const YAML::Node& node, const Defaults& defaults, PipelineConfig& pipeline);
  TableRule ReadTable(const YamlMap::Entry& entry, const Defaults& defaults, bool is_lines);
  bool AreKnown(const std::vector<std::string>& names) const;
  std::string ReadDatabaseName(YamlMap& map, const std::string& key);
  std::string ReadTarget(YamlMap& map);
  bool IsLines(const std::string& database) const;
  void RefuseLines(const std::string& database, int line, std::string_view key);

  std::filesystem::path folder_;
  Mistakes& mistakes_;
  Config config_;
};

// Names become folders of the log, keys of progress rows and words on the command line.
bool IsPlainName(const std::string& name) {
  return !name.empty() && name.size() <= 100 && name.front() != '.' && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) || c == '-' || c == '_' || c == '.';
         });
}

constexpr std::string_view kPlainNameRule =
    "a name is made of letters, digits, - _ and . and begins with a letter, a digit or _";

void ConfigParser::ReadLog(YamlMap& top) {
  const auto text = top.Require("log") ? top.Text("log") : std::nullopt;
  if (!text) return;
  if (text->empty() || text->find('\0') != std::string::npos) {
    top.Unfit("log", *text);
    return;
  }
  config_.log = (folder_ / *text).lexically_normal();
}

void ConfigParser::ReadRetain(YamlMap& top) {
  if (!top.Has("retain")) return;
  YamlMap map = top.Inside("retain");
  RetentionPolicy policy;
  policy.keep_for = map.Duration("for");
  policy.keep_bytes = map.Size("size");
  config_.retain_at = ReadTimetable(map, ScheduleConfig().zone, mistakes_);
  if (!map.Has("for") && !map.Has("size")) {
    mistakes_.Add(map.line(),
                  "\"retain\" says how much of each log to keep, such as {for: 7d, "
                  "size: 20GiB}; leave it out to keep everything");
  }
  map.RefuseOthers();
  config_.retain = policy;
}

void ConfigParser::ReadDatabases(YamlMap map) {
  for (const YamlMap::Entry& entry : map.entries()) {
    if (!IsPlainName(entry.name)) {
      mistakes_.Add(entry.line,
                    fmt::format("bad database name \"{}\": {}", entry.name, kPlainNameRule));
    }
    auto text = map.Text(entry.name);
    if (!text) {
      // Known by name all the same, so that one mistake is not told twice.
      config_.databases.push_back({entry.name, {}, entry.line});
      continue;
    }
    DatabaseConfig database{entry.name, {}, entry.line};
    database.holds_secret = HoldsSecret(entry.value.Scalar());
    try {
      database.lines = ParseLines(*text, folder_);
      database.url =
          database.lines ? NameOf(*database.lines) : sql::DatabaseUrl::Parse(*text, folder_);
    } catch (const Error& error) {
      mistakes_.Add(entry.line, fmt::format("database \"{}\": {}{}{}", entry.name, error.message(),
                                            error.hint().empty() ? "" : "; ", error.hint()));
    }
    config_.databases.push_back(std::move(database));
  }
}

std::string ConfigParser::ReadDatabaseName(YamlMap& map, const std::string& key) {
  const auto name = map.Require(key) ? map.Text(key) : std::nullopt;
  if (!name) return {};
  const std::vector<std::string> known = config_.DatabaseNames();
  if (std::find(known.begin(), known.end(), *name) == known.end()) {
    mistakes_.Add(map.LineOf(key),
                  fmt::format("\"{}\" names the unknown database \"{}\"{} (known: {})", key, *name,
                              DidYouMean(*name, known), fmt::join(known, ", ")));
    return {};
  }
  return *name;
}

bool ConfigParser::IsLines(const std::string& database) const {
  return std::ranges::any_of(config_.databases, [&](const DatabaseConfig& one) {
    return one.name == database && one.lines;
  });
}

void ConfigParser::RefuseLines(const std::string& database, int line, std::string_view key) {
  if (!IsLines(database)) return;
  mistakes_.Add(line, fmt::format("\"{}\" names \"{}\", whose lines are a target only (\"to\")",
                                  key, database));
}

// The name of a database, or an address of lines, which is a database of its own then.
std::string ConfigParser::ReadTarget(YamlMap& map) {
  const auto text = map.Require("to") ? map.Text("to") : std::nullopt;
  if (!text) return {};
  try {
    const std::optional<LinesConfig> lines = ParseLines(*text, folder_);
    if (!lines) return ReadDatabaseName(map, "to");
    const std::string name = lines->ToString();
    if (!IsLines(name)) {
      config_.databases.push_back(
          {.name = name, .url = NameOf(*lines), .line = map.LineOf("to"), .lines = lines});
    }
    return name;
  } catch (const Error& error) {
    mistakes_.Add(map.LineOf("to"), fmt::format("{}; {}", error.message(), error.hint()));
    return {};
  }
}

TableRule ConfigParser::ReadTable(const YamlMap::Entry& entry, const Defaults& defaults,
                                  bool is_lines) {
  const std::string what = fmt::format("table \"{}\"", entry.name);
  YamlMap map(entry.value, what, Place::kTable, mistakes_);
  if (is_lines) RefuseForLines(map, Place::kTable);
  TableRule rule;
  rule.pattern = entry.name;
  rule.is_glob = IsGlob(entry.name);
  rule.line = entry.line;
  rule.to = map.Text("to").value_or("");
  rule.key = map.Texts("key");
  rule.omit = map.Texts("omit");
  rule.where = map.Text("where").value_or("");
  YamlMap columns(map.Child("columns"), fmt::format("\"columns\" of {}", what), Place::kNames,
                  mistakes_);
  for (const YamlMap::Entry& column : columns.entries()) {
    if (auto target = columns.Text(column.name)) rule.columns[column.name] = *target;
  }
  Defaults own = ReadTableDefaults(map, defaults, mistakes_);
  rule.zone = map.Text("zone").value_or("");
  TakeCapture(map, own, rule, mistakes_);
  rule.on_delete = own.on_delete;
  rule.create = own.create;
  rule.changed_columns = own.changed_columns;
  rule.max_row = own.max_row;
  rule.new_columns =
      own.new_columns.value_or(own.create ? apply::NewColumns::kEvolve : apply::NewColumns::kPause);
  map.RefuseOthers();
  if (is_lines) rule.on_delete = {};
  return rule;
}

void ConfigParser::ReadTables(const YAML::Node& node, const Defaults& defaults,
                              PipelineConfig& pipeline) {
  const std::string what = fmt::format("\"tables\" of pipeline \"{}\"", pipeline.name);
  const bool is_lines = IsLines(pipeline.to);
  if (node.IsSequence()) {
    for (const YAML::Node& item : node) {
      if (item.IsScalar()) {
        pipeline.tables.push_back(
            ReadTable({item.Scalar(), YAML::Node(), LineOf(item)}, defaults, is_lines));
      } else {
        mistakes_.Add(LineOf(item), fmt::format("{}: an item of a list must be a table's name; use "
                                                "a mapping (name: {{...}}) to say more",
                                                what));
      }
    }
  } else {
    const YamlMap map(node, what, Place::kNames, mistakes_);
    for (const YamlMap::Entry& entry : map.entries()) {
      pipeline.tables.push_back(ReadTable(entry, defaults, is_lines));
    }
  }
  if (pipeline.tables.empty()) {
    mistakes_.Add(pipeline.line, fmt::format("pipeline \"{}\" has no tables: list them under "
                                             "\"tables\", such as \"public.items: {{}}\" or "
                                             "\"public.*: {{}}\"",
                                             pipeline.name));
  }
}

PipelineConfig ConfigParser::ReadPipeline(const YamlMap::Entry& entry, Defaults defaults) {
  YamlMap map(entry.value, fmt::format("pipeline \"{}\"", entry.name), PlaceOfPipeline(entry.value),
              mistakes_);
  PipelineConfig pipeline;
  pipeline.name = entry.name;
  pipeline.line = entry.line;
  if (!IsPlainName(entry.name)) {
    mistakes_.Add(entry.line,
                  fmt::format("bad pipeline name \"{}\": {}", entry.name, kPlainNameRule));
  }
  pipeline.two_way = ReadTwoWay(map, entry.name, config_.DatabaseNames(), mistakes_);
  if (!pipeline.two_way) {
    pipeline.from = ReadDatabaseName(map, "from");
    pipeline.to = ReadTarget(map);
    if (!pipeline.from.empty()) RefuseLines(pipeline.from, map.LineOf("from"), "from");
  } else if (!pipeline.two_way->between.empty()) {
    pipeline.from = pipeline.two_way->between.front();
    pipeline.to = pipeline.two_way->between.back();
  }
  if (pipeline.two_way) {
    for (const std::string& name : pipeline.two_way->between) {
      RefuseLines(name, map.LineOf("between"), "between");
    }
  }
  const bool is_lines = IsLines(pipeline.to);
  if (is_lines) RefuseForLines(map, Place::kPipeline);
  YAML::Node tables = map.Child("tables");
  ReadSchedule(map, defaults.schedule, mistakes_);
  defaults = ReadDefaults(map, defaults, mistakes_);
  pipeline.every = defaults.every;
  pipeline.schedule = defaults.schedule;
  if (is_lines) pipeline.schedule.verify.reset();
  pipeline.load = defaults.load;
  pipeline.quarantine_limit = defaults.quarantine_limit;
  map.RefuseOthers();
  ReadTables(tables, defaults, pipeline);
  return pipeline;
}

bool ConfigParser::AreKnown(const std::vector<std::string>& names) const {
  const std::vector<std::string> known = config_.DatabaseNames();
  return !names.empty() && std::ranges::all_of(names, [&](const std::string& name) {
    return std::ranges::find(known, name) != known.end();
  });
}

void ConfigParser::ReadPipelines(const YamlMap& map, const Defaults& defaults) {
  for (const YamlMap::Entry& entry : map.entries()) {
    PipelineConfig pipeline = ReadPipeline(entry, defaults);
    if (!pipeline.two_way) {
      config_.pipelines.push_back(std::move(pipeline));
    } else if (AreKnown(pipeline.two_way->between)) {
      for (PipelineConfig& one : BothDirections(config_, std::move(pipeline), mistakes_)) {
        config_.pipelines.push_back(std::move(one));
      }
    }
  }
}

// A database that several pipelines use is as patient as the least patient of them.
void LimitWaits(Config& config) {
  for (DatabaseConfig& database : config.databases) {
    bool first = true;
    for (const PipelineConfig& pipeline : config.pipelines) {
      if (pipeline.from != database.name && pipeline.to != database.name) continue;
      const auto stall =
          std::chrono::duration_cast<std::chrono::milliseconds>(pipeline.schedule.stall);
      std::chrono::milliseconds& least = database.url.limits.stall;
      least = first ? stall : std::min(least, stall);
      first = false;
    }
  }
}

Config ConfigParser::Parse(const YAML::Node& root) {
  YamlMap top(root, "the configuration", Place::kTop, mistakes_);
  ReadLog(top);
  ReadRetain(top);
  ReadDatabases(top.Inside("databases"));
  YamlMap defaults_map = top.Inside("defaults");
  Defaults defaults;
  ReadSchedule(defaults_map, defaults.schedule, mistakes_);
  defaults = ReadDefaults(defaults_map, defaults, mistakes_);
  defaults_map.RefuseOthers();
  ReadPipelines(top.Inside("pipelines"), defaults);
  top.RefuseOthers();
  if (config_.databases.empty()) {
    mistakes_.Add(top.LineOf("databases"),
                  "no databases: name them under \"databases\", such as \"shop: sqlite:shop.db\"");
  }
  if (config_.pipelines.empty() && mistakes_.empty()) {
    mistakes_.Add(
        top.LineOf("pipelines"),
        "no pipelines: describe at least one under \"pipelines\" with from, to and tables");
  }
  RefuseSharedPlaces(config_, mistakes_);
  LimitWaits(config_);
  return std::move(config_);
}

}  // namespace

std::shared_ptr<const LogCatalog> Config::Logs() const { return FolderCatalog(log); }
LogRef Config::Log(const std::string& database) const { return Logs()->Find(database); }

Config ParseConfig(const std::string& text, const std::filesystem::path& file) {
  YAML::Node root;
  Mistakes mistakes(file.string());
  try {
    root = YAML::Load(text);
  } catch (const YAML::Exception& error) {
    mistakes.Add(error.mark.line + 1, fmt::format("this is not YAML: {}", error.msg));
    mistakes.ThrowIfAny();
  }
  Config config = ConfigParser(file, mistakes).Parse(root);
  CheckMappedTables(config, MapNamedTables(config, mistakes), mistakes);
  mistakes.ThrowIfAny();
  return config;
}

Config LoadConfig(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  if (!in || !(text << in.rdbuf())) {
    if (!std::filesystem::exists(file)) {
      throw UsageError(fmt::format("there is no configuration file {}", file.string()),
                       "`syncline init` writes one; -c FILE names another");
    }
    throw EnvironmentError(fmt::format("the configuration file {} cannot be read", file.string()),
                           "check its permissions, and that it is not empty");
  }
  return ParseConfig(text.str(), file);
}

}  // namespace syncline::cli
