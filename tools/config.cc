#include "tools/config.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "tools/byte_size.h"
#include "tools/choice.h"
#include "tools/deletes_config.h"
#include "tools/duration.h"
#include "tools/glob.h"
#include "tools/mapped_table.h"
#include "tools/yaml_map.h"

namespace syncline::cli {
namespace {

// What a pipeline hands to its tables unless they say otherwise; `defaults` hands it to the
// pipelines.
struct Defaults {
  capture::PollInterval every;
  capture::LoadOptions load;
  std::string cursor;
  apply::ConflictRule conflict = apply::ConflictRule::kLatestWins;
  capture::Deletes deletes;
  OnDeleteChoice on_delete;
  bool create = true;
  std::optional<apply::NewColumns> new_columns;  // none: as `create` says
  apply::ChangedColumns changed_columns = apply::ChangedColumns::kPause;
  uint64_t quarantine_limit = 1'000;
};

class ConfigParser {
 public:
  ConfigParser(const std::filesystem::path& file, Mistakes& mistakes)
      : folder_(std::filesystem::absolute(file).parent_path()), mistakes_(mistakes) {
    config_.file = file.string();
  }

  Config Parse(const YAML::Node& root);

 private:
  void ReadLog(YamlMap& top);
  void ReadDatabases(const YAML::Node& node);
  void ReadRetain(YamlMap& top);
  void ReadPipelines(const YAML::Node& node, const Defaults& defaults);
  PipelineConfig ReadPipeline(const YamlMap::Entry& entry, Defaults defaults);
  void ReadTables(const YAML::Node& node, const Defaults& defaults, PipelineConfig& pipeline);
  TableRule ReadTable(const YamlMap::Entry& entry, const Defaults& defaults);
  Defaults ReadDefaults(YamlMap& map, Defaults defaults);
  void ReadEvery(YamlMap& map, capture::PollInterval& every);
  void ReadDuration(YamlMap& map, const std::string& key, Microseconds& duration);
  void ReadLoad(YamlMap& map, capture::LoadOptions& load);
  void ReadNumber(YamlMap& map, const std::string& key, std::string_view meaning, uint64_t least,
                  uint64_t most, uint64_t& number);
  void ReadQuarantine(YamlMap& map, uint64_t& limit);
  std::string ReadDatabaseName(YamlMap& map, const std::string& key);

  std::filesystem::path folder_;
  Mistakes& mistakes_;
  Config config_;
};

const Choices<apply::ConflictRule> kConflictRules = {
    {"latest_wins", apply::ConflictRule::kLatestWins},
    {"source_wins", apply::ConflictRule::kSourceWins},
    {"target_wins", apply::ConflictRule::kTargetWins}};

const Choices<apply::NewColumns> kNewColumns = {{"evolve", apply::NewColumns::kEvolve},
                                                {"ignore", apply::NewColumns::kIgnore},
                                                {"pause", apply::NewColumns::kPause}};

const Choices<apply::ChangedColumns> kChangedColumns = {{"pause", apply::ChangedColumns::kPause},
                                                        {"keep", apply::ChangedColumns::kKeep}};

// Names become folders of the log, keys of progress rows and words on the command line.
bool IsPlainName(const std::string& name) {
  return !name.empty() && name.size() <= 100 && name.front() != '.' && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) || c == '-' || c == '_' || c == '.';
         });
}

constexpr std::string_view kPlainNameRule =
    "a name is made of letters, digits, - _ and . and begins with a letter, a digit or _";

Defaults ConfigParser::ReadDefaults(YamlMap& map, Defaults defaults) {
  if (map.Has("every")) ReadEvery(map, defaults.every);
  if (map.Has("load")) ReadLoad(map, defaults.load);
  if (auto text = map.Text("cursor")) defaults.cursor = *text;
  if (auto rule = Choose(map, "conflict", "conflict rule", kConflictRules, mistakes_)) {
    defaults.conflict = *rule;
  }
  ReadDeletes(map, defaults.deletes, mistakes_);
  ReadOnDelete(map, defaults.on_delete, mistakes_);
  if (auto flag = map.Flag("create")) defaults.create = *flag;
  if (auto choice =
          Choose(map, "new_columns", "value for \"new_columns\":", kNewColumns, mistakes_)) {
    defaults.new_columns = *choice;
  }
  if (auto choice = Choose(map, "changed_columns",
                           "value for \"changed_columns\":", kChangedColumns, mistakes_)) {
    defaults.changed_columns = *choice;
  }
  if (map.Has("quarantine")) ReadQuarantine(map, defaults.quarantine_limit);
  return defaults;
}

