#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/sql/session.h"
#include "tools/verify/compared_table.h"
#include "tools/verify/target_normalizer.h"

namespace syncline::cli {

// A row's key in its two forms.
struct RowKey {
  Row source;
  Row target;
};

// One row as both sides have it.
struct RowPair {
  RowKey key;
  std::optional<Row> source;  // in the source's form; none: it is not there
  std::optional<Row> wanted;  // the same in the target's form; none: not there, or refused by it
  std::optional<Row> target;  // none: it is not there
  bool is_same = false;       // both are there, in other forms of the same values (Canonical)

  bool equal() const {
    return source.has_value() == target.has_value() && (wanted == target || is_same);
  }
};

// Compares one table in two snapshots that the sessions are in, streaming, in bounded memory.
//
// First every row of both sides goes by once, into RowBuckets, or the servers themselves make such
// sums. The buckets that differ are then gone through again; only of their rows the keys are kept.
// A row counts as different only after the target has been asked how it would store the source's
// (TargetNormalizer).
//
// Source and target are read at the same time, on two threads, within a call. Borrows everything;
// calls come from one thread.
class TableComparison {
 public:
  struct Sides {
    sql::Session& source;  // in a snapshot
    sql::Session& target;  // in a snapshot
    sql::Session& forms;   // another one with the target, in no transaction
  };
  struct Limits {
    uint64_t rows = 500'000;  // of the buckets that are gone through again
    uint64_t suspects = 20'000;
    uint64_t bytes = 256u << 20;  // of rows that are kept
  };
  enum class By {
    kRows,  // all are read
    kSums,  // ServerSums, where they fit
  };

  // `number` tells this table from others.
  TableComparison(const Sides& sides, const ComparedTable& table, size_t number,
                  const Limits& limits, By by);

  struct Suspects {
    uint64_t source_rows = 0;
    uint64_t target_rows = 0;
    std::vector<RowKey> keys;  // everything that differs is among them, save:
    uint64_t repeated = 0;     // rows of the source that have the key of another one
    // Rows of buckets that differ, over the limits and not looked at; zero: nothing was left out.
    uint64_t left_source_rows = 0;
    uint64_t left_target_rows = 0;
  };
  Suspects Find();

  // The rows with these keys. Those beyond limits.bytes are left out at the end.
  std::vector<RowPair> Read(std::span<const RowKey> keys);

  // A row that is too large to be compared, or that its database cannot give.
  struct LargeRow {
    Row key;             // in the target's form
    uint64_t bytes = 0;  // 0: it cannot be read
    bool at_source = false;
  };
  // Those that were met so far. They are in nothing else that this tells.
  std::vector<LargeRow> large_rows() const;

  // What the target would store of rows of the compared columns; as TargetNormalizer::Of.
  std::vector<std::optional<Row>> FormsOf(std::span<const Row> rows);

 private:
  // Gets each row in the source's form, and in the target's: null if the target refuses it.
  using SourceSink = std::function<void(const Row& row, const Row* form)>;

  using TargetSink = std::function<void(const Row& row, Row key)>;
  struct DifferingBucket {
    uint32_t bucket;
    uint64_t source_rows, target_rows;
  };
  using Differing = std::vector<DifferingBucket>;
  // The rows to be gone through.
  struct Part {
    sql::Sql source_where = {}, target_where = {};
    std::vector<bool> buckets = {};  // of RowBuckets; empty: all of them
  };

  Suspects FindOnce();
  std::optional<Suspects> FindByServers();
  Suspects FindByRows();
  void ReadSource(const sql::Sql& where, const SourceSink& sink);
  void ReadTarget(const sql::Sql& where, const TargetSink& sink);
  std::vector<uint32_t> Choose(const Differing& differing, Suspects& suspects) const;
  void GoThrough(const Part& part, Suspects& suspects);
  std::vector<RowPair> ReadSome(std::span<const RowKey> keys);
  sql::Session::Read SourceRead(const sql::Sql& where);
  sql::Session::Read TargetRead(const sql::Sql& where);
  void NoteLarge(LargeRow row);
  bool IsLarge(const Row& target_key) const;

  const Sides sides_;
  const ComparedTable& table_;
  const Limits limits_;
  const By by_;
  bool asks_;                             // the target is asked about every row
  std::optional<TargetNormalizer> form_;  // none: there is no table on the target

  mutable std::mutex mutex_;
  std::map<std::string, LargeRow> large_;  // by the key's bytes; guarded by mutex_
};

}  // namespace syncline::cli
