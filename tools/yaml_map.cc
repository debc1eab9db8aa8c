#include "tools/yaml_map.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "tools/expansion.h"

namespace syncline::cli {
namespace {

std::string_view KindOf(const YAML::Node& node) {
  if (node.IsMap()) return "a mapping";
  if (node.IsSequence()) return "a list";
  if (node.IsScalar()) return "a text";
  return "nothing";
}

}  // namespace

int LineOf(const YAML::Node& node) { return node.Mark().line + 1; }

void Mistakes::Add(int line, std::string text) { list_.push_back({line, std::move(text)}); }

void Mistakes::ThrowIfAny() {
  if (list_.empty()) return;
  std::stable_sort(list_.begin(), list_.end(),
                   [](const Mistake& a, const Mistake& b) { return a.line < b.line; });
  auto one = [&](const Mistake& mistake) {
    return mistake.line > 0 ? fmt::format("{}:{}: {}", file_, mistake.line, mistake.text)
                            : fmt::format("{}: {}", file_, mistake.text);
  };
  const std::string hint =
      "tools/manual/configuration.md describes every key; `syncline init` writes an example";
  if (list_.size() == 1) throw UsageError(one(list_.front()), hint);
  std::string message = fmt::format("{} mistakes in the configuration", list_.size());
  for (const Mistake& mistake : list_) message += "\n  " + one(mistake);
  throw UsageError(std::move(message), hint);
}

YamlMap::YamlMap(const YAML::Node& node, std::string what, Mistakes& mistakes)
    : what_(std::move(what)), mistakes_(mistakes), line_(cli::LineOf(node)) {
  if (!node.IsDefined() || node.IsNull()) return;
  if (!node.IsMap()) {
    mistakes_.Add(line_,
                  fmt::format("{} must be a mapping (name: value), not {}", what_, KindOf(node)));
    return;
  }
  for (const auto& pair : node) {
    if (!pair.first.IsScalar()) {
      mistakes_.Add(cli::LineOf(pair.first), fmt::format("a key of {} must be a text", what_));
      continue;
    }
    Entry entry{pair.first.Scalar(), pair.second, cli::LineOf(pair.first)};
    if (const Entry* first = Find(entry.name)) {
      mistakes_.Add(entry.line, fmt::format("\"{}\" stands twice in {}, first in line {}",
                                            entry.name, what_, first->line));
      continue;
    }
    entries_.push_back(std::move(entry));
  }
}

const YamlMap::Entry* YamlMap::Find(std::string_view key) const {
  for (const Entry& entry : entries_) {
    if (entry.name == key) return &entry;
  }
  return nullptr;
}

const YamlMap::Entry* YamlMap::Ask(const std::string& key) {
  if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) asked_.push_back(key);
  return Find(key);
}

bool YamlMap::Has(const std::string& key) { return Ask(key) != nullptr; }

bool YamlMap::Asked(std::string_view key) const {
  return std::ranges::find(asked_, key) != asked_.end();
}

bool YamlMap::IsMap(std::string_view key) const {
  const Entry* entry = Find(key);
  return entry != nullptr && entry->value.IsMap();
}

int YamlMap::LineOf(std::string_view key) const {
  const Entry* entry = Find(key);
  return entry != nullptr ? entry->line : line_;
}

std::optional<std::string> YamlMap::TextOf(const YAML::Node& node, const std::string& key,
                                           int line) {
  if (!node.IsScalar()) {
    mistakes_.Add(line,
                  fmt::format("\"{}\" of {} must be a text, not {}", key, what_, KindOf(node)));
    return {};
  }
  Expansion expansion = Expand(node.Scalar());
  if (!expansion.problem.empty()) {
    mistakes_.Add(line, fmt::format("\"{}\" of {}: {}", key, what_, expansion.problem));
    return {};
  }
  return std::move(expansion.text);
}

std::optional<std::string> YamlMap::Text(const std::string& key) {
  const Entry* entry = Ask(key);
  if (entry == nullptr) return {};
  return TextOf(entry->value, key, entry->line);
}

std::optional<std::string> YamlMap::RequiredText(const std::string& key, std::string_view meaning) {
  if (Ask(key) == nullptr) {
    mistakes_.Add(line_, fmt::format("{} lacks \"{}\": {}", what_, key, meaning));
    return {};
  }
  return Text(key);
}

std::optional<bool> YamlMap::Flag(const std::string& key) {
  const Entry* entry = Ask(key);
  if (entry == nullptr) return {};
  bool flag = false;
  if (!entry->value.IsScalar() || !YAML::convert<bool>::decode(entry->value, flag)) {
    mistakes_.Add(entry->line, fmt::format("\"{}\" of {} must be true or false", key, what_));
    return {};
  }
  return flag;
}

std::vector<std::string> YamlMap::Texts(const std::string& key) {
  const Entry* entry = Ask(key);
  std::vector<std::string> out;
  if (entry == nullptr) return out;
  if (!entry->value.IsSequence()) {
    if (auto text = TextOf(entry->value, key, entry->line)) out.push_back(std::move(*text));
    return out;
  }
  for (const YAML::Node& item : entry->value) {
    if (auto text = TextOf(item, key, cli::LineOf(item))) out.push_back(std::move(*text));
  }
  return out;
}

YAML::Node YamlMap::Child(const std::string& key) {
  const Entry* entry = Ask(key);
  return entry != nullptr ? entry->value : YAML::Node();
}

void YamlMap::Refuse(std::string_view key, std::string_view why) {
  const Entry* entry = Find(key);
  if (entry == nullptr) return;
  mistakes_.Add(entry->line, fmt::format("\"{}\" {}", key, why));
  refused_.emplace_back(key);
}

void YamlMap::RefuseOthers() {
  for (const Entry& entry : entries_) {
    if (Asked(entry.name) || std::ranges::find(refused_, entry.name) != refused_.end()) continue;
    mistakes_.Add(entry.line,
                  fmt::format("unknown key \"{}\" in {}{} (valid: {})", entry.name, what_,
                              DidYouMean(entry.name, asked_), fmt::join(asked_, ", ")));
  }
}

}  // namespace syncline::cli
