#include "tools/deletes_config.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <optional>

#include "tools/choice.h"
#include "tools/duration.h"
#include "tools/schedule_config.h"

namespace syncline::cli {
namespace {

enum class By { kNone, kSoft, kTombstones, kReconcile };

const Choices<By> kBy = {{"none", By::kNone},
                         {"soft", By::kSoft},
                         {"tombstones", By::kTombstones},
                         {"reconcile", By::kReconcile}};

constexpr std::string_view kSoftForm = "{by: soft, column: deleted_at}";
constexpr std::string_view kFlagForm = "{flag: deleted_at}";

const Choices<apply::OnDelete> kOnDelete = {{"delete", apply::OnDelete::kDelete},
                                            {"flag", apply::OnDelete::kFlag},
                                            {"ignore", apply::OnDelete::kIgnore}};

using Reconcile = capture::Deletes::Reconcile;

// A key that makes sense with one way only.
void RefuseUnless(bool fits, YamlMap& map, const std::string& key, std::string_view with,
                  Mistakes& mistakes) {
  if (fits || !map.Has(key)) return;
  mistakes.Add(map.LineOf(key), fmt::format("\"{}\" of \"deletes\" belongs to {}", key, with));
}

void ReadEvery(YamlMap& map, const std::string& key, Reconcile& reconcile, Mistakes& mistakes) {
  const auto text = map.Text(key);
  if (!text) return;
  const auto every = ParseDuration(*text);
  if (every && every->count() > 0) {
    reconcile.every = *every;
  } else {
    mistakes.Add(map.LineOf(key),
                 fmt::format("\"{}\" must be {}, not \"{}\"", key, kDurationForms, *text));
  }
}

void ReadRate(YamlMap& map, Reconcile& reconcile, Mistakes& mistakes) {
  const auto text = map.Text("rate");
  if (!text) return;
  uint64_t rate = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), rate);
  if (error == std::errc() && end == text->data() + text->size() && rate > 0) {
    reconcile.rate = rate;
  } else {
    mistakes.Add(map.LineOf("rate"),
                 fmt::format("\"rate\" must be how many rows are looked at in a second, such as "
                             "20000, not \"{}\"",
                             *text));
  }
}

void ReadMaxDeletes(YamlMap& map, capture::DeleteLimit& limit, Mistakes& mistakes) {
  const auto text = map.Text("max_deletes");
  if (!text) return;
  uint64_t number = 0;
  const char* const end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, number);
  const std::string_view rest(at, static_cast<size_t>(end - at));
  const bool is_percentage = rest == "%";
  if (error == std::errc() && at != text->data() &&
      (rest.empty() || (is_percentage && number <= 100))) {
    limit = {.number = number, .is_percentage = is_percentage};
  } else {
    mistakes.Add(map.LineOf("max_deletes"),
                 fmt::format("\"max_deletes\" must be a number of rows, such as 5000, or a part of "
                             "the table, such as 50%, not \"{}\"",
                             *text));
  }
}

// The mapping's keys besides `by`.
void ReadMore(YamlMap& map, By by, const std::string& zone, capture::Deletes& deletes,
              Mistakes& mistakes) {
  deletes.flag = map.Text("column").value_or("");
  RefuseUnless(by == By::kSoft, map, "column",
               fmt::format("\"by: soft\" only, as in {}", kSoftForm), mistakes);
  if (by == By::kTombstones && (map.Has("reconcile") || map.Has("cron")))
    deletes.reconcile = Reconcile();
  Reconcile scratch;
  Reconcile& reconcile = deletes.reconcile ? *deletes.reconcile : scratch;
  ReadEvery(map, "every", reconcile, mistakes);
  ReadRate(map, reconcile, mistakes);
  RefuseUnless(by == By::kReconcile, map, "every", "\"by: reconcile\" only", mistakes);
  reconcile.at = ReadTimetable(map, zone, mistakes);
  RefuseUnless(deletes.reconcile.has_value(), map, "cron", "what reconciles", mistakes);
  if (map.Has("cron") && (map.Has("every") || map.Has("reconcile"))) {
    mistakes.Add(map.LineOf("cron"), "\"cron\" takes the place of the interval of \"deletes\"");
  }
  RefuseUnless(deletes.reconcile.has_value(), map, "rate", "what reconciles", mistakes);
  RefuseUnless(by == By::kTombstones, map, "reconcile", "\"by: tombstones\" only", mistakes);
  ReadEvery(map, "reconcile", reconcile, mistakes);
  map.Text("reconcile");
  ReadMaxDeletes(map, deletes.max_deletes, mistakes);
  map.RefuseOthers();
}

}  // namespace

void ReadDeletes(YamlMap& map, const std::string& zone, capture::Deletes& deletes,
                 Mistakes& mistakes) {
  const YAML::Node node = map.Child("deletes");
  const bool is_map = node.IsDefined() && node.IsMap();
  YamlMap own(is_map ? node : YAML::Node(), "\"deletes\"", mistakes);
  std::optional<By> by;
  if (is_map) {
    own.RequiredText("by", "how deletions are found: none, soft, tombstones or reconcile");
    by = Choose(own, "by", "way to find deletions:", kBy, mistakes);
  } else {
    by = Choose(map, "deletes", "value for \"deletes\":", kBy, mistakes);
  }
  if (!map.Has("deletes")) return;
  capture::Deletes found;
  found.tombstones = by == By::kTombstones;
  if (by == By::kReconcile) found.reconcile = Reconcile();
  if (is_map) ReadMore(own, by.value_or(By::kNone), zone, found, mistakes);
  if (by == By::kSoft && found.flag.empty()) {
    mistakes.Add(
        map.LineOf("deletes"),
        fmt::format("\"deletes: soft\" needs the column that tells which rows are deleted, "
                    "such as \"deletes: {}\"",
                    kSoftForm));
  }
  if (by) deletes = std::move(found);
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
