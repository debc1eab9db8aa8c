#include "apply/write/write_counts.h"

#include "engine/base/logger.h"

namespace syncline::apply {

WriteCounts& WriteCounts::operator+=(const WriteCounts& other) {
  written += other.written;
  newer += other.newer;
  conflicts += other.conflicts;
  suppressed += other.suppressed;
  refused += other.refused;
  waiting += other.waiting;
  took += other.took;
  return *this;
}

void Report(const WriteCounts& counts, const std::string& pipeline, const TableName& table,
            Logger& logger) {
  const std::string name = table.ToString();
  if (counts.newer > 0) {
    logger.Info("existing row is newer, skipped pipeline={} table={} rows={}", pipeline, name,
                counts.newer);
  }
  if (counts.conflicts > 0) {
    logger.Info("conflicts decided pipeline={} table={} rows={}", pipeline, name, counts.conflicts);
  }
  if (counts.waiting > 0) {
    logger.Info("later changes of parked rows wait pipeline={} table={} rows={}", pipeline, name,
                counts.waiting);
  }
  if (counts.suppressed > 0) {
    logger.Warn("the target's own triggers kept rows as they were pipeline={} table={} rows={}",
                pipeline, name, counts.suppressed);
  }
}

}  // namespace syncline::apply