void ConfigParser::ReadEvery(YamlMap& map, capture::PollInterval& every) {
  if (!map.IsMap("every")) {
    ReadDuration(map, "every", every.least);
    every.most = every.least;
    return;
  }
  YamlMap ends(map.Child("every"), "\"every\"", mistakes_);
  ReadDuration(ends, "min", every.least);
  ReadDuration(ends, "max", every.most);
  if (every.least > every.most) {
    mistakes_.Add(ends.line(), "\"every\": \"min\" must not be longer than \"max\"");
  }
  ends.RefuseOthers();
}

void ConfigParser::ReadDuration(YamlMap& map, const std::string& key, Microseconds& duration) {
  const auto text = map.RequiredText(key, "how long, such as 200ms");
  if (!text) return;
  const auto value = ParseDuration(*text);
  if (value && value->count() > 0) {
    duration = *value;
  } else {
    mistakes_.Add(map.LineOf(key),
                  fmt::format("\"{}\" must be {}, not \"{}\"", key, kDurationForms, *text));
  }
}

void ConfigParser::ReadLoad(YamlMap& map, capture::LoadOptions& load) {
  YamlMap entries(map.Child("load"), "\"load\"", mistakes_);
  if (entries.Has("workers")) {
    uint64_t workers = load.workers;
    constexpr uint64_t kWorkersMax = 64;
    ReadNumber(entries, "workers", "how many sessions", 1, kWorkersMax, workers);
    load.workers = static_cast<uint32_t>(workers);
  }
  if (auto text = entries.Text("rate")) {
    const auto size = text->ends_with("/s")
                          ? ParseByteSize(std::string_view(*text).substr(0, text->size() - 2))
                          : std::nullopt;
    if (size && *size > 0) {
      load.bytes_per_second = *size;
    } else {
      mistakes_.Add(
          entries.LineOf("rate"),
          fmt::format("\"rate\" must be a size each second, such as 50MB/s, not \"{}\"", *text));
    }
  }
  entries.RefuseOthers();
}

void ConfigParser::ReadNumber(YamlMap& map, const std::string& key, std::string_view meaning,
                              uint64_t least, uint64_t most, uint64_t& number) {
  const auto text = map.RequiredText(key, meaning);
  if (!text) return;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error == std::errc() && end == text->data() + text->size() && value >= least &&
      value <= most) {
    number = value;
  } else {
    mistakes_.Add(map.LineOf(key), fmt::format("\"{}\" must be a number from {} to {}, not \"{}\"",
                                               key, least, most, *text));
  }
}

void ConfigParser::ReadQuarantine(YamlMap& map, uint64_t& limit) {
  YamlMap quarantine(map.Child("quarantine"), "\"quarantine\"", mistakes_);
  if (auto text = quarantine.RequiredText("limit", "how many refused changes may be parked")) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
    if (error != std::errc() || end != text->data() + text->size()) {
      mistakes_.Add(
          quarantine.LineOf("limit"),
          fmt::format("\"limit\" must be a number, such as 1000, or 0 to stop at the first "
                      "refused change, not \"{}\"",
                      *text));
    }
  }
  quarantine.RefuseOthers();
}

void ConfigParser::ReadLog(YamlMap& top) {
  auto text = top.RequiredText("log", "the folder for the change log, such as ./syncline-log");
  if (!text) return;
  if (text->empty()) {
    mistakes_.Add(top.LineOf("log"), "\"log\" must name a folder, such as ./syncline-log");
    return;
  }
  config_.log = (folder_ / *text).lexically_normal();
}

