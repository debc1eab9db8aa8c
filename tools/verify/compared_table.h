#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apply/plan/narrowing.h"
#include "apply/rules/table_mapping.h"
#include "capture/plan/known_kinds.h"
#include "capture/plan/table_spec.h"
#include "engine/model/schema.h"
#include "engine/sql/session.h"

namespace syncline::cli {

// One table of a pipeline as `verify` compares it: what is read on either side, and how a row of
// the one is found on the other. A row has two forms: the source's, as capture reads and the log
// holds it, and the target's, as the target's table stores it. Plain value type.
struct ComparedTable {
  std::shared_ptr<const TableSchema> schema;  // of the source: the columns that are captured
  // SQL conditions on the source and on the target; empty: all rows. What is flagged as deleted on
  // either side counts as not there.
  sql::Sql where, target_where;
  apply::TableMapping mapping;
  std::vector<uint32_t> take;  // indexes into schema->columns of those that are compared
  // The target's columns under their names and with their types there, parallel to `take`.
  TableSchema target;
  bool target_exists = true;
  std::vector<sql::ForeignKey> references;  // of the target's table
  std::vector<std::string> left_out;        // columns of the source that the target's table lacks
  // Columns that are compared as the target's types hold what comes, which is not all of it.
  std::vector<apply::Narrowing> narrowed = {};
  // The target stores the source's values as they are, with exceptions: no need to ask it how it
  // would store each row.
  bool direct = true;
  // By which values of the compared columns are the same (IsSameValue), parallel to `take`; of key
  // columns kNull: the same bits. Empty: all are the same by their bits.
  std::vector<Type> types = {};
  uint64_t row_bytes_max = 0;  // larger rows are not compared
  sql::Sql from, target_from;  // what rows are read from: those of heirs are not among them

  std::string name() const { return schema->table.ToString(); }
  std::vector<std::string> SourceKeyNames() const;
  std::vector<std::string> TargetKeyNames() const;
};

// Whether a table is meant by `name`, with its schema or without; empty: every table is.
bool IsNamed(const TableName& table, const std::string& name);

// Throws as capture and apply do for a table that cannot be synced. Changes nothing. `known`: what
// capture has read.
ComparedTable DescribeCompared(sql::Session& source, sql::Session& target,
                               const capture::TableSpec& spec, const apply::TableMapping& mapping,
                               const capture::KnownKinds& known);

// The compared values of a row in the source's form, as the target stores them where it stores
// them as they are.
Row AsOnTarget(const ComparedTable& table, const Row& row);
// Whether two values of a compared column, in the target's form, are the same.
bool IsSameOnTarget(const ComparedTable& table, size_t column, ValueView a, ValueView b);
// A row in the target's form as one that is equal by its bits to all that are the same.
Row Canonical(const ComparedTable& table, const Row& row);

// A key in the target's form, as the source and the log have it: exact wherever the key's columns
// are stored as they are.
Row AsAtSource(const ComparedTable& table, const Row& key);

}  // namespace syncline::cli
