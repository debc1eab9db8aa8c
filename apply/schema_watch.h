#pragma once

#include <spdlog/logger.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apply/table_mapping.h"
#include "engine/model/schema.h"

namespace syncline::apply {

// Follows the schemas of the captured tables along a log, and warns of what no target can follow: a
// column that the source has dropped (on the target it stays, with its old values) or given another
// type (the target's keeps its own). Remembers nothing from one process to the next. Belongs to one
// thread.
class SchemaWatch {
 public:
  SchemaWatch(std::string pipeline, const std::vector<TableMapping>& tables,
              std::shared_ptr<spdlog::logger> logger);

  // In the log's order; tables without a mapping, and columns that it omits, do not matter.
  void See(const std::shared_ptr<const TableSchema>& schema);

 private:
  const std::string pipeline_;
  const std::shared_ptr<spdlog::logger> logger_;
  std::map<TableName, std::vector<std::string>> omitted_;  // of the tables that have a mapping
  std::map<TableName, std::shared_ptr<const TableSchema>> seen_;
};

}  // namespace syncline::apply
