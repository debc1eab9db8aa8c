#include "engine/log/cut_writer.h"

#include <limits>
#include <optional>
#include <utility>

#include "engine/base/crash_point.h"
#include "engine/base/error.h"
#include "engine/log/pending_frame.h"
#include "engine/model/stamp.h"

namespace syncline {
namespace {

// Rows that are looked up in the RowIndex together, at most.
constexpr size_t kBatchRows = 4096;

constexpr int64_t kLongAgo = std::numeric_limits<int64_t>::min();

// The last state of a key, wherever it was found.
struct KnownState {
  Fingerprint fingerprint;
  Value version;
  bool deleted = false;
  std::optional<RowClock> clock;
};

KnownState Known(const PendingFrame::State& state) {
  const auto& lineage = state.change.lineage;
  return {state.fingerprint, state.change.version, state.change.op == Op::kDelete,
          lineage ? std::optional(lineage->clock) : std::nullopt};
}

}  // namespace

// Rows pass through three places: arrived (one table, not yet looked up), fresh (what is new among
// them), pending (the next frame). What is pending is written only when something new does not fit
// beside it; so there is always a last change left that can carry the cursor and close the cut.
class CutWriter::Impl {
 public:
  Impl(CaptureLog& log, Options options) : log_(log), options_(options) {}

  void Add(const std::shared_ptr<const TableSchema>& table, Row key, Change change,
           std::optional<int64_t> deleted_at = {}, bool anyway = false) {
    if (table != table_ || anyway != anyway_) {
      ResolveArrivals();
      table_ = table;
      anyway_ = anyway;
    }
    ++stats_.seen;
    arrived_bytes_ += change.row.bytes().size();
    keys_.push_back(std::move(key));
    fingerprints_.push_back(change.row.fingerprint());
    if (options_.users != nullptr) stamps_.push_back(StampFor(change, deleted_at));
    arrived_.push_back(std::move(change));
    if (arrived_.size() >= kBatchRows || arrived_bytes_ >= options_.frame_bytes) ResolveArrivals();
  }

  void Finish(const std::string& cursor, bool closes_cut, bool tells = false) {
    ResolveArrivals();
    if (!pending_.empty()) {
      Write(cursor, closes_cut);
    } else if (closes_cut && (log_.cut_open() || tells)) {
      ++stats_.frames;
      log_.Append({.changes = {Change{.op = Op::kMark}},
                   .fingerprints = {Fingerprint{}},
                   .cursor = cursor,
                   .closes_cut = true});
    } else if (cursor != log_.cursor()) {
      log_.SaveCursor(cursor);
    }
  }

  void Flush() {
    ResolveArrivals();
    if (!pending_.empty()) Write(log_.cursor(), /*closes_cut=*/false);
  }

  const Stats& stats() const { return stats_; }

 private:
  void ResolveArrivals() {
    if (arrived_.empty()) return;
    std::vector<std::optional<IndexEntry>> logged = log_.Lookup(table_->table, keys_);
    TableStats& counts = stats_.tables[table_->table];
    counts.seen += arrived_.size();
    for (size_t i = 0; i < arrived_.size(); ++i) {
      Change& change = arrived_[i];
      std::optional<KnownState> known = FindKnown(keys_[i], logged[i]);
      const bool is_new = IsNew(change, fingerprints_[i], known);
      if (options_.users != nullptr) NoteUsers(change, stamps_[i], is_new, known);
      if (!is_new) continue;
      if (options_.users == nullptr && known && known->clock) {
        throw UsageError("table " + table_->table.ToString() +
                             ": the log holds changes from when others wrote to this database, too",
                         "move the log's folder away: it is made anew");
      }
      if (change.op == Op::kDelete && change.version.is_null()) change.version = known->version;
      // A row that comes back follows nothing: where the deletion was applied there is none.
      if (known && !known->deleted) change.previous = std::move(known->version);
      fresh_.Add(table_, std::move(keys_[i]), std::move(change), fingerprints_[i]);
      ++counts.news;
    }
    arrived_.clear();
    keys_.clear();
    fingerprints_.clear();
    stamps_.clear();
    arrived_bytes_ = 0;
    if (fresh_.empty()) return;
    if (!pending_.empty() && pending_.bytes() + fresh_.bytes() > options_.frame_bytes) {
      Write(log_.cursor(), /*closes_cut=*/false);
      CrashPoint("cut.frame_logged");
    }
    pending_.Absorb(fresh_);
  }

