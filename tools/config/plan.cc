#include "tools/config/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <set>

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/base/printable.h"
#include "engine/sql/describe_all.h"
#include "engine/sql/session.h"
#include "tools/config/mapped_table.h"
#include "tools/config/named_by.h"
#include "tools/config/table_advice.h"

namespace syncline::cli {
namespace {

bool Contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// The names of the pipelines that were asked for.
std::vector<std::string> SelectPipelines(const Config& config,
                                         const std::vector<std::string>& names) {
  if (names.empty()) return config.PipelineNames();
  const std::vector<std::string> pipelines = config.PipelineNames();
  const std::vector<std::string> sources = config.SourceNames();
  std::vector<std::string> selected;
  for (const std::string& name : names) {
    bool known = false;
    for (const PipelineConfig& pipeline : config.pipelines) {
      const bool is_whole = pipeline.two_way && pipeline.two_way->name == name;
      // A database's name stands for what runs where it is captured.
      const std::string& database = pipeline.two_way ? pipeline.to : pipeline.from;
      if (pipeline.name != name && database != name && !is_whole) continue;
      known = true;
      if (!Contains(selected, pipeline.name)) selected.push_back(pipeline.name);
    }
    if (known) continue;
    std::vector<std::string> all = pipelines;
    all.insert(all.end(), sources.begin(), sources.end());
    throw UsageError(fmt::format("there is no pipeline or source \"{}\" in {}{}", name, config.file,
                                 DidYouMean(name, all)),
                     fmt::format("pipelines: {}; sources: {}", fmt::join(pipelines, ", "),
                                 fmt::join(sources, ", ")));
  }
  return selected;
}

capture::LoadOptions Gentler(const capture::LoadOptions& a, const capture::LoadOptions& b) {
  capture::LoadOptions both = a;
  both.workers = std::min(a.workers, b.workers);
  // 0 stands for no limit.
  if (a.bytes_per_second == 0 || b.bytes_per_second == 0) {
    both.bytes_per_second = a.bytes_per_second + b.bytes_per_second;
  } else {
    both.bytes_per_second = std::min(a.bytes_per_second, b.bytes_per_second);
  }
  return both;
}

// Resolves the globs of all pipelines that read one source.
class SourceResolver {
 public:
  SourceResolver(const Config& config, const DatabaseConfig& database, const Catalogue& catalogue,
                 Mistakes& mistakes)
      : config_(config), database_(database), catalogue_(catalogue), mistakes_(mistakes) {}

  // Adds to `tables`, which holds the named ones. Among globs the first that finds a table keeps
  // it.
  void Resolve(std::vector<MappedTable>& tables, std::vector<std::string>& warnings);
  // What the catalogue says of a table; null when it was not read, or does not have it.
  const sql::TableInfo* Find(const TableName& table) const;

 private:
  void ResolveGlob(const PipelineConfig& pipeline, const TableRule& rule, Dialect to,
                   std::set<TableName>& taken, std::vector<MappedTable>& tables,
                   std::vector<std::string>& warnings);

