#include "tools/check/check_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "capture/plan/capture_plan.h"
#include "engine/base/error.h"
#include "engine/sql/session.h"
#include "engine/sql/sql_dialect.h"

namespace syncline::cli {
namespace {

// Null for a SQLite file that is not there yet.
std::unique_ptr<sql::Session> OpenIfThere(const sql::DatabaseUrl& url) {
  if (sql::DialectOf(url.dialect).can().is_file && !std::filesystem::exists(url.connection))
    return nullptr;
  return sql::Session::Open(url, {.read_only = true});
}

// Whether another database has the table, as which it will be made here.
bool IsMade(const TableName& table, const std::string& database,
            const std::vector<PipelinePlan>& pipelines) {
  return std::ranges::any_of(pipelines, [&](const PipelinePlan& pipeline) {
    if (!pipeline.two_way || pipeline.target != database) return false;
    const auto mapping = std::ranges::find(pipeline.tables, table, &apply::TableMapping::target);
    if (mapping == pipeline.tables.end() || !mapping->create) return false;
    const auto session = OpenIfThere(pipeline.source_url);
    return session && session->Describe(mapping->source);
  });
}

}  // namespace

bool WillBeMade(const Config& config, const std::string& database) {
  const sql::DatabaseUrl& url = config.Database(database).url;
  return sql::DialectOf(url.dialect).can().is_file && !std::filesystem::exists(url.connection) &&
         std::ranges::any_of(config.pipelines, [&](const PipelineConfig& pipeline) {
           return pipeline.two_way && pipeline.to == database;
         });
}

std::vector<capture::TableSpec> TablesThere(const SourcePlan& source,
                                            const std::vector<PipelinePlan>& pipelines,
                                            CheckReport& report) {
  std::vector<capture::TableSpec> there;
  const auto session = OpenIfThere(source.url);
  for (const capture::TableSpec& spec : source.tables) {
    if ((session && session->Describe(spec.table)) ||
        !IsMade(spec.table, source.database, pipelines)) {
      there.push_back(spec);
      continue;
    }
    report.Pass(fmt::format("{} {}", source.database, spec.table.ToString()),
                "is not there and will be made as the other side has it");
  }
  return there;
}

SourceSchemas ReplicaSchemas(const PipelinePlan& pipeline) {
  SourceSchemas schemas;
  const auto session = OpenIfThere(pipeline.source_url);
  if (!session) return schemas;
  for (const capture::TableSpec& spec : pipeline.captured) {
    try {
      schemas[spec.table] = capture::PlanTable(*session, spec).schema;
    } catch (const Error&) {
      // The check of that database tells it.
    }
  }
  return schemas;
}

}  // namespace syncline::cli
