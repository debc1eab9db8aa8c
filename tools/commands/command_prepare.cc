#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <sstream>

#include "capture/plan/capture_plan.h"
#include "capture/plan/tombstone_horizon.h"
#include "capture/plan/tombstones.h"
#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/base/printable.h"
#include "engine/sql/dialect.h"
#include "engine/sql/session.h"
#include "engine/sql/sql_dialect.h"
#include "tools/commands/commands.h"
#include "tools/config/expansion.h"
#include "tools/config/mapped_table.h"
#include "tools/config/plan.h"
#include "tools/support/duration.h"

namespace syncline::cli {
namespace {

struct PrepareOptions {
  std::vector<std::string> names;
  bool apply = false;
  bool remove = false;
  std::string prune;
  std::string as;
};

// The tables of one source that are meant.
struct Chosen {
  SourcePlan source;
  std::vector<capture::TableSpec> tables;
};

// Whether what is shown of the table's SQL is that SQL.
bool IsPrintable(const capture::CapturePlan& table) {
  std::string names = table.name();
  for (const Column& column : table.schema->columns) names += column.name;
  return Printable(names) == names;
}

bool Contains(const std::vector<std::string>& list, const std::string& item) {
  return std::ranges::find(list, item) != list.end();
}

// Names of pipelines and sources stand for all of their tables with tombstones. A table that is
// named is meant whatever its `deletes` says, so that what is there can be taken away.
std::vector<Chosen> Choose(const Config& config, const PrepareOptions& options) {
  std::vector<std::string> known = config.PipelineNames();
  for (const std::string& source : config.SourceNames()) known.push_back(source);
  std::vector<std::string> pipelines, tables;
  for (const std::string& name : options.names) {
    (Contains(known, name) ? pipelines : tables).push_back(name);
  }
  const Plan plan = MakePlan(config, tables.empty() ? pipelines : std::vector<std::string>());
  std::vector<Chosen> all;
  std::set<std::string> found;
  for (const SourcePlan& source : plan.sources) {
    Chosen chosen{source, {}};
    for (const capture::TableSpec& spec : source.tables) {
      const std::string name = spec.table.ToString();
      known.push_back(name);
      known.push_back(spec.table.name);
      const auto is_named = [&](const std::string& text) {
        return QualifiedName(text, source.url.dialect) == spec.table;
      };
      const auto named = std::ranges::find_if(tables, is_named);
      if (named != tables.end()) found.insert(*named);
      const bool wanted = tables.empty() || Contains(pipelines, source.database);
      if (named != tables.end() || (wanted && spec.deletes.tombstones)) {
        chosen.tables.push_back(spec);
      }
    }
    if (!chosen.tables.empty()) all.push_back(std::move(chosen));
  }
  for (const std::string& name : tables) {
    if (found.contains(name)) continue;
    throw UsageError(fmt::format("there is no pipeline, source or captured table \"{}\" in {}{}",
                                 name, config.file, DidYouMean(name, known)));
  }
  if (all.empty()) {
    throw UsageError("no table has tombstones",
                     "set \"deletes: tombstones\" in the configuration, or name a table");
  }
  return all;
}

class Preparation {
 public:
  Preparation(const Invocation& invocation, const PrepareOptions& options)
      : invocation_(invocation), options_(options), out_(invocation.Out()) {
    if (options.prune.empty()) return;
    prune_ = ParseDuration(options.prune);
    if (!prune_) {
      throw UsageError(
          fmt::format("--prune must be {}, not \"{}\"", kDurationForms, options.prune));
    }
  }

  int Run() {
    const Config config = invocation_.Load();
    const std::vector<Chosen> chosen = Choose(config, options_);
    if (!options_.as.empty() && chosen.size() > 1) {
      throw UsageError("--as is for one source, and these tables are in several",
                       "name the tables, or a pipeline");
    }
    for (const Chosen& one : chosen) Treat(one);
    if (invocation_.json) invocation_.Print({{"tables", told_}});
    return 0;
  }

 private:
  bool acts() const { return options_.apply || options_.remove || prune_; }

  void Treat(const Chosen& chosen) {
    source_ = chosen.source.database;
    reader_ = sql::Session::Open(chosen.source.url, {.read_only = true});
    if (acts()) OpenOwner(chosen.source);
    for (const capture::TableSpec& spec : chosen.tables) {
      try {
        InContext(source_, [&] { Treat(capture::PlanTable(*reader_, spec)); });
      } catch (const Error& error) {
        if (!acts() || !options_.as.empty() || error.condition() != Condition::kNoPrivilege) throw;
        throw error.WithHint("name a role that may create tables and triggers there with --as URL");
      }
    }
  }

  void OpenOwner(const SourcePlan& source) {
    const sql::DatabaseUrl url = options_.as.empty() ? source.url : ParseAddress(options_.as);
    owner_ = sql::Session::Open(url);
    if (owner_->Identity() == reader_->Identity()) return;
    throw UsageError(fmt::format("--as names another database than the source {}", source_),
                     "it is for another role of the same database");
  }

