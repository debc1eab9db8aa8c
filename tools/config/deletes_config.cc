#include "tools/config/deletes_config.h"

#include <fmt/format.h>
#include <charconv>
#include <optional>

#include "tools/config/config_enum.h"
#include "tools/config/schedule_config.h"

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

void ReadMaxDeletes(YamlMap& map, capture::DeleteLimit& limit) {
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
    map.Unfit("max_deletes", *text);
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
  reconcile.every = map.Duration("every").value_or(reconcile.every);
  reconcile.rate = map.Number("rate").value_or(reconcile.rate);
  RefuseUnless(by == By::kReconcile, map, "every", "\"by: reconcile\" only", mistakes);
  reconcile.at = ReadTimetable(map, zone, mistakes);
  RefuseUnless(deletes.reconcile.has_value(), map, "cron", "what reconciles", mistakes);
  if (map.Has("cron") && (map.Has("every") || map.Has("reconcile"))) {
    mistakes.Add(map.LineOf("cron"), "\"cron\" takes the place of the interval of \"deletes\"");
  }
  RefuseUnless(deletes.reconcile.has_value(), map, "rate", "what reconciles", mistakes);
  RefuseUnless(by == By::kTombstones, map, "reconcile", "\"by: tombstones\" only", mistakes);
  reconcile.every = map.Duration("reconcile").value_or(reconcile.every);
  ReadMaxDeletes(map, deletes.max_deletes);
  map.RefuseOthers();
}

}  // namespace

void ReadDeletes(YamlMap& map, const std::string& zone, capture::Deletes& deletes,
                 Mistakes& mistakes) {
  if (!map.Has("deletes")) return;
  std::optional<YamlMap> own;
  std::optional<By> by;
  if (map.IsMap("deletes")) {
    own.emplace(map.Inside("deletes"));
    if (own->Require("by")) by = Choose(*own, "by", kBy);
  } else {
    by = Choose(map, "deletes", kBy);
  }
  capture::Deletes found;
  found.tombstones = by == By::kTombstones;
  if (by == By::kReconcile) found.reconcile = Reconcile();
  if (own) ReadMore(*own, by.value_or(By::kNone), zone, found, mistakes);
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
  if (map.IsMap("on_delete")) {
    YamlMap own = map.Inside("on_delete");
    const auto flag = own.Require("flag") ? own.Text("flag") : std::nullopt;
    own.RefuseOthers();
    if (flag && flag->empty()) {
      own.Unfit("flag", *flag);
    } else if (flag) {
      choice = {apply::OnDelete::kFlag, *flag};
    }
    return;
  }
  const auto action = Choose(map, "on_delete", kOnDelete);
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
