#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apply/apply_stage.h"
#include "capture/plan/table_spec.h"
#include "capture/polling/capture_options.h"
#include "capture/polling/pace.h"
#include "engine/log/log_ref.h"
#include "engine/sql/table_info.h"
#include "tools/config/config.h"

namespace syncline::cli {

// What the stages are made from: the configuration with its globs resolved. Plain value types.

// One source and its log. Holds the tables of all pipelines that read this source, also of those
// that were not asked for: they share the log.
struct SourcePlan {
  std::string database;
  sql::DatabaseUrl url;
  LogRef log;
  std::optional<RetentionPolicy> retain;
  std::optional<Timetable> retain_at;
  std::vector<capture::TableSpec> tables;
  bool polls = false;                // again and again; otherwise only when somebody wants it to
  capture::PollInterval every;       // the shortest of its pipelines that have one
  Backoff::Options retry;            // the most patient of its pipelines
  std::vector<std::string> readers;  // all of its pipelines, also those that were not asked for
  capture::LoadOptions load;         // the gentlest of its pipelines
  // Of a database that pipelines of two directions write to; without turn and settle.
  std::optional<capture::NodeOptions> node = {};
};

struct PipelinePlan {
  std::string name;
  std::string source;  // SourcePlan::database
  std::string target;
  sql::DatabaseUrl target_url;
  LogRef log;
  uint64_t quarantine_limit = 0;
  ScheduleConfig schedule;
  std::vector<apply::TableMapping> tables;
  bool two_way = false;                   // one of two directions
  std::optional<LinesConfig> lines = {};  // the target is no database; target_url is only its name
  // The database by whose capture it runs.
  const std::string& place() const { return two_way ? target : source; }
  // How the source's tables are captured, as far as it takes to plan them, parallel to `tables`.
  sql::DatabaseUrl source_url = {};
  std::vector<capture::TableSpec> captured = {};
  std::vector<sql::DatabaseUrl> prefer = {};
};

struct Plan {
  std::vector<SourcePlan> sources;
  std::vector<PipelinePlan> pipelines;
  std::shared_ptr<const LogCatalog> logs;      // all logs
  std::filesystem::path state;                 // the folder of what is kept beside them: runs.db
  std::string config_file;                     // as the user named it
  std::shared_ptr<const StopGrace> stop = {};  // Config::stop
  std::vector<std::string> warnings;  // tables that a glob found and that cannot be captured
};

struct CatalogueTable {
  sql::TableInfo info;
  std::string unreadable;  // why only its name is known; empty: all of it is
};

// All tables of a database, described. Asked for only when a glob has to be resolved.
using Catalogue = std::function<std::vector<CatalogueTable>(const DatabaseConfig& database)>;
std::vector<CatalogueTable> ReadCatalogue(const DatabaseConfig& database);

// `names`: pipelines, or source databases for all pipelines that read them; empty: everything.
// Throws UsageError for an unknown name, for a glob that finds nothing, and for what
// CheckMappedTables finds. What the catalogue throws passes.
Plan MakePlan(const Config& config, const std::vector<std::string>& names,
              const Catalogue& catalogue = ReadCatalogue);

}  // namespace syncline::cli
