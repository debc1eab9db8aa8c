#include "tools/deletes_config.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <optional>

#include "tools/choice.h"

namespace syncline::cli {
namespace {

enum class By { kNone, kSoft, kTombstones };

const Choices<By> kBy = {{"none", By::kNone}, {"soft", By::kSoft}, {"tombstones", By::kTombstones}};

constexpr std::string_view kSoftForm = "{by: soft, column: deleted_at}";
constexpr std::string_view kFlagForm = "{flag: deleted_at}";

const Choices<apply::OnDelete> kOnDelete = {{"delete", apply::OnDelete::kDelete},
                                            {"flag", apply::OnDelete::kFlag},
                                            {"ignore", apply::OnDelete::kIgnore}};

// `flag`: the column of a soft deletion, where there is one.
std::optional<capture::Deletes> Found(By by, const std::optional<std::string>& column, int line,
                                      Mistakes& mistakes) {
  if (by == By::kSoft && column.value_or("").empty()) {
    mistakes.Add(line, fmt::format("\"deletes: soft\" needs the column that tells which rows are "
                                   "deleted, such as \"deletes: {}\"",
                                   kSoftForm));
    return {};
  }
  if (by != By::kSoft && column) {
    mistakes.Add(line, fmt::format("\"column\" of \"deletes\" belongs to \"by: soft\" only, as in "
                                   "\"deletes: {}\"",
                                   kSoftForm));
    return {};
  }
  return capture::Deletes{.flag = column.value_or(""), .tombstones = by == By::kTombstones};
}

}  // namespace

void ReadDeletes(YamlMap& map, capture::Deletes& deletes, Mistakes& mistakes) {
  const YAML::Node node = map.Child("deletes");
  const int line = map.LineOf("deletes");
  std::optional<By> by;
  std::optional<std::string> column;
  if (node.IsDefined() && node.IsMap()) {
    YamlMap own(node, "\"deletes\"", mistakes);
    own.RequiredText("by", "how deletions are found: none, soft or tombstones");
    by = Choose(own, "by", "way to find deletions:", kBy, mistakes);
    column = own.Text("column");
    own.RefuseOthers();
  } else {
    by = Choose(map, "deletes", "value for \"deletes\":", kBy, mistakes);
  }
  if (!by) return;
  if (auto found = Found(*by, column, line, mistakes)) deletes = *std::move(found);
}

void ReadOnDelete(YamlMap& map, OnDeleteChoice& choice, Mistakes& mistakes) {
  const YAML::Node node = map.Child("on_delete");
  if (node.IsDefined() && node.IsMap()) {
    YamlMap own(node, "\"on_delete\"", mistakes);
    const auto flag =
        own.RequiredText("flag", "the target's column that is set when the source's row is gone");
    own.RefuseOthers();
    if (flag && flag->empty()) {
      mistakes.Add(own.LineOf("flag"),
                   "\"flag\" must name a column of the target, such as deleted_at");
    } else if (flag) {
      choice = {apply::OnDelete::kFlag, *flag};
    }
    return;
  }
  const auto action = Choose(map, "on_delete", "value for \"on_delete\":", kOnDelete, mistakes);
  if (action == apply::OnDelete::kFlag) {
    mistakes.Add(map.LineOf("on_delete"),
                 fmt::format("\"on_delete: flag\" needs the target's column that is set, such as "
                             "\"on_delete: {}\"",
                             kFlagForm));
  } else if (action) {
    choice = {*action, {}};
  }
}

}  // namespace syncline::cli
