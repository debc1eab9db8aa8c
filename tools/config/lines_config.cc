#include "tools/config/lines_config.h"

#include <fmt/format.h>

#include <utility>

#include "engine/base/error.h"

namespace syncline::cli {
namespace {

constexpr std::string_view kScheme = "jsonl:";

struct Refused {
  std::string_view key;
  std::string_view why;
};

constexpr Refused kOfTables[] = {
    {"to", "has no meaning for lines: they name the source's table"},
    {"columns", "has no meaning for lines: they name the source's columns"},
    {"conflict", "has no meaning for lines: nobody else changes them"},
    {"on_delete", "has no meaning for lines: a deletion is a line"},
    {"create", "has no meaning for lines: there is no table to be made"},
    {"new_columns", "has no meaning for lines: they have the columns that the source has"},
    {"changed_columns", "has no meaning for lines: they have the columns that the source has"}};

constexpr Refused kOfPipelines[] = {
    {"conflict", kOfTables[2].why},
    {"on_delete", kOfTables[3].why},
    {"create", kOfTables[4].why},
    {"new_columns", kOfTables[5].why},
    {"changed_columns", kOfTables[6].why},
    {"quarantine", "has no meaning for lines: no change is refused"},
    {"verify", "has no meaning for lines: there are no rows to be compared"}};

// /dev/stdout and what it leads to.
bool IsNameOfOpenFile(const std::filesystem::path& path) {
  const std::string name = path.string();
  return name.starts_with("/proc/") || name.starts_with("/dev/fd/") || name.starts_with("/dev/std");
}

}  // namespace

std::string LinesConfig::ToString() const {
  return fmt::format("{}{}", kScheme, is_stdout() ? "-" : path.string());
}

std::optional<LinesConfig> ParseLines(std::string_view text, const std::filesystem::path& folder) {
  if (!text.starts_with(kScheme)) return std::nullopt;
  const std::string_view path = text.substr(kScheme.size());
  if (path == "-") return LinesConfig{};
  if (path.empty() || path.ends_with('/') || path.find('\0') != std::string_view::npos) {
    throw UsageError(fmt::format("\"{}\" names no file", text),
                     "write jsonl:path/of/a/file, or jsonl:- for stdout");
  }
  const LinesConfig lines{std::filesystem::absolute(folder / path).lexically_normal()};
  if (IsNameOfOpenFile(lines.path)) {
    throw UsageError(
        fmt::format("\"{}\" is a name of a file that a process has open", text),
        "write jsonl:- for stdout, or the path of a file in a folder, where its position "
        "can stand beside it");
  }
  return lines;
}

void RefuseForLines(YamlMap& map, Place place) {
  if (place == Place::kTable) {
    for (const Refused& one : kOfTables) map.Refuse(one.key, one.why);
  } else {
    for (const Refused& one : kOfPipelines) map.Refuse(one.key, one.why);
  }
}

}  // namespace syncline::cli
