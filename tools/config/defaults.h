#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "apply/rules/table_mapping.h"
#include "capture/plan/capture_method.h"
#include "capture/plan/deletes.h"
#include "capture/plan/table_spec.h"
#include "capture/polling/capture_options.h"
#include "capture/polling/pace.h"
#include "tools/config/deletes_config.h"
#include "tools/config/schedule_config.h"
#include "tools/config/yaml_map.h"

namespace syncline::cli {

// What a pipeline hands to its tables unless they say otherwise; `defaults` hands it to the
// pipelines.
struct Defaults {
  capture::PollInterval every;
  capture::LoadOptions load;
  capture::CaptureMethod capture = capture::CaptureMethod::kCursor;
  capture::Deletes::Reconcile looks;  // when a table is compared
  std::string cursor;
  apply::ConflictRule conflict = apply::ConflictRule::kLatestWins;
  capture::Deletes deletes;
  OnDeleteChoice on_delete;
  bool create = true;
  std::optional<apply::NewColumns> new_columns;  // none: as `create` says
  apply::ChangedColumns changed_columns = apply::ChangedColumns::kPause;
  uint64_t max_row = capture::kRowBytesMax;
  uint64_t quarantine_limit = 1'000;
  ScheduleConfig schedule;  // read by ReadSchedule, before the rest
};

// `defaults` as far as `map`, of a pipeline or of the defaults, does not say otherwise. The caller
// refuses the keys that do not belong where `map` stands.
Defaults ReadDefaults(YamlMap& map, Defaults defaults, Mistakes& mistakes);
// The same for `map` of a table, which has fewer.
Defaults ReadTableDefaults(YamlMap& map, Defaults defaults, Mistakes& mistakes);

}  // namespace syncline::cli
