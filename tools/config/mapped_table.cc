#include "tools/config/mapped_table.h"

#include <fmt/format.h>

#include <map>

#include "capture/plan/cursor_choice.h"
#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/sql_dialect.h"
#include "tools/config/sync_circles.h"
#include "tools/support/glob.h"

namespace syncline::cli {
namespace {

void ReplaceStar(std::string& text, const std::string& by) {
  size_t star = text.find('*');
  if (star != std::string::npos) text.replace(star, 1, by);
}

std::string PlaceOf(const MappedTable& table) {
  return fmt::format("pipeline \"{}\", line {}", table.pipeline->name, table.rule->line);
}

void CheckSameCapture(const MappedTable& first, const MappedTable& second, Mistakes& mistakes) {
  const TableRule& a = *first.rule;
  const TableRule& b = *second.rule;
  std::vector<std::string> differing;
  if (a.key != b.key) differing.push_back("key");
  if (a.capture != b.capture) differing.push_back("capture");
  if (a.cursor != b.cursor) differing.push_back("cursor");
  if (a.zone != b.zone) differing.push_back("zone");
  if (a.where != b.where) differing.push_back("where");
  if (a.max_row != b.max_row) differing.push_back("max_row");
  if (a.deletes != b.deletes) differing.push_back("deletes");
  if (differing.empty()) return;
  mistakes.Add(b.line,
               fmt::format("table {} is captured with another {} than in {}, but \"{}\" has "
                           "one log; make them the same, or give the database a second "
                           "name under \"databases\" to get a second log",
                           second.source.ToString(), fmt::join(differing, " and "), PlaceOf(first),
                           second.pipeline->from));
}

void CheckMethod(const MappedTable& table, Dialect from, Mistakes& mistakes) {
  if (table.rule->capture != capture::CaptureMethod::kXmin) return;
  const std::string why = capture::WhyNotByXmin(sql::TableInfo::Kind::kTable, from);
  if (why.empty()) return;
  mistakes.Add(table.rule->line, fmt::format("table {} of pipeline \"{}\" cannot be captured by "
                                             "xmin: {}; name a column with \"cursor\"",
                                             table.source.ToString(), table.pipeline->name, why));
}

}  // namespace

TableName QualifiedName(std::string_view text, Dialect dialect) {
  TableName table = TableName::Parse(text);
  if (!sql::DialectOf(dialect).can().has_schemas && !table.schema.empty()) {
    throw UsageError(fmt::format("\"{}\" has a schema, but tables in SQLite have none", text),
                     fmt::format("write \"{}\"", TableName{"", table.name}.ToString()));
  }
  return sql::WithDefaultSchema(std::move(table), dialect);
}

TableName TargetName(const TableRule& rule, const TableName& source, Dialect to) {
  if (!rule.to.empty()) {
    TableName target = QualifiedName(rule.to, to);
    if (rule.is_glob) ReplaceStar(target.name, source.name);
    return target;
  }
  return sql::NameIn(to, source);
}

std::vector<MappedTable> MapNamedTables(const Config& config, Mistakes& mistakes) {
  std::vector<MappedTable> tables;
  for (const PipelineConfig& pipeline : config.pipelines) {
    if (pipeline.from.empty() || pipeline.to.empty()) continue;  // told already
    const Dialect from = config.Database(pipeline.from).url.dialect;
    const Dialect to = config.Database(pipeline.to).url.dialect;
    for (const TableRule& rule : pipeline.tables) {
      try {
        const TableName source = QualifiedName(rule.pattern, from);
        const TableName target = TargetName(rule, source, to);
        if (!rule.is_glob) {
          tables.push_back({&pipeline, &rule, source, target});
        } else if (!rule.to.empty() && !IsGlob(rule.to)) {
          mistakes.Add(rule.line, fmt::format("\"to\" of the glob \"{}\" must hold a * for the "
                                              "table's name, such as \"copy.*\"",
                                              rule.pattern));
        }
      } catch (const Error& error) {
        mistakes.Add(rule.line, fmt::format("table \"{}\": {}{}{}", rule.pattern, error.message(),
                                            error.hint().empty() ? "" : "; ", error.hint()));
      }
    }
  }
  return tables;
}

void CheckMappedTables(const Config& config, const std::vector<MappedTable>& tables,
                       Mistakes& mistakes) {
  std::map<std::pair<std::string, TableName>, const MappedTable*> by_target, by_source, seen;
  const auto one_name = [&](const TableName& table, const std::string& database) {
    return TableName{table.schema,
                     sql::FoldedName(table.name, config.Database(database).url.dialect)};
  };
  for (const MappedTable& table : tables) {
    const PipelineConfig& pipeline = *table.pipeline;
    if (auto [it, is_new] =
            seen.try_emplace({pipeline.name, one_name(table.source, pipeline.from)}, &table);
        !is_new) {
      mistakes.Add(table.rule->line,
                   fmt::format("table {} stands twice in pipeline \"{}\", first in line {}",
                               table.source.ToString(), pipeline.name, it->second->rule->line));
      continue;
    }
    if (auto [it, is_new] =
            by_target.try_emplace({pipeline.name, one_name(table.target, pipeline.to)}, &table);
        !is_new) {
      const bool differ = it->second->target != table.target;
      mistakes.Add(
          table.rule->line,
          fmt::format("tables {} and {} of pipeline \"{}\" both go to {}{}; give one of them "
                      "another \"to\"",
                      it->second->source.ToString(), table.source.ToString(), pipeline.name,
                      table.target.ToString(),
                      differ ? ", for SQLite does not tell upper from lower case" : ""));
    }
    const sql::DatabaseUrl& from = config.Database(pipeline.from).url;
    CheckMethod(table, from.dialect, mistakes);
    const sql::DatabaseUrl& to = config.Database(pipeline.to).url;
    if (!from.connection.empty() && from.connection == to.connection &&
        one_name(table.source, pipeline.from) == one_name(table.target, pipeline.to)) {
      mistakes.Add(
          table.rule->line,
          fmt::format("table {} of pipeline \"{}\" would be its own target; choose another "
                      "database, or another table with \"to\"",
                      table.source.ToString(), pipeline.name));
    }
    auto [it, is_new] =
        by_source.try_emplace({pipeline.from, one_name(table.source, pipeline.from)}, &table);
    if (!is_new && it->second->source != table.source) {
      mistakes.Add(
          table.rule->line,
          fmt::format("tables {} and {} of \"{}\" are one, for SQLite does not tell upper "
                      "from lower case: write its name in one way",
                      it->second->source.ToString(), table.source.ToString(), pipeline.from));
    }
    if (!is_new) CheckSameCapture(*it->second, table, mistakes);
  }
  RefuseCircles(tables, mistakes);
}

}  // namespace syncline::cli