  // The latest of what is known: a key may come more than once before it is written.
  std::optional<KnownState> FindKnown(const Row& key, std::optional<IndexEntry>& logged) const {
    if (const auto state = fresh_.Find(table_->table, key)) return Known(*state);
    if (const auto state = pending_.Find(table_->table, key)) return Known(*state);
    if (!logged) return {};
    return KnownState{logged->fingerprint, std::move(logged->version), logged->deleted,
                      logged->clock};
  }

  bool IsNew(const Change& change, const Fingerprint& fingerprint,
             const std::optional<KnownState>& known) const {
    const bool exists = known && !known->deleted;
    if (change.op == Op::kDelete) return exists;
    return anyway_ || !exists || known->fingerprint != fingerprint;
  }

  // When users have made it, as far as that is known.
  int64_t StampFor(const Change& change, std::optional<int64_t> deleted_at) const {
    if (change.op == Op::kDelete) return deleted_at.value_or(kLongAgo);
    return StampOf(change.version).value_or(options_.users->now);
  }

  void NoteUsers(Change& change, int64_t stamp, bool is_new,
                 const std::optional<KnownState>& known) const {
    const Users& users = *options_.users;
    const bool was_applied = !is_new && known && known->clock && known->clock->origin != users.node;
    if (change.op == Op::kUpsert && !was_applied) users.own(*table_, change.version);
    if (!is_new) return;
    if (known && !known->clock) throw NoLineage(table_->table, log_.info().source);
    Lineage lineage;
    if (known) lineage.before = known->clock;
    lineage.clock = NextClock(users.accept(*table_, stamp), lineage.before, users.node);
    change.lineage = lineage;
  }

  void Write(std::string cursor, bool closes_cut) {
    FrameDraft draft = pending_.Take();
    draft.cursor = std::move(cursor);
    draft.closes_cut = closes_cut;
    draft.bulk = options_.bulk;
    stats_.logged += draft.changes.size();
    ++stats_.frames;
    log_.Append(std::move(draft));
  }

  CaptureLog& log_;
  const Options options_;
  Stats stats_;

  // The arrived rows; three vectors that run parallel.
  std::shared_ptr<const TableSchema> table_;
  bool anyway_ = false;  // as Add was told
  std::vector<Row> keys_;
  std::vector<Change> arrived_;
  std::vector<Fingerprint> fingerprints_;
  std::vector<int64_t> stamps_;  // of users' work only
  size_t arrived_bytes_ = 0;

  PendingFrame fresh_;
  PendingFrame pending_;
};

CutWriter::CutWriter(CaptureLog& log) : CutWriter(log, Options()) {}
CutWriter::CutWriter(CaptureLog& log, Options options)
    : impl_(std::make_unique<Impl>(log, options)) {}
CutWriter::~CutWriter() = default;

void CutWriter::Add(const std::shared_ptr<const TableSchema>& table, Row row, bool anyway) {
  Row key = Project(row, table->key);
  Value version(table->VersionOf(row));
  impl_->Add(table, std::move(key),
             {.op = Op::kUpsert, .row = std::move(row), .version = std::move(version)},
             /*deleted_at=*/{}, anyway);
}

void CutWriter::AddDeletion(const std::shared_ptr<const TableSchema>& table, Row key, Value version,
                            std::optional<int64_t> deleted_at) {
  Row copy = key;
  impl_->Add(table, std::move(key),
             {.op = Op::kDelete, .row = std::move(copy), .version = std::move(version)},
             deleted_at);
}

void CutWriter::Flush() { impl_->Flush(); }
void CutWriter::Checkpoint(const std::string& cursor) {
  impl_->Finish(cursor, /*closes_cut=*/false);
}
void CutWriter::Close(const std::string& cursor, bool tells) {
  impl_->Finish(cursor, /*closes_cut=*/true, tells);
}
const CutWriter::Stats& CutWriter::stats() const { return impl_->stats(); }

}  // namespace syncline
