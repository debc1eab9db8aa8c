#include "tools/config/capture_config.h"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "capture/plan/cursor_columns.h"
#include "engine/base/error.h"
#include "tools/config/config_enum.h"
#include "tools/config/schedule_config.h"

namespace syncline::cli {
namespace {

using capture::CaptureMethod;

const Choices<CaptureMethod> kMethods = {{"cursor", CaptureMethod::kCursor},
                                         {"xmin", CaptureMethod::kXmin},
                                         {"compare", CaptureMethod::kCompare}};

// {by: compare, every: 1h}
std::optional<CaptureMethod> ReadLooks(YamlMap own, const std::string& zone,
                                       capture::Deletes::Reconcile& looks, Mistakes& mistakes) {
  const auto method = own.Require("by") ? Choose(own, "by", kMethods) : std::nullopt;
  looks = {};
  looks.every = own.Duration("every").value_or(looks.every);
  looks.at = ReadTimetable(own, zone, mistakes);
  for (const char* key : {"every", "cron"}) {
    if (!own.Has(key) || !method || *method == CaptureMethod::kCompare) continue;
    mistakes.Add(own.LineOf(key),
                 fmt::format("\"{}\" of \"capture\" belongs to \"by: compare\" only", key));
  }
  if (own.Has("every") && own.Has("cron")) {
    mistakes.Add(own.LineOf("cron"), "\"cron\" takes the place of the interval of \"capture\"");
  }
  own.RefuseOthers();
  return method;
}

}  // namespace

void ReadCapture(YamlMap& map, const std::string& zone, Defaults& defaults, Mistakes& mistakes) {
  const auto method = map.IsMap("capture")
                          ? ReadLooks(map.Inside("capture"), zone, defaults.looks, mistakes)
                          : Choose(map, "capture", kMethods);
  if (const auto column = map.Text("cursor")) {
    defaults.cursor = *column;
    defaults.capture = CaptureMethod::kCursor;
  }
  if (method) defaults.capture = *method;
}

void TakeCapture(YamlMap& map, const Defaults& own, TableRule& rule, Mistakes& mistakes) {
  const std::string what = fmt::format("table \"{}\"", rule.pattern);
  const bool has_versions = own.capture == CaptureMethod::kCursor;
  rule.capture = own.capture;
  if (has_versions) rule.cursor = own.cursor;
  rule.deletes = own.deletes;
  rule.conflict = has_versions ? own.conflict : apply::ConflictRule::kSourceWins;
  try {
    capture::CursorColumns::Parse(rule.cursor);
  } catch (const Error& error) {
    mistakes.Add(map.Has("cursor") ? map.LineOf("cursor") : rule.line,
                 error.message() + "; " + error.hint());
  }
  if (!has_versions && map.Has("cursor")) {
    map.Refuse("cursor", fmt::format("with \"capture: {}\" no column is polled by",
                                     capture::NameOf(rule.capture)));
  }
  if (!has_versions && map.Has("conflict") && apply::ComparesVersions(own.conflict)) {
    mistakes.Add(
        map.LineOf("conflict"),
        fmt::format("{} has no cursor, by which \"conflict\" could tell which state is the "
                    "later one: the source wins",
                    what));
  }
  if (own.capture == CaptureMethod::kCompare) {
    if (map.Has("deletes") && (own.deletes.tombstones || own.deletes.reconcile)) {
      mistakes.Add(map.LineOf("deletes"),
                   fmt::format("{}: \"capture: compare\" finds deletions by itself", what));
    }
    rule.deletes.tombstones = false;
    rule.deletes.reconcile = own.looks;
  }
  if (has_versions && rule.cursor.empty()) {
    mistakes.Add(rule.line, fmt::format("{} has no cursor column: add \"cursor: COLUMN\" here or "
                                        "under defaults; it is the timestamp or version column "
                                        "that every update of a row moves forward. Without one: "
                                        "\"capture: xmin\" on PostgreSQL, or \"capture: compare\"",
                                        what));
  }
}

}  // namespace syncline::cli
