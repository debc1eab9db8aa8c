#include "tools/row_buckets.h"

namespace syncline::cli {

void RowBuckets::Add(const Fingerprint& key, const Fingerprint& row) {
  Bucket& bucket = buckets_[Of(key)];
  bucket.high += row.high;
  bucket.low += row.low;
  ++bucket.rows;
  ++rows_;
}

std::vector<uint32_t> RowBuckets::Differing(const RowBuckets& a, const RowBuckets& b) {
  std::vector<uint32_t> differing;
  for (uint32_t bucket = 0; bucket < kBuckets; ++bucket) {
    if (!(a.buckets_[bucket] == b.buckets_[bucket])) differing.push_back(bucket);
  }
  return differing;
}

}  // namespace syncline::cli
