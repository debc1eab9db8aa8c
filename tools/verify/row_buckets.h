#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "engine/model/row.h"

namespace syncline::cli {

// The rows of one table, in any order, as sums that fit into memory however many there are: each
// row's fingerprint is added up in a bucket that its key's fingerprint chooses. Two tables hold the
// same rows where their buckets are equal, up to an accident of 1 in 2^128. No order is needed
// because two databases have no order of keys in common. Plain value type.
class RowBuckets {
 public:
  static constexpr size_t kBuckets = size_t{1} << 18;

  static uint32_t Of(const Fingerprint& key) {
    return static_cast<uint32_t>(key.low & (kBuckets - 1));
  }

  void Add(const Fingerprint& key, const Fingerprint& row);

  uint64_t rows() const { return rows_; }
  uint64_t rows(uint32_t bucket) const { return At(bucket).rows; }

  // Where the two do not hold the same rows, ascending.
  static std::vector<uint32_t> Differing(const RowBuckets& a, const RowBuckets& b);

 private:
  struct Bucket {
    uint64_t high = 0, low = 0;  // modulo 2^64 each
    uint64_t rows = 0;
    bool operator==(const Bucket&) const = default;
  };

  static constexpr size_t kFew = 4096;

  Bucket At(uint32_t bucket) const;

  std::map<uint32_t, Bucket> few_;  // those that have rows, up to so many; empty afterwards:
  std::vector<Bucket> buckets_;     // all of them
  uint64_t rows_ = 0;
};

}  // namespace syncline::cli
