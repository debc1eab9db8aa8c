#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apply/rules/table_mapping.h"
#include "engine/base/logger.h"
#include "engine/model/schema.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// Follows the schemas of a pipeline's captured tables along its log, and finds what no target can
// follow by itself: a column that the source has dropped (on the target it stays, with its old
// values) or given another type (the target's keeps its own). By the table's mapping that pauses
// the pipeline, or is warned of.
//
// Remembers each table's last schema, as far as the pipeline takes its columns, in
// `syncline_schemas` on the target, so that after a restart a column that was dropped is told from
// one of the target's own. Works in the session's current transaction, in which the pipeline's
// progress row is locked. Belongs to one thread.
class SchemaWatch {
 public:
  using Mappings = std::map<TableName, TableMapping>;  // by source
  using Schemas = std::vector<std::shared_ptr<const TableSchema>>;

  explicit SchemaWatch(std::shared_ptr<Logger> logger) : logger_(std::move(logger)) {}

  // After a transaction that may have been rolled back: nothing that is known of the table counts.
  void Forget();

  // The batch brings changes under `schemas`, in the log's order, all of tables in `mappings` and
  // none that the target has had. Throws UsageError, with the statements to run, when a table is to
  // pause. What was run since, in these words or others, is found in the target's catalogue.
  void Compare(sql::Session& session, const std::string& pipeline, const Mappings& mappings,
               const Schemas& schemas);
  // Forgets the columns that `mappings` omit, which were remembered when they did not.
  void ForgetOmitted(sql::Session& session, const std::string& pipeline, const Mappings& mappings);
  // The batch is written: remembers what Compare has seen, and warns of what it let pass.
  void Note(sql::Session& session, const std::string& pipeline, const Mappings& mappings);

 private:
  struct KnownColumn {
    std::string name, type;             // on the source
    std::optional<std::string> target;  // its type on the target, where it is there
  };
  using Known = std::vector<KnownColumn>;
  // A column that is not what it was.
  struct Lost {
    const KnownColumn* before;
    const Column* now;  // none: it is dropped
  };

  // Of the columns that `mapping` takes. What the target has is taken from `before`.
  static Known KnownOf(const TableSchema& schema, const TableMapping& mapping, const Known& before);
  static std::vector<Lost> LostBetween(const Known& before, const TableSchema& now,
                                       const TableMapping& mapping);
  void Read(sql::Session& session, const std::string& pipeline);
  static Row RowOf(const std::string& pipeline, const TableName& table, const Known& known);
  static void Write(sql::Session& session, const std::vector<Row>& rows);
  void PauseFor(sql::Session& session, const TableSchema& schema, const TableMapping& mapping,
                const std::vector<Lost>& lost) const;

  const std::shared_ptr<Logger> logger_;
  std::optional<std::map<TableName, Known>> known_;        // by source; none: to be read
  std::map<TableName, std::vector<std::string>> to_note_;  // with the warnings that are due
};

// Makes `syncline_schemas` when it is missing. Outside of a transaction.
void EnsureSchemaTable(sql::Session& session);

}  // namespace syncline::apply
