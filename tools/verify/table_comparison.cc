#include "tools/verify/table_comparison.h"

#include <algorithm>
#include <future>
#include <map>
#include <unordered_map>
#include <utility>

#include "capture/plan/capture_plan.h"
#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "tools/verify/row_buckets.h"
#include "tools/verify/server_sums.h"

namespace syncline::cli {
namespace {

// Rows whose form the target is asked for at a time.
constexpr size_t kFormRows = 5'000;
constexpr size_t kFormBytes = 4u << 20;
// So many buckets may differ, whatever their share.
constexpr size_t kDifferingFew = 64;
// Keys named in one statement.
constexpr size_t kKeysRead = 200;

struct KeyHash {
  size_t operator()(const Fingerprint& key) const { return key.high; }
};

// Of all forms of the same values the same.
Fingerprint PrintOf(const ComparedTable& table, const Row& row) {
  return table.types.empty() ? row.fingerprint() : Canonical(table, row).fingerprint();
}

// What a source's row is until the target's has come by.
struct Seen {
  RowKey key;
  Fingerprint row;
};

}  // namespace

TableComparison::TableComparison(const Sides& sides, const ComparedTable& table, size_t number,
                                 const Limits& limits, By by)
    : sides_(sides), table_(table), limits_(limits), by_(by), asks_(!table.direct) {
  if (table.target_exists) form_.emplace(sides.forms, table, number);
}

std::vector<std::optional<Row>> TableComparison::FormsOf(std::span<const Row> rows) {
  if (form_) return form_->Of(rows);
  return {rows.begin(), rows.end()};
}

void TableComparison::ReadSource(const sql::Sql& where, const SourceSink& sink) {
  const sql::Session::Read read = SourceRead(where);
  if (!asks_ || !form_) {
    sides_.source.ReadRows(read, [&](Row& row) {
      const Row form = AsOnTarget(table_, row);
      sink(row, &form);
    });
    return;
  }
  std::vector<Row> rows, plain;
  size_t bytes = 0;
  const auto flush = [&] {
    const std::vector<std::optional<Row>> forms = form_->Of(plain);
    for (size_t i = 0; i < rows.size(); ++i) sink(rows[i], forms[i] ? &*forms[i] : nullptr);
    rows.clear();
    plain.clear();
    bytes = 0;
  };
  sides_.source.ReadRows(read, [&](Row& row) {
    plain.push_back(AsOnTarget(table_, row));
    bytes += row.bytes().size();
    rows.push_back(std::move(row));
    if (rows.size() >= kFormRows || bytes >= kFormBytes) flush();
  });
  flush();
}

void TableComparison::ReadTarget(const sql::Sql& where, const TargetSink& sink) {
  if (!form_) return;
  sides_.target.ReadRows(TargetRead(where),
                         [&](Row& row) { sink(row, Project(row, table_.target.key)); });
}

sql::Session::Read TableComparison::SourceRead(const sql::Sql& where) {
  return {.schema = *table_.schema,
          .where = capture::And(table_.where, where),
          .row_bytes_max = table_.row_bytes_max,
          .too_large =
              [this](const Row& row, uint64_t bytes) {
                NoteLarge({Project(AsOnTarget(table_, row), table_.target.key), bytes, true});
              },
          .from = table_.from,
          .unreadable =
              [this](const Row& row, const std::string&, bool) {
                NoteLarge({Project(AsOnTarget(table_, row), table_.target.key), 0, true});
              }};
}

sql::Session::Read TableComparison::TargetRead(const sql::Sql& where) {
  return {.schema = table_.target,
          .where = capture::And(table_.target_where, where),
          .row_bytes_max = table_.row_bytes_max,
          .too_large =
              [this](const Row& row, uint64_t bytes) {
                NoteLarge({Project(row, table_.target.key), bytes, false});
              },
          .from = table_.target_from,
          .unreadable =
              [this](const Row& row, const std::string&, bool) {
                NoteLarge({Project(row, table_.target.key), 0, false});
              }};
}

// Both sides are read at the same time.
void TableComparison::NoteLarge(LargeRow row) {
  const std::lock_guard lock(mutex_);
  const std::string key = row.key.bytes();
  const auto [known, is_new] = large_.try_emplace(key, row);
  if (!is_new && row.at_source) known->second = std::move(row);
}

bool TableComparison::IsLarge(const Row& target_key) const {
  const std::lock_guard lock(mutex_);
  return large_.contains(target_key.bytes());
}

std::vector<TableComparison::LargeRow> TableComparison::large_rows() const {
  const std::lock_guard lock(mutex_);
  std::vector<LargeRow> rows;
  for (const auto& [key, row] : large_) rows.push_back(row);
  return rows;
}

TableComparison::Suspects TableComparison::Find() {
  Suspects suspects = FindOnce();
  if (suspects.left_source_rows + suspects.left_target_rows == 0 || asks_ || !form_) {
    return suspects;
  }
  // More than fits, but perhaps only because the target has other forms for what is the same.
  const auto some = std::span(suspects.keys).first(std::min(suspects.keys.size(), kKeysRead));
  if (std::ranges::none_of(ReadSome(some), &RowPair::equal)) return suspects;
  asks_ = true;
  return FindOnce();
}

TableComparison::Suspects TableComparison::FindOnce() {
  if (by_ == By::kSums && ServerSums::Fit(table_) && !asks_) {
    if (std::optional<Suspects> found = FindByServers()) return *std::move(found);
  }
  return FindByRows();
}

// The servers add up; nothing if hardly a bucket is equal, for then it is rows that have to be
// read.
std::optional<TableComparison::Suspects> TableComparison::FindByServers() {
  auto adding =
      std::async(std::launch::async, [&] { return ServerSums::OfTarget(sides_.target, table_); });
  const ServerSums source = ServerSums::OfSource(sides_.source, table_);
  const ServerSums target = adding.get();
  const auto in = [](const ServerSums& sums, uint32_t bucket) {
    const auto found = sums.buckets.find(bucket);
    return found == sums.buckets.end() ? ServerSums::Bucket() : found->second;
  };
  Suspects suspects;
  Differing differing;
  uint64_t buckets = 0;
  std::map<uint32_t, ServerSums::Bucket> either = source.buckets;
  either.insert(target.buckets.begin(), target.buckets.end());
  for (const auto& [bucket, sums] : either) {
    const ServerSums::Bucket a = in(source, bucket), b = in(target, bucket);
    suspects.source_rows += a.rows;
    suspects.target_rows += b.rows;
    buckets += a.rows + b.rows > 0 ? 1 : 0;
    if (!(a == b)) differing.push_back({bucket, a.rows, b.rows});
  }
  if (differing.size() > kDifferingFew && differing.size() > buckets / 2) return {};
  const std::vector<uint32_t> chosen = Choose(differing, suspects);
  if (!chosen.empty()) {
    GoThrough({.source_where = ServerSums::AtSource(table_, chosen),
               .target_where = ServerSums::OnTarget(table_, chosen)},
              suspects);
  }
  return suspects;
}

TableComparison::Suspects TableComparison::FindByRows() {
  Suspects suspects;
  RowBuckets source, target;
  std::vector<RowKey> refused;
  auto reading = std::async(std::launch::async, [&] {
    ReadTarget("", [&](const Row& row, const Row& key) {
      target.Add(key.fingerprint(), PrintOf(table_, row));
    });
  });
  ReadSource("", [&](const Row& row, const Row* form) {
    if (form != nullptr) {
      source.Add(Project(*form, table_.target.key).fingerprint(), PrintOf(table_, *form));
      return;
    }
    ++suspects.source_rows;  // the others are counted below
    if (refused.size() < limits_.suspects) {
      refused.push_back(
          {Project(row, table_.schema->key), Project(AsOnTarget(table_, row), table_.target.key)});
    } else {
      ++suspects.left_source_rows;
    }
  });
  reading.get();
  suspects.source_rows += source.rows();
  suspects.target_rows = target.rows();
  suspects.keys = std::move(refused);
  Differing differing;
  for (const uint32_t bucket : RowBuckets::Differing(source, target)) {
    differing.push_back({bucket, source.rows(bucket), target.rows(bucket)});
  }
  const std::vector<uint32_t> chosen = Choose(differing, suspects);
  if (chosen.empty()) return suspects;
  std::vector<bool> buckets(RowBuckets::kBuckets);
  for (const uint32_t bucket : chosen) buckets[bucket] = true;
  GoThrough({.buckets = std::move(buckets)}, suspects);
  return suspects;
}

// The buckets that differ, as far as the limits go.
std::vector<uint32_t> TableComparison::Choose(const Differing& differing,
                                              Suspects& suspects) const {
  std::vector<uint32_t> chosen;
  uint64_t rows = 0;
  for (const auto& [bucket, source_rows, target_rows] : differing) {
    if (rows > 0 && rows + source_rows + target_rows > limits_.rows) {
      suspects.left_source_rows += source_rows;
      suspects.left_target_rows += target_rows;
      continue;
    }
    rows += source_rows + target_rows;
    chosen.push_back(bucket);
  }
  return chosen;
}

void TableComparison::GoThrough(const Part& part, Suspects& suspects) {
  const auto is_in = [&](const Fingerprint& key) {
    return part.buckets.empty() || part.buckets[RowBuckets::Of(key)];
  };
  std::unordered_map<Fingerprint, Seen, KeyHash> open;
  ReadSource(part.source_where, [&](const Row& row, const Row* form) {
    if (form == nullptr) return;
    Row key = Project(*form, table_.target.key);
    const Fingerprint print = key.fingerprint();
    if (!is_in(print)) return;
    const bool is_new =
        open.try_emplace(print, Seen{{Project(row, table_.schema->key), std::move(key)},
                                     PrintOf(table_, *form)})
            .second;
    if (!is_new) ++suspects.repeated;
  });
  std::map<std::string, bool> known;  // by the source's key: refused rows whose target row is met
  for (const RowKey& key : suspects.keys) known.emplace(key.source.bytes(), true);
  const auto suspect = [&](RowKey key, bool at_source) {
    if (IsLarge(key.target)) return;
    if (known.contains(key.source.bytes())) return;
    if (suspects.keys.size() < limits_.suspects) return suspects.keys.push_back(std::move(key));
    ++(at_source ? suspects.left_source_rows : suspects.left_target_rows);
  };
  ReadTarget(part.target_where, [&](const Row& row, Row key) {
    const Fingerprint print = key.fingerprint();
    if (!is_in(print)) return;
    const auto found = open.find(print);
    if (found == open.end()) {
      Row source = AsAtSource(table_, key);
      return suspect({std::move(source), std::move(key)}, false);
    }
    if (found->second.row != PrintOf(table_, row)) suspect(std::move(found->second.key), true);
    open.erase(found);
  });
  for (auto& [print, seen] : open) suspect(std::move(seen.key), true);
}

std::vector<RowPair> TableComparison::Read(std::span<const RowKey> keys) {
  std::vector<RowPair> pairs;
  uint64_t bytes = 0;
  while (!keys.empty() && bytes <= limits_.bytes) {
    const auto some = keys.first(std::min(keys.size(), kKeysRead));
    for (RowPair& pair : ReadSome(some)) {
      for (const auto* row : {&pair.source, &pair.wanted, &pair.target}) {
        if (*row) bytes += (*row)->bytes().size();
      }
      pairs.push_back(std::move(pair));
    }
    keys = keys.subspan(some.size());
  }
  return pairs;
}

std::vector<RowPair> TableComparison::ReadSome(std::span<const RowKey> keys) {
  std::vector<RowPair> pairs;
  std::vector<Row> at_source, on_target;
  std::unordered_map<std::string, size_t> by_source, by_target;
  for (const RowKey& key : keys) {
    by_source.emplace(key.source.bytes(), pairs.size());
    by_target.emplace(key.target.bytes(), pairs.size());
    at_source.push_back(key.source);
    on_target.push_back(key.target);
    pairs.push_back({.key = key});
  }
  const sql::Sql these = sql::IsOneOf(table_.SourceKeyNames(), at_source, table_.schema->dialect,
                                      sql::KeyEquals(sides_.source, *table_.schema));
  sides_.source.ReadRows(SourceRead(these), [&](Row& row) {
    const auto found = by_source.find(Project(row, table_.schema->key).bytes());
    if (found != by_source.end()) pairs[found->second].source = std::move(row);
  });
  std::vector<Row> plain;
  std::vector<size_t> of;
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (!pairs[i].source) continue;
    plain.push_back(AsOnTarget(table_, *pairs[i].source));
    of.push_back(i);
  }
  std::vector<std::optional<Row>> forms = FormsOf(plain);
  for (size_t i = 0; i < of.size(); ++i) pairs[of[i]].wanted = std::move(forms[i]);
  if (!form_) return pairs;
  const sql::Sql those = sql::IsOneOf(table_.TargetKeyNames(), on_target, table_.target.dialect,
                                      sql::KeyEquals(sides_.target, table_.target));
  sides_.target.ReadRows(TargetRead(those), [&](Row& row) {
    const auto found = by_target.find(Project(row, table_.target.key).bytes());
    if (found != by_target.end()) pairs[found->second].target = std::move(row);
  });
  for (RowPair& pair : pairs) {
    if (IsLarge(pair.key.target)) pair = {.key = std::move(pair.key)};  // on neither side
    pair.is_same = pair.wanted && pair.target &&
                   Canonical(table_, *pair.wanted) == Canonical(table_, *pair.target);
  }
  return pairs;
}

}  // namespace syncline::cli
