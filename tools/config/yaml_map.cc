#include "tools/config/yaml_map.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "tools/config/expansion.h"
#include "tools/support/byte_size.h"
#include "tools/support/duration.h"

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

YamlMap::YamlMap(const YAML::Node& node, std::string what, Place place, Mistakes& mistakes)
    : what_(std::move(what)), place_(place), mistakes_(mistakes), line_(cli::LineOf(node)) {
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

const ConfigKey& YamlMap::Known(std::string_view key, Form form) const {
  const ConfigKey* known = FindKey(key, place_);
  SYNCLINE_CHECK(known != nullptr);
  SYNCLINE_CHECK(known->form == form);
  return *known;
}

const YamlMap::Entry* YamlMap::Ask(std::string_view key) {
  if (std::ranges::find(asked_, key) == asked_.end()) asked_.emplace_back(key);
  return Find(key);
}

bool YamlMap::Require(std::string_view key) {
  const ConfigKey* known = FindKey(key, place_);
  SYNCLINE_CHECK(known != nullptr);
  if (Has(key)) return true;
  mistakes_.Add(line_, fmt::format("{} lacks \"{}\": {}", what_, key, known->value));
  return false;
}

bool YamlMap::IsMap(std::string_view key) {
  const Entry* entry = Ask(key);
  return entry != nullptr && entry->value.IsMap();
}

int YamlMap::LineOf(std::string_view key) const {
  const Entry* entry = Find(key);
  return entry != nullptr ? entry->line : line_;
}

std::optional<std::string> YamlMap::TextOf(const YAML::Node& node, std::string_view key, int line) {
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

std::optional<std::string> YamlMap::TextOf(std::string_view key) {
  const Entry* entry = Ask(key);
  if (entry == nullptr) return {};
  return TextOf(entry->value, key, entry->line);
}

std::optional<std::string> YamlMap::Text(std::string_view key) {
  if (place_ != Place::kNames) Known(key, Form::kText);
  return TextOf(key);
}

std::optional<bool> YamlMap::Flag(std::string_view key) {
  const ConfigKey& known = Known(key, Form::kFlag);
  const Entry* entry = Ask(key);
  if (entry == nullptr) return {};
  bool flag = false;
  if (!entry->value.IsScalar() || !YAML::convert<bool>::decode(entry->value, flag)) {
    mistakes_.Add(entry->line, fmt::format("\"{}\" of {} must be {}", key, what_, known.value));
    return {};
  }
  return flag;
}

std::vector<std::string> YamlMap::Texts(std::string_view key) {
  Known(key, Form::kTexts);
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

std::optional<Microseconds> YamlMap::DurationOf(const ConfigKey& key, const std::string& text) {
  const auto value = ParseDuration(text);
  if (value && value->count() >= static_cast<int64_t>(key.least)) return value;
  Unfit(key.name, text);
  return {};
}

std::optional<Microseconds> YamlMap::Duration(std::string_view key) {
  const ConfigKey& known = Known(key, Form::kDuration);
  const auto text = TextOf(key);
  return text ? DurationOf(known, *text) : std::nullopt;
}

std::vector<Microseconds> YamlMap::Durations(std::string_view key) {
  const ConfigKey& known = Known(key, Form::kTexts);
  std::vector<Microseconds> durations;
  for (const std::string& text : Texts(key)) {
    if (const auto duration = DurationOf(known, text)) durations.push_back(*duration);
  }
  return durations;
}

std::optional<uint64_t> YamlMap::Size(std::string_view key) {
  const ConfigKey& known = Known(key, Form::kSize);
  const auto text = TextOf(key);
  if (!text) return {};
  const auto size = ParseByteSize(*text);
  if (size && *size >= known.least && *size <= known.most) return size;
  Unfit(key, *text);
  return {};
}

std::optional<uint64_t> YamlMap::Number(std::string_view key) {
  const ConfigKey& known = Known(key, Form::kNumber);
  const auto text = TextOf(key);
  if (!text) return {};
  uint64_t number = 0;
  const char* const end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, number);
  if (error == std::errc() && at == end && number >= known.least && number <= known.most) {
    return number;
  }
  Unfit(key, *text);
  return {};
}

std::optional<std::string> YamlMap::Word(std::string_view key) {
  const ConfigKey& known = Known(key, Form::kWord);
  auto text = TextOf(key);
  if (!text) return {};
  const std::vector<std::string> words = known.Words();
  if (std::ranges::find(words, *text) != words.end()) return text;
  mistakes_.Add(LineOf(key), fmt::format("unknown value for \"{}\": \"{}\"{} (valid: {})", key,
                                         *text, DidYouMean(*text, words), known.value));
  return {};
}

YAML::Node YamlMap::Child(std::string_view key) {
  SYNCLINE_CHECK(FindKey(key, place_) != nullptr);
  const Entry* entry = Ask(key);
  return entry != nullptr ? entry->value : YAML::Node();
}

YamlMap YamlMap::Inside(std::string_view key) {
  const ConfigKey* known = FindKey(key, place_);
  SYNCLINE_CHECK(known != nullptr);
  return YamlMap(Child(key), fmt::format("\"{}\"", key), known->inside, mistakes_);
}

void YamlMap::Unfit(std::string_view key, std::string_view text) {
  const ConfigKey* known = FindKey(key, place_);
  SYNCLINE_CHECK(known != nullptr);
  mistakes_.Add(LineOf(key), fmt::format("\"{}\" must be {}, not \"{}\"", key, known->value, text));
}

void YamlMap::Refuse(std::string_view key, std::string_view why) {
  const Entry* entry = Find(key);
  if (entry == nullptr) return;
  mistakes_.Add(entry->line, fmt::format("\"{}\" {}", key, why));
  refused_.emplace_back(key);
}

void YamlMap::RefuseOthers() {
  for (const Entry& entry : entries_) {
    const bool asked = std::ranges::find(asked_, entry.name) != asked_.end();
    if (asked && FindKey(entry.name, place_) != nullptr) continue;
    if (std::ranges::find(refused_, entry.name) != refused_.end()) continue;
    const std::string elsewhere = BelongsTo(entry.name, place_);
    if (!elsewhere.empty()) {
      mistakes_.Add(entry.line, fmt::format("\"{}\" {}", entry.name, elsewhere));
      continue;
    }
    const std::vector<std::string> valid = KeysAt(place_);
    mistakes_.Add(entry.line,
                  fmt::format("unknown key \"{}\" in {}{} (valid: {})", entry.name, what_,
                              DidYouMean(entry.name, valid), fmt::join(valid, ", ")));
  }
}

}  // namespace syncline::cli
