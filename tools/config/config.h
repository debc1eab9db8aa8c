#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apply/apply_stage.h"
#include "capture/plan/capture_method.h"
#include "capture/plan/deletes.h"
#include "capture/plan/table_spec.h"
#include "capture/polling/capture_options.h"
#include "capture/polling/pace.h"
#include "engine/base/clock.h"
#include "engine/log/log_ref.h"
#include "engine/log/retention_policy.h"
#include "engine/sql/database_url.h"
#include "tools/config/deletes_config.h"
#include "tools/config/lines_config.h"
#include "tools/config/schedule_config.h"

namespace syncline::cli {

// The configuration file as it was written, with the defaults filled in. What its globs stand for
// is known only once the source's catalogue was read: see plan.h. Plain value types; every `line`
// counts from 1.

struct DatabaseConfig {
  std::string name;
  sql::DatabaseUrl url;
  int line = 0;
  bool holds_secret = false;  // a password stands in the file itself
  // No database but a target of lines; then `url` is only its name.
  std::optional<LinesConfig> lines = {};
};

// One entry under `tables`.
struct TableRule {
  std::string pattern;  // a table's name or a glob, as written
  bool is_glob = false;
  std::string to;                // empty: the same name
  std::vector<std::string> key;  // empty: from the catalogue
  capture::CaptureMethod capture = capture::CaptureMethod::kCursor;
  std::string cursor;  // empty unless `capture` is kCursor
  std::string zone;    // of a cursor without one; empty: as the server is configured
  std::map<std::string, std::string> columns;
  std::vector<std::string> omit;
  std::string where;
  apply::ConflictRule conflict = apply::ConflictRule::kLatestWins;
  capture::Deletes deletes;
  OnDeleteChoice on_delete;
  bool create = true;
  apply::NewColumns new_columns = apply::NewColumns::kEvolve;
  apply::ChangedColumns changed_columns = apply::ChangedColumns::kPause;
  uint64_t max_row = capture::kRowBytesMax;
  int line = 0;
};

// A pipeline of two directions, as it was written.
struct TwoWayChoice {
  std::string name;
  std::vector<std::string> between;  // two databases
  std::vector<std::string> prefer;   // whose users win conflicts, first ones first; none: by clock
  Microseconds max_skew = capture::NodeOptions().max_skew;
  capture::AheadStamps ahead = capture::AheadStamps::kCap;
};

struct PipelineConfig {
  std::string name;
  std::string from;  // names of databases
  std::string to;
  capture::PollInterval every;
  ScheduleConfig schedule;
  capture::LoadOptions load;
  uint64_t quarantine_limit = 0;  // refused changes that may be parked; 0: the first one stops it
  std::vector<TableRule> tables;
  int line = 0;
  std::optional<TwoWayChoice> two_way = {};  // then this is one of its two directions
};

struct Config {
  std::string file;                       // as the user named it
  std::filesystem::path log;              // the folder that holds one log per source
  std::optional<RetentionPolicy> retain;  // of each log; none: everything is kept
  std::optional<Timetable> retain_at;     // when old frames are folded; none: at once
  std::vector<DatabaseConfig> databases;
  std::vector<PipelineConfig> pipelines;
  std::shared_ptr<const StopGrace> stop = {};  // as EndWaits was told

  // No session that is opened with an address from here waits longer than that lets it.
  void EndWaits(std::shared_ptr<const StopGrace> grace);
  // The target of that pipeline, where it is no database.
  const std::optional<LinesConfig>& LinesOf(const PipelineConfig& pipeline) const {
    return Database(pipeline.to).lines;
  }
  // Throws UsageError with the nearest name when there is none of that name.
  const DatabaseConfig& Database(const std::string& name) const;
  const PipelineConfig& Pipeline(const std::string& name) const;
  // The logs in the folder `log`, and the one of a database that is read from; look at nothing.
  std::shared_ptr<const LogCatalog> Logs() const;
  LogRef Log(const std::string& database) const;
  std::vector<std::string> DatabaseNames() const;
  std::vector<std::string> PipelineNames() const;
  // Pipelines by their names, and both directions of one by the name that they have together; none:
  // all. Throws as Pipeline.
  std::vector<std::string> Named(const std::vector<std::string>& names) const;
  // The one from the first database to the second of a pipeline of two directions that is named by
  // `name`, or one direction of which is; null: there is none.
  const PipelineConfig* TwoWay(const std::string& name) const;
  // The databases that some pipeline reads from, in the order of the file.
  std::vector<std::string> SourceNames() const;
};

inline constexpr const char* kDefaultConfigFile = "syncline.yaml";

// Reads and checks a file. Throws one UsageError that lists every mistake with its line. Relative
// paths in it are taken from the file's folder.
Config LoadConfig(const std::filesystem::path& file);
// The same for a text that stands for a file of that name.
Config ParseConfig(const std::string& text, const std::filesystem::path& file);

}  // namespace syncline::cli
