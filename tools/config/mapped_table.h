#pragma once

#include <string>
#include <vector>

#include "engine/model/schema.h"
#include "tools/config/config.h"
#include "tools/config/yaml_map.h"

namespace syncline::cli {

// One table of one pipeline with nothing left open: which source table, which target table, by
// which rule. Borrows pipeline and rule from the Config.
struct MappedTable {
  const PipelineConfig* pipeline = nullptr;
  const TableRule* rule = nullptr;
  TableName source;
  TableName target;
};

// A table's name as a database of that dialect has it: PostgreSQL's default schema filled in;
// UsageError for a schema in SQLite.
TableName QualifiedName(std::string_view text, Dialect dialect);

// Where a source table goes by that rule. Without `to`: the same name, in "public" when it comes
// from SQLite to PostgreSQL, without its schema the other way round. A * in `to` is the source
// table's name.
TableName TargetName(const TableRule& rule, const TableName& source, Dialect to);

// The entries that are no globs. Names that cannot be read are mistakes.
std::vector<MappedTable> MapNamedTables(const Config& config, Mistakes& mistakes);

// Mistakes: two source tables of a pipeline in one target table; a table that is its own target;
// two pipelines that want one source table captured in different ways, which one log cannot hold;
// what RefuseCircles refuses.
void CheckMappedTables(const Config& config, const std::vector<MappedTable>& tables,
                       Mistakes& mistakes);

}  // namespace syncline::cli