void ConfigParser::ReadRetain(YamlMap& top) {
  if (!top.Has("retain")) return;
  YamlMap map(top.Child("retain"), "\"retain\"", mistakes_);
  RetentionPolicy policy;
  if (auto text = map.Text("for")) {
    policy.keep_for = ParseDuration(*text);
    if (!policy.keep_for) {
      mistakes_.Add(map.LineOf("for"),
                    fmt::format("\"for\" must be {}, not \"{}\"", kDurationForms, *text));
    }
  }
  if (auto text = map.Text("size")) {
    policy.keep_bytes = ParseByteSize(*text);
    if (!policy.keep_bytes) {
      mistakes_.Add(map.LineOf("size"),
                    fmt::format("\"size\" must be {}, not \"{}\"", kByteSizeForms, *text));
    }
  }
  if (!map.Has("for") && !map.Has("size")) {
    mistakes_.Add(map.line(),
                  "\"retain\" says how much of each log to keep, such as {for: 7d, "
                  "size: 20GiB}; leave it out to keep everything");
  }
  map.RefuseOthers();
  config_.retain = policy;
}

void ConfigParser::ReadDatabases(const YAML::Node& node) {
  YamlMap map(node, "\"databases\"", mistakes_);
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
    try {
      database.url = sql::DatabaseUrl::Parse(*text, folder_);
    } catch (const Error& error) {
      mistakes_.Add(entry.line, fmt::format("database \"{}\": {}{}{}", entry.name, error.message(),
                                            error.hint().empty() ? "" : "; ", error.hint()));
    }
    config_.databases.push_back(std::move(database));
  }
}

