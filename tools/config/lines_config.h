#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "tools/config/yaml_map.h"

namespace syncline::cli {

// A target that is no database: changes as JSON lines. Plain value type.
struct LinesConfig {
  std::filesystem::path path;  // absolute; empty: stdout

  bool is_stdout() const { return path.empty(); }
  std::string ToString() const;  // "jsonl:/path", "jsonl:-"
  bool operator==(const LinesConfig&) const = default;
};

// Of "jsonl:path" or "jsonl:-"; nothing: it is something else. A relative path is taken from
// `folder`. Throws UsageError for one without a path.
std::optional<LinesConfig> ParseLines(std::string_view text, const std::filesystem::path& folder);

// What a pipeline whose target are lines must not say, and a table of it: lines show changes as the
// source has them, and nothing of a target's rows.
void RefuseForLines(YamlMap& map, Place place);

}  // namespace syncline::cli
