#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "apply/batch/batch.h"
#include "engine/base/error.h"
#include "engine/sql/session.h"

namespace syncline::apply {

// Upserts or deletions of one table, as a diagnosis tries them. Borrows the changes.
struct Portion {
  TableName target;
  std::shared_ptr<const TableSchema> schema;  // of the source
  bool deletion = false;
  std::span<const RowChange> changes;
  bool in_cycle = false;  // of foreign keys
  // Writes some of `changes`, or copies of them, in their order. Throws an Error with a refusal.
  std::function<void(std::span<const RowChange>)> write;
  // The same in another way, whose errors name the column; empty where there is none.
  std::function<void(std::span<const RowChange>)> write_by_copy = {};
  // `write` has named a row as refused that it accepts alone: many rows go by another way there.
  std::function<void()> accepts_alone = {};
};

// Which changes of a batch can be written, and which cannot.
struct BatchDiagnosis {
  // Changes of one portion that were accepted together, by index, ascending.
  struct Piece {
    size_t portion = 0;
    std::vector<uint32_t> changes;
  };
  struct Refused {
    size_t portion = 0;
    uint32_t change = 0;
    Error error;
  };
  std::vector<Piece> accepted;  // in the order in which they can be written
  std::vector<Refused> refused;
};

// Finds out what a database refuses of a batch, by trying: portion by portion in runs
// (FindRefused), each behind a savepoint and on top of what was accepted before, so that children
// see their parents. Then what was refused for the sake of other rows (foreign keys, unique keys)
// is tried again, as a whole and one by one, until nothing is gained. Deferred constraints are
// checked with each try; among tables that refer to each other in a circle only if the end shows
// that it must be.
//
// Works in the session's current transaction, which has to be rolled back afterwards. Throws what
// is no refusal; and StopError when there are more refused changes than `limit`, or when nothing
// but refusals comes from a table, for whatever reasons, which then is no matter of its rows.
BatchDiagnosis Diagnose(sql::Session& session, std::span<const Portion> portions, uint64_t limit);

// The same with runs of one portion that follow each other as one. Pure.
BatchDiagnosis Merged(const BatchDiagnosis& found);

// The changes of a piece, which is of that portion. Pure.
std::vector<RowChange> ChangesOf(const Portion& portion, const BatchDiagnosis::Piece& piece);

}  // namespace syncline::apply
