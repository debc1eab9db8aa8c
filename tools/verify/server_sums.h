#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/sql/session.h"
#include "tools/verify/compared_table.h"

namespace syncline::cli {

// RowBuckets that a PostgreSQL server makes by itself, so that sums travel and not rows: each row's
// text, as the session's settings have it, is hashed to 128 bits and added up in the bucket that
// its key's text chooses. Two servers hash alike; should two ever not, all buckets differ, and
// whoever asked has to read rows after all.
struct ServerSums {
  static constexpr int kBuckets = 1 << 16;

  struct Bucket {
    uint64_t rows = 0;
    std::string high, low;  // decimal
    bool operator==(const Bucket&) const = default;
  };
  std::map<uint32_t, Bucket> buckets;  // those that have rows

  // Both sides are PostgreSQL and equal values of the table have equal texts.
  static bool Fit(const ComparedTable& table);
  // Whether the server is on another machine, as far as it can tell. Where both are on this one, to
  // read rows costs less than to have them added up.
  static bool IsFar(sql::Session& session);

  // Of the rows that count: see ComparedTable.
  static ServerSums OfSource(sql::Session& session, const ComparedTable& table);
  static ServerSums OfTarget(sql::Session& session, const ComparedTable& table);

  // The SQL conditions that a row is in one of those buckets.
  static sql::Sql AtSource(const ComparedTable& table, const std::vector<uint32_t>& buckets);
  static sql::Sql OnTarget(const ComparedTable& table, const std::vector<uint32_t>& buckets);
};

}  // namespace syncline::cli