  void Treat(const capture::CapturePlan& table) {
    auto shape = capture::DescribeTombstones(*reader_, table);
    shape.owner = capture::OwnerForTombstones(acts() ? *owner_ : *reader_, shape.table, !acts());
    if (prune_) return Prune(table, shape);
    if (options_.remove) {
      Execute(capture::RemoveTombstonesSql(shape));
      return Tell(table, "removed");
    }
    const std::vector<sql::Sql> install = capture::InstallTombstonesSql(shape, Reader());
    if (!acts()) return Print(table, install);
    if (IsThere(shape)) return Tell(table, "there already");
    sql::Transaction transaction(*owner_, sql::Session::Isolation::kWrite);
    capture::RefuseForeignTombstones(*owner_, shape);
    for (const sql::Sql& sql : install) owner_->Execute(sql);
    capture::RefuseForeignTombstones(*owner_, shape);  // somebody may have been quicker
    const auto now = capture::DescribeTombstones(*owner_, table);
    if (const auto state = capture::LookAtTombstones(*owner_, now); !state.problem.empty()) {
      throw StopError(fmt::format("{}: {}", table.name(), state.problem),
                      "the tombstones are those of another key: when nothing of them is wanted any "
                      "more, run prepare --remove, then --apply");
    }
    transaction.Commit();
    Tell(table, "installed");
  }

  // Whoever captures has to see that they are there.
  bool IsThere(const capture::TombstoneShape& shape) {
    try {
      const auto state = capture::LookAtTombstones(*reader_, shape);
      return state.problem.empty() && state.caution.empty();
    } catch (const Error& error) {
      if (error.reaction() != Reaction::kStop) throw;
      return false;
    }
  }

  std::string Reader() {
    if (!sql::DialectOf(*reader_).can().has_roles) return {};
    return reader_->Query("SELECT current_user").rows.at(0).at(0).value();
  }

  void Execute(const std::vector<sql::Sql>& statements) {
    sql::Transaction transaction(*owner_, sql::Session::Isolation::kWrite);
    for (const sql::Sql& sql : statements) owner_->Execute(sql);
    transaction.Commit();
  }

  void Prune(const capture::CapturePlan& table, const capture::TombstoneShape& shape) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*prune_).count();
    const uint64_t gone = capture::PruneTombstones(*owner_, shape, seconds);
    Tell(table, fmt::format("{} tombstones older than {} dropped", gone, options_.prune));
  }

  void Print(const capture::CapturePlan& table, const std::vector<sql::Sql>& statements) {
    if (invocation_.json) {
      std::vector<std::string> texts;
      for (const sql::Sql& sql : statements) texts.push_back(sql.ToString());
      told_.push_back({{"source", source_}, {"table", table.name()}, {"sql", texts}});
      return;
    }
    out_.Line(fmt::format("-- {} {}", source_, table.name()));
    if (!IsPrintable(table)) {
      out_.Line("-- its SQL cannot be shown: there are control characters in a name");
      out_.Line("-- syncline prepare --apply runs it all the same");
      return;
    }
    out_.Line("BEGIN;");
    for (const sql::Sql& sql : statements) {
      std::istringstream lines(sql.ToString() + ";");
      for (std::string line; std::getline(lines, line);) out_.Line(line);
    }
    out_.Line("COMMIT;");
  }

  void Tell(const capture::CapturePlan& table, const std::string& what) {
    if (invocation_.json) {
      told_.push_back({{"source", source_}, {"table", table.name()}, {"result", what}});
    } else {
      out_.Line(fmt::format("{} {}: {}", source_, table.name(), what));
    }
  }

  const Invocation& invocation_;
  const PrepareOptions& options_;
  Terminal out_;
  std::optional<Microseconds> prune_;
  std::string source_;
  std::unique_ptr<sql::Session> reader_;  // as the configuration names it
  std::unique_ptr<sql::Session> owner_;   // who may create
  Json told_ = Json::array();
};

}  // namespace

void AddPrepare(Command& app, const Invocation& invocation) {
  auto options = std::make_shared<PrepareOptions>();
  Command& command = app.AddCommand(
      "prepare", "Show, install or remove the triggers behind \"deletes: tombstones\"");
  command.AddOption("names", options->names, "Pipelines, sources or tables; all if none is named")
      .Type("NAME");
  Option apply =
      command.AddFlag("--apply", options->apply, "Install the triggers that are missing");
  Option remove =
      command.AddFlag("--remove", options->remove, "Remove the triggers and the tombstones");
  Option prune = command
                     .AddOption("--prune", options->prune,
                                "Drop tombstones that are older, read or not, such as 7d")
                     .Type("AGE");
  apply.Excludes(remove).Excludes(prune);
  remove.Excludes(prune);
  command
      .AddOption("--as", options->as,
                 "The source's address with a role that may create tables and triggers")
      .Type("URL");
  command.Footer(
      R"(Without an option it prints the SQL. Installing takes a role that may create tables
in the table's schema and triggers on the table; capture itself only reads. Writers
wait for the moment in which triggers are made, and the triggers wait for writers.
Where tombstones are dropped before capture has read them, or a log from before they
were dropped is put back, capture looks once for every row that the log holds.

  syncline prepare
  syncline prepare --apply --as postgresql://owner@localhost/shop
  syncline prepare public.items --remove)");
  command.Runs([&invocation, options] { return Preparation(invocation, *options).Run(); });
}

}  // namespace syncline::cli
