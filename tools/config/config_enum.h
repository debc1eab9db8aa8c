#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/config/yaml_map.h"

namespace syncline::cli {

// The words that the table of keys has for a key, and what each stands for.
template <typename T>
using Choices = std::vector<std::pair<std::string, T>>;

// The chosen value; nothing when the key is not there or its value is none of the words.
template <typename T>
std::optional<T> Choose(YamlMap& map, std::string_view key, const Choices<T>& choices) {
  const std::optional<std::string> word = map.Word(key);
  if (!word) return {};
  for (const auto& [name, value] : choices) {
    if (*word == name) return value;
  }
  map.Unfit(key, *word);
  return {};
}

}  // namespace syncline::cli
