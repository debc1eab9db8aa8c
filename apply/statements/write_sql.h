#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apply/statements/target_shape.h"

namespace syncline::apply {

// The statements that write one target table. The first ones compare and set: they write a row only
// where the target holds the state that the change follows, or none. What they leave open is looked
// at under the row's lock, decided (conflict.h), and written by the others. Where the shape has a
// flag, rows that it is set on count as none: deletions set it, and what is inserted in their place
// clears it. All functions are pure.

// What a row to be upserted consists of: `columns`, then, where there are versions, the previous
// one, then the row's number.
std::vector<std::string> UpsertColumns(const TargetShape& shape);
// What a deletion consists of: `key`, then, where there are versions, the previous one and the
// deletion's own, then the row's number.
std::vector<std::string> DeleteColumns(const TargetShape& shape);

// Which rows of the target are the state that a change follows.
enum class Follows {
  kPrevious,     // that of the previous version
  kAnyUpToThat,  // those up to that version
};

// Compare and set, for one row; $1, $2 ... are UpsertColumns or DeleteColumns. Without versions
// whatever is there is followed.
sql::Sql UpdateRowSql(const TargetShape& shape, Follows follows = Follows::kPrevious);
sql::Sql InsertRowSql(const TargetShape& shape);  // unless there is one of that key
sql::Sql DeleteRowSql(const TargetShape& shape, Follows follows = Follows::kPrevious);

// Without a condition, for a row that is locked.
sql::Sql OverwriteRowSql(const TargetShape& shape);
sql::Sql EraseRowSql(const TargetShape& shape);

// Locks the target's row of that key and returns what Decide has to know of it; no row: there is
// none. The columns: it is the state that the change follows; it has the change's version; it has a
// higher one; it has the change's content (a deletion: true); with compares_stamps its version as
// exact text, and the first three say what is stored alike only, nothing of what is higher.
sql::Sql LookUpsertSql(const TargetShape& shape, Follows follows = Follows::kPrevious);
sql::Sql LookDeleteSql(const TargetShape& shape, Follows follows = Follows::kPrevious);

// Only locks the target's row of that key, or, on PostgreSQL, those of everything in a stage, in
// the order of their numbers.
sql::Sql LockRowSql(const TargetShape& shape, bool deletion);
sql::Sql LockStagedSql(const TargetShape& shape, const TableName& stage);

// The key, as exact texts, of another row, which the target finds for the key in UpsertColumns;
// there may be one with may_be_taken.
sql::Sql TakenKeySql(const TargetShape& shape);

// The target's row of that key, each of `columns` as exact text.
sql::Sql ImageUpsertSql(const TargetShape& shape);
sql::Sql ImageDeleteSql(const TargetShape& shape);

// Unique values that move between rows of a batch; `columns` are those of a unique index. What a
// change is to have in them, and what the target's row of its key has, each as text; the latter
// locks the row.
sql::Sql WantedSql(const TargetShape& shape, const std::vector<std::string>& columns);
sql::Sql HeldSql(const TargetShape& shape, const std::vector<std::string>& columns, bool deletion);
// The one of them that can have another value for the time being: a random one where the type has
// such (rows that refer to it by ON UPDATE CASCADE then follow it there and back), else NULL.
std::optional<std::string> VacatedColumn(const TargetShape& shape,
                                         const std::vector<std::string>& columns);
// Compare and set: takes the value of that column away.
sql::Sql VacateSql(const TargetShape& shape, const std::string& column, bool deletion);

// PostgreSQL: a temporary table of those columns, in the target's own types so that the server
// converts values in one place only. Its rows vanish at commit.
sql::Sql CreateUpsertStageSql(const TargetShape& shape, const TableName& stage);
sql::Sql CreateDeleteStageSql(const TargetShape& shape, const TableName& stage);

// A temporary table of row numbers and keys, in the target's own types; unless it is there.
sql::Sql CreateKeysSql(const TargetShape& shape, const TableName& keys);

// The rows of a stage that an insertion is for.
enum class Staged {
  kNew,  // those without a previous version
  kAll,
};

// The same as the statements for one row, for everything in the stage that they are meant for.
sql::Sql UpdateStagedSql(const TargetShape& shape, const TableName& stage,
                         Follows follows = Follows::kPrevious);
sql::Sql InsertStagedSql(const TargetShape& shape, const TableName& stage, Staged which);
sql::Sql DeleteStagedSql(const TargetShape& shape, const TableName& stage,
                         Follows follows = Follows::kPrevious);

// The numbers of the stage's rows that this transaction has not written and that are worth a look,
// with whether the target has a higher version (NULL: it has no such row). Upserts whose state the
// target has, and deletions of what it does not have, are not. Locks nothing.
sql::Sql LookStagedUpsertsSql(const TargetShape& shape, const TableName& stage);
sql::Sql LookStagedDeletesSql(const TargetShape& shape, const TableName& stage);

}  // namespace syncline::apply
