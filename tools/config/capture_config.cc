#include "tools/config/capture_config.h"

#include <fmt/format.h>

#include <string>

#include "capture/plan/cursor_columns.h"
#include "engine/base/error.h"
#include "tools/config/config_enum.h"

namespace syncline::cli {
namespace {

using capture::CaptureMethod;

const Choices<CaptureMethod> kMethods = {{"cursor", CaptureMethod::kCursor},
                                         {"xmin", CaptureMethod::kXmin}};

}  // namespace

void ReadCapture(YamlMap& map, Defaults& defaults) {
  const auto method = Choose(map, "capture", kMethods);
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
  if (has_versions && rule.cursor.empty()) {
    mistakes.Add(rule.line, fmt::format("{} has no cursor column: add \"cursor: COLUMN\" here or "
                                        "under defaults; it is the timestamp or version column "
                                        "that every update of a row moves forward. On PostgreSQL "
                                        "\"capture: xmin\" needs none",
                                        what));
  }
}

}  // namespace syncline::cli
