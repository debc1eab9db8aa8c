#include "apply/schema_watch.h"

#include <algorithm>
#include <utility>

namespace syncline::apply {

SchemaWatch::SchemaWatch(std::string pipeline, const std::vector<TableMapping>& tables,
                         std::shared_ptr<spdlog::logger> logger)
    : pipeline_(std::move(pipeline)), logger_(std::move(logger)) {
  for (const TableMapping& table : tables) omitted_[table.source] = table.omit;
}

void SchemaWatch::See(const std::shared_ptr<const TableSchema>& schema) {
  const auto omitted = omitted_.find(schema->table);
  if (omitted == omitted_.end()) return;
  const auto before = std::exchange(seen_[schema->table], schema);
  if (!before || before == schema || *before == *schema) return;
  for (const Column& column : before->columns) {
    if (std::ranges::find(omitted->second, column.name) != omitted->second.end()) continue;
    const auto now = std::ranges::find(schema->columns, column.name, &Column::name);
    if (now == schema->columns.end()) {
      logger_->warn(
          "source column dropped, the target's stays with its old values pipeline={} table={} "
          "column={}",
          pipeline_, schema->table.ToString(), column.name);
    } else if (now->native_type != column.native_type) {
      logger_->warn(
          "source column has another type, the target's keeps its own: change it by hand if it "
          "must "
          "hold what comes pipeline={} table={} column={} old=\"{}\" new=\"{}\"",
          pipeline_, schema->table.ToString(), column.name, column.native_type, now->native_type);
    }
  }
}

}  // namespace syncline::apply
