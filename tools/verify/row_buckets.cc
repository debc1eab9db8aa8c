#include "tools/verify/row_buckets.h"

#include <utility>

namespace syncline::cli {

void RowBuckets::Add(const Fingerprint& key, const Fingerprint& row) {
  if (buckets_.empty() && few_.size() == kFew) {
    buckets_.resize(kBuckets);
    for (const auto& [bucket, sums] : std::exchange(few_, {})) buckets_[bucket] = sums;
  }
  Bucket& bucket = buckets_.empty() ? few_[Of(key)] : buckets_[Of(key)];
  bucket.high += row.high;
  bucket.low += row.low;
  ++bucket.rows;
  ++rows_;
}

RowBuckets::Bucket RowBuckets::At(uint32_t bucket) const {
  if (!buckets_.empty()) return buckets_[bucket];
  const auto found = few_.find(bucket);
  return found == few_.end() ? Bucket() : found->second;
}

std::vector<uint32_t> RowBuckets::Differing(const RowBuckets& a, const RowBuckets& b) {
  std::vector<uint32_t> differing;
  const auto compare = [&](uint32_t bucket) {
    if (!(a.At(bucket) == b.At(bucket))) differing.push_back(bucket);
  };
  if (!a.buckets_.empty() || !b.buckets_.empty()) {
    for (uint32_t bucket = 0; bucket < kBuckets; ++bucket) compare(bucket);
    return differing;
  }
  std::map<uint32_t, Bucket> either = a.few_;
  either.insert(b.few_.begin(), b.few_.end());
  for (const auto& [bucket, sums] : either) compare(bucket);
  return differing;
}

}  // namespace syncline::cli