  const Config& config_;
  const DatabaseConfig& database_;
  const Catalogue& catalogue_;
  Mistakes& mistakes_;
  std::optional<std::vector<CatalogueTable>> all_;
};

const sql::TableInfo* SourceResolver::Find(const TableName& table) const {
  if (!all_) return nullptr;
  for (const CatalogueTable& one : *all_) {
    if (one.info.name == table) return &one.info;
  }
  return nullptr;
}

void SourceResolver::Resolve(std::vector<MappedTable>& tables, std::vector<std::string>& warnings) {
  for (const PipelineConfig& pipeline : config_.pipelines) {
    if (pipeline.from != database_.name) continue;
    std::set<TableName> taken;
    for (const MappedTable& table : tables) {
      if (table.pipeline == &pipeline) taken.insert(table.source);
    }
    const Dialect to = config_.Database(pipeline.to).url.dialect;
    for (const TableRule& rule : pipeline.tables) {
      if (rule.is_glob) ResolveGlob(pipeline, rule, to, taken, tables, warnings);
    }
  }
}

void SourceResolver::ResolveGlob(const PipelineConfig& pipeline, const TableRule& rule, Dialect to,
                                 std::set<TableName>& taken, std::vector<MappedTable>& tables,
                                 std::vector<std::string>& warnings) {
  if (!all_) all_ = catalogue_(database_);
  size_t found = 0, usable = 0;
  for (const auto& [info, unreadable] : *all_) {
    if (!GlobFinds(rule.pattern, info.name, database_.url.dialect)) continue;
    ++found;
    if (!taken.insert(info.name).second) {
      ++usable;  // by an entry of its own, or by an earlier glob
      continue;
    }
    const std::string problem =
        unreadable.empty()
            ? WhyNotCapturable(info, database_.url.dialect,
                               {.key = rule.key, .cursor = rule.cursor, .method = rule.capture})
            : unreadable;
    if (!problem.empty()) {
      warnings.push_back(fmt::format("{}:{}: table {} is left out of \"{}\": {}", config_.file,
                                     rule.line, info.name.ToString(), rule.pattern, problem));
      continue;
    }
    ++usable;
    tables.push_back({&pipeline, &rule, info.name, TargetName(rule, info.name, to)});
  }
  if (usable > 0) return;
  if (found == 0) {
    mistakes_.Add(rule.line, fmt::format("the glob \"{}\" matches no table of \"{}\", which has {}",
                                         rule.pattern, database_.name,
                                         all_->empty() ? std::string("none that can be seen")
                                                       : fmt::format("{} others", all_->size())));
  } else {
    std::string reasons;
    for (const std::string& warning : warnings) reasons += "\n    " + Printable(warning);
    mistakes_.Add(rule.line,
                  fmt::format("none of the {} tables that \"{}\" matches can be captured{}", found,
                              rule.pattern, reasons));
  }
}

// A glob's lists of columns hold for the tables that have them; an entry of its own must be right.
std::vector<std::string> OmitFor(const MappedTable& table, const sql::TableInfo* info) {
  std::vector<std::string> omit = table.rule->omit;
  if (table.rule->is_glob && info != nullptr) {
    std::erase_if(omit, [&](const std::string& column) { return info->Find(column) == nullptr; });
  }
  return omit;
}

apply::TableMapping MappingFor(const MappedTable& table, const sql::TableInfo* info) {
  apply::TableMapping mapping;
  mapping.source = table.source;
  mapping.target = table.target;
  mapping.columns = table.rule->columns;
  if (table.rule->is_glob && info != nullptr) {
    std::erase_if(mapping.columns,
                  [&](const auto& column) { return info->Find(column.first) == nullptr; });
  }
  mapping.omit = OmitFor(table, info);
  mapping.conflict = table.rule->conflict;
  mapping.create = table.rule->create;
  mapping.new_columns = table.rule->new_columns;
  mapping.changed_columns = table.rule->changed_columns;
  mapping.on_delete = table.rule->on_delete.action;
  mapping.flag = table.rule->on_delete.flag;
  return mapping;
}

capture::TableSpec SpecOf(const MappedTable& table) {
  const TableRule& rule = *table.rule;
  return {.table = table.source,
          .key = rule.key,
          .cursor = rule.cursor,
          .zone = rule.zone,
          .row_bytes_max = rule.max_row,
          .method = rule.capture};
}

// What several pipelines want of one table is captured once: a column stays at the source only if
// none wants it.
void AddToCapture(const MappedTable& table, const apply::TableMapping& mapping,
                  std::vector<capture::TableSpec>& specs) {
  auto spec = std::ranges::find(specs, table.source, &capture::TableSpec::table);
  if (spec == specs.end()) {
    specs.push_back({table.source,
                     table.rule->key,
                     table.rule->cursor,
                     mapping.omit,
                     table.rule->where,
                     table.rule->deletes,
                     table.rule->zone,
                     {},
                     table.rule->max_row,
                     table.rule->capture});
    spec = std::prev(specs.end());
    // Capture needs it, whether or not a target gets it.
    std::erase(spec->omit, spec->deletes.flag);
  } else {
    std::erase_if(spec->omit,
                  [&](const std::string& column) { return !Contains(mapping.omit, column); });
  }
  spec->named.insert(spec->named.end(), mapping.omit.begin(), mapping.omit.end());
  for (const auto& [column, renamed] : mapping.columns) spec->named.push_back(column);
}

PipelinePlan StartPipeline(const Config& config, const PipelineConfig& pipeline) {
  PipelinePlan plan;
  plan.name = pipeline.name;
  plan.source = pipeline.from;
  plan.target = pipeline.to;
  plan.source_url = config.Database(pipeline.from).url;
  plan.target_url = config.Database(pipeline.to).url;
  plan.log = config.Log(pipeline.from);
  plan.lines = config.LinesOf(pipeline);
  plan.quarantine_limit = pipeline.quarantine_limit;
  plan.schedule = pipeline.schedule;
  if (!pipeline.two_way) return plan;
  plan.two_way = true;
  for (const std::string& name : pipeline.two_way->prefer) {
    plan.prefer.push_back(config.Database(name).url);
  }
  // The two sides are compared once.
  if (pipeline.from != pipeline.two_way->between.front()) plan.schedule.verify.reset();
  return plan;
}

// Of several pipelines the strictest.
void AddNode(const TwoWayChoice& choice, SourcePlan& source) {
  if (source.retain) source.retain->keep_deletions = true;
  if (!source.node) {
    source.node = {.max_skew = choice.max_skew, .ahead = choice.ahead};
  }
  source.node->max_skew = std::min(source.node->max_skew, choice.max_skew);
  if (choice.ahead == capture::AheadStamps::kStop ||
      source.node->ahead == capture::AheadStamps::kAccept) {
    source.node->ahead = choice.ahead;
  }
}

// How the pipelines of one source want it to be polled; `selected` are those to run.
void AddReaders(const Config& config, const std::vector<PipelinePlan>& selected,
                SourcePlan& source) {
  bool first = true;
  for (const PipelineConfig& pipeline : config.pipelines) {
    const bool applies_here = pipeline.two_way && pipeline.to == source.database;
    if (pipeline.from != source.database && !applies_here) continue;
    source.readers.push_back(pipeline.name);
    if (std::ranges::find(selected, pipeline.name, &PipelinePlan::name) == selected.end()) continue;
    if (!pipeline.schedule.at) source.polls = true;
    const Backoff::Options& retry = pipeline.schedule.retry;
    if (first ||
        (source.retry.retries && (!retry.retries || *retry.retries > *source.retry.retries))) {
      source.retry = retry;
    }
    first = false;
  }
}

}  // namespace

std::vector<CatalogueTable> ReadCatalogue(const DatabaseConfig& database) {
  return InContext(fmt::format("database \"{}\"", database.name), [&] {
    auto session = sql::Session::Open(database.url, {.read_only = true});
    std::vector<CatalogueTable> tables;
    const std::vector<TableName> names = session->ListTables();
    try {
      for (auto& info : sql::DescribeAll(*session, names)) {
        if (info) tables.push_back({std::move(*info), {}});
      }
      return tables;
    } catch (const Error& error) {
      if (error.reaction() != Reaction::kStop) throw;
    }
    for (const TableName& name : names) {  // to learn of each why it cannot be read
      try {
        if (auto info = session->Describe(name)) tables.push_back({std::move(*info), {}});
      } catch (const Error& error) {
        if (error.reaction() != Reaction::kStop) throw;
        tables.push_back({{.name = name}, error.message()});
      }
    }
    return tables;
  });
}

Plan MakePlan(const Config& config, const std::vector<std::string>& names,
              const Catalogue& catalogue) {
  const std::vector<std::string> selected = SelectPipelines(config, names);
  Plan plan;
  plan.logs = config.Logs();
  plan.state = config.log;
  plan.config_file = config.file;
  plan.stop = config.stop;
  for (const PipelineConfig& pipeline : config.pipelines) {
    if (Contains(selected, pipeline.name))
      plan.pipelines.push_back(StartPipeline(config, pipeline));
  }
  Mistakes mistakes(config.file);
  const std::vector<MappedTable> named = MapNamedTables(config, mistakes);
  for (const std::string& source : config.SourceNames()) {
    const auto some = [&](auto wants) { return std::ranges::any_of(plan.pipelines, wants); };
    const bool captured =
        some([&](const PipelinePlan& pipeline) { return pipeline.place() == source; });
    if (!captured && !some([&](const PipelinePlan& p) { return p.source == source; })) continue;
    const DatabaseConfig& database = config.Database(source);
    std::vector<MappedTable> tables;
    std::copy_if(named.begin(), named.end(), std::back_inserter(tables),
                 [&](const MappedTable& table) { return table.pipeline->from == source; });
    SourceResolver resolver(config, database, catalogue, mistakes);
    resolver.Resolve(tables, plan.warnings);
    CheckMappedTables(config, tables, mistakes);

    SourcePlan capture{.database = source,
                       .url = database.url,
                       .log = config.Log(source),
                       .retain = config.retain,
                       .retain_at = config.retain_at,
                       .every = {Microseconds::max(), Microseconds::max()},
                       .load = {.workers = std::numeric_limits<uint32_t>::max()}};
    for (const MappedTable& table : tables) {
      const sql::TableInfo* info = resolver.Find(table.source);
      const capture::PollInterval& every = table.pipeline->every;
      if (!table.pipeline->schedule.at) {
        capture.every.least = std::min(capture.every.least, every.least);
        capture.every.most = std::min(capture.every.most, every.most);
      }
      capture.load = Gentler(capture.load, table.pipeline->load);
      const apply::TableMapping mapping = MappingFor(table, info);
      AddToCapture(table, mapping, capture.tables);
      if (table.pipeline->two_way) AddNode(*table.pipeline->two_way, capture);
      for (PipelinePlan& pipeline : plan.pipelines) {
        if (pipeline.name != table.pipeline->name) continue;
        pipeline.tables.push_back(mapping);
        if (pipeline.lines) pipeline.tables.back().target = mapping.source;
        pipeline.captured.push_back(SpecOf(table));
      }
    }
    AddReaders(config, plan.pipelines, capture);
    if (captured) plan.sources.push_back(std::move(capture));
  }
  mistakes.ThrowIfAny();
  return plan;
}

}  // namespace syncline::cli
