#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/nearest.h"
#include "tools/yaml_map.h"

namespace syncline::cli {

// Words that a key of the configuration may have as its value, and what each stands for.
template <typename T>
using Choices = std::vector<std::pair<std::string, T>>;

// The chosen value; nothing when the key is not there or names no choice. `what` is chosen.
template <typename T>
std::optional<T> Choose(YamlMap& map, const std::string& key, std::string_view what,
                        const Choices<T>& choices, Mistakes& mistakes) {
  const std::optional<std::string> text = map.Text(key);
  if (!text) return {};
  std::vector<std::string> names;
  for (const auto& [name, value] : choices) {
    if (*text == name) return value;
    names.push_back(name);
  }
  mistakes.Add(map.LineOf(key), fmt::format("unknown {} \"{}\"{} (valid: {})", what, *text,
                                            DidYouMean(*text, names), fmt::join(names, ", ")));
  return {};
}

}  // namespace syncline::cli