std::string ConfigParser::ReadDatabaseName(YamlMap& map, const std::string& key) {
  auto name = map.RequiredText(key, "the name of a database under \"databases\"");
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

TableRule ConfigParser::ReadTable(const YamlMap::Entry& entry, const Defaults& defaults) {
  const std::string what = fmt::format("table \"{}\"", entry.name);
  YamlMap map(entry.value, what, mistakes_);
  TableRule rule;
  rule.pattern = entry.name;
  rule.is_glob = IsGlob(entry.name);
  rule.line = entry.line;
  rule.to = map.Text("to").value_or("");
  rule.key = map.Texts("key");
  rule.omit = map.Texts("omit");
  rule.where = map.Text("where").value_or("");
  YamlMap columns(map.Child("columns"), fmt::format("\"columns\" of {}", what), mistakes_);
  for (const YamlMap::Entry& column : columns.entries()) {
    if (auto target = columns.Text(column.name)) rule.columns[column.name] = *target;
  }
  Defaults own = ReadDefaults(map, defaults);
  rule.cursor = own.cursor;
  rule.conflict = own.conflict;
  rule.deletes = own.deletes;
  rule.on_delete = own.on_delete;
  rule.create = own.create;
  rule.changed_columns = own.changed_columns;
  rule.new_columns =
      own.new_columns.value_or(own.create ? apply::NewColumns::kEvolve : apply::NewColumns::kPause);
  if (map.Has("every")) {
    mistakes_.Add(map.LineOf("every"),
                  "\"every\" belongs to a pipeline or to defaults, not to a table: one poll reads "
                  "all tables of a source in one snapshot");
  }
  if (map.Has("quarantine")) {
    mistakes_.Add(map.LineOf("quarantine"),
                  "\"quarantine\" belongs to a pipeline or to defaults, not to a table");
  }
  map.RefuseOthers();
  if (rule.cursor.empty()) {
    mistakes_.Add(rule.line, fmt::format("{} has no cursor column: add \"cursor: COLUMN\" here or "
                                         "under defaults; it is the timestamp or version column "
                                         "that every update of a row moves forward",
                                         what));
  }
  return rule;
}

void ConfigParser::ReadTables(const YAML::Node& node, const Defaults& defaults,
                              PipelineConfig& pipeline) {
  const std::string what = fmt::format("\"tables\" of pipeline \"{}\"", pipeline.name);
  if (node.IsSequence()) {
    for (const YAML::Node& item : node) {
      if (item.IsScalar()) {
        pipeline.tables.push_back(ReadTable({item.Scalar(), YAML::Node(), LineOf(item)}, defaults));
      } else {
        mistakes_.Add(LineOf(item), fmt::format("{}: an item of a list must be a table's name; use "
                                                "a mapping (name: {{...}}) to say more",
                                                what));
      }
    }
  } else {
    YamlMap map(node, what, mistakes_);
    for (const YamlMap::Entry& entry : map.entries()) {
      pipeline.tables.push_back(ReadTable(entry, defaults));
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
  YamlMap map(entry.value, fmt::format("pipeline \"{}\"", entry.name), mistakes_);
  PipelineConfig pipeline;
  pipeline.name = entry.name;
  pipeline.line = entry.line;
  if (!IsPlainName(entry.name)) {
    mistakes_.Add(entry.line,
                  fmt::format("bad pipeline name \"{}\": {}", entry.name, kPlainNameRule));
  }
  pipeline.from = ReadDatabaseName(map, "from");
  pipeline.to = ReadDatabaseName(map, "to");
  YAML::Node tables = map.Child("tables");
  defaults = ReadDefaults(map, defaults);
  pipeline.every = defaults.every;
  pipeline.load = defaults.load;
  pipeline.quarantine_limit = defaults.quarantine_limit;
  map.RefuseOthers();
  ReadTables(tables, defaults, pipeline);
  return pipeline;
}

void ConfigParser::ReadPipelines(const YAML::Node& node, const Defaults& defaults) {
  YamlMap map(node, "\"pipelines\"", mistakes_);
  for (const YamlMap::Entry& entry : map.entries()) {
    config_.pipelines.push_back(ReadPipeline(entry, defaults));
  }
}

Config ConfigParser::Parse(const YAML::Node& root) {
  YamlMap top(root, "the configuration", mistakes_);
  ReadLog(top);
  ReadRetain(top);
  ReadDatabases(top.Child("databases"));
  YamlMap defaults_map(top.Child("defaults"), "\"defaults\"", mistakes_);
  Defaults defaults = ReadDefaults(defaults_map, {});
  defaults_map.RefuseOthers();
  ReadPipelines(top.Child("pipelines"), defaults);
  top.RefuseOthers();
  if (config_.databases.empty()) {
    mistakes_.Add(top.LineOf("databases"),
                  "no databases: name them under \"databases\", such as \"shop: sqlite:shop.db\"");
  }
  if (config_.pipelines.empty()) {
    mistakes_.Add(
        top.LineOf("pipelines"),
        "no pipelines: describe at least one under \"pipelines\" with from, to and tables");
  }
  return std::move(config_);
}

template <typename List>
std::vector<std::string> NamesOf(const List& list) {
  std::vector<std::string> names;
  for (const auto& item : list) names.push_back(item.name);
  return names;
}

template <typename List>
const auto& FindByName(const List& list, const std::string& name, std::string_view kind,
                       const std::string& file) {
  for (const auto& item : list) {
    if (item.name == name) return item;
  }
  const std::vector<std::string> names = NamesOf(list);
  throw UsageError(
      fmt::format("there is no {} \"{}\" in {}{}", kind, name, file, DidYouMean(name, names)),
      fmt::format("known: {}", fmt::join(names, ", ")));
}

}  // namespace

const DatabaseConfig& Config::Database(const std::string& name) const {
  return FindByName(databases, name, "database", file);
}

const PipelineConfig& Config::Pipeline(const std::string& name) const {
  return FindByName(pipelines, name, "pipeline", file);
}

std::vector<std::string> Config::DatabaseNames() const { return NamesOf(databases); }
std::vector<std::string> Config::PipelineNames() const { return NamesOf(pipelines); }

std::vector<std::string> Config::SourceNames() const {
  std::vector<std::string> names;
  for (const PipelineConfig& pipeline : pipelines) {
    if (std::find(names.begin(), names.end(), pipeline.from) == names.end()) {
      names.push_back(pipeline.from);
    }
  }
  return names;
}

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
