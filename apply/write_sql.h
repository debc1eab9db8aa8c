#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apply/target_shape.h"

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
std::string UpdateRowSql(const TargetShape& shape, Follows follows = Follows::kPrevious);
std::string InsertRowSql(const TargetShape& shape);  // unless there is one of that key
std::string DeleteRowSql(const TargetShape& shape, Follows follows = Follows::kPrevious);

// Without a condition, for a row that is locked.
std::string OverwriteRowSql(const TargetShape& shape);
std::string EraseRowSql(const TargetShape& shape);

// Locks the target's row of that key and returns what Decide has to know of it; no row: there is
// none. The columns: it is the state that the change follows; it has the change's version; it has a
// higher one; it has the change's content (a deletion: true).
std::string LookUpsertSql(const TargetShape& shape, Follows follows = Follows::kPrevious);
std::string LookDeleteSql(const TargetShape& shape, Follows follows = Follows::kPrevious);

// Only locks the target's row of that key, or, on PostgreSQL, those of everything in a stage, in
// the order of their numbers.
std::string LockRowSql(const TargetShape& shape, bool deletion);
std::string LockStagedSql(const TargetShape& shape, const TableName& stage);

// The target's row of that key, each of `columns` as exact text.
std::string ImageUpsertSql(const TargetShape& shape);
std::string ImageDeleteSql(const TargetShape& shape);

// Unique values that move between rows of a batch; `columns` are those of a unique index. What a
// change is to have in them, and what the target's row of its key has, each as text; the latter
// locks the row.
std::string WantedSql(const TargetShape& shape, const std::vector<std::string>& columns);
std::string HeldSql(const TargetShape& shape, const std::vector<std::string>& columns,
                    bool deletion);
// The one of them that can have another value for the time being: a random one where the type has
// such (rows that refer to it by ON UPDATE CASCADE then follow it there and back), else NULL.
std::optional<std::string> VacatedColumn(const TargetShape& shape,
                                         const std::vector<std::string>& columns);
// Compare and set: takes the value of that column away.
std::string VacateSql(const TargetShape& shape, const std::string& column, bool deletion);

// PostgreSQL: a temporary table of those columns, in the target's own types so that the server
// converts values in one place only. Its rows vanish at commit.
std::string CreateUpsertStageSql(const TargetShape& shape, const TableName& stage);
std::string CreateDeleteStageSql(const TargetShape& shape, const TableName& stage);

// A temporary table of row numbers and keys, in the target's own types; unless it is there.
std::string CreateKeysSql(const TargetShape& shape, const TableName& keys);

// The rows of a stage that an insertion is for.
enum class Staged {
  kNew,  // those without a previous version
  kAll,
};

// The same as the statements for one row, for everything in the stage that they are meant for.
std::string UpdateStagedSql(const TargetShape& shape, const TableName& stage,
                            Follows follows = Follows::kPrevious);
std::string InsertStagedSql(const TargetShape& shape, const TableName& stage, Staged which);
std::string DeleteStagedSql(const TargetShape& shape, const TableName& stage,
                            Follows follows = Follows::kPrevious);

// The numbers of the stage's rows that this transaction has not written and that are worth a look,
// with whether the target has a higher version (NULL: it has no such row). Upserts whose state the
// target has, and deletions of what it does not have, are not. Locks nothing.
std::string LookStagedUpsertsSql(const TargetShape& shape, const TableName& stage);
std::string LookStagedDeletesSql(const TargetShape& shape, const TableName& stage);

}  // namespace syncline::apply
