#include "engine/log/rocks/rocks_retention.h"

#include <rocksdb/convenience.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include "engine/log/folder/consumers.h"
#include "engine/log/folder/log_end.h"
#include "engine/log/log_damage.h"
#include "engine/log/log_reader.h"
#include "engine/log/rocks/base_writer.h"
#include "engine/log/rocks/cursor_chain.h"
#include "engine/log/rocks/log_store.h"
#include "engine/log/store/layout.h"
#include "engine/log/store/rocks_options.h"
#include "engine/log/store/rocks_status.h"

namespace syncline {
namespace {

// So much is folded before it is synced and its files are deleted.
constexpr uint64_t kRoundBytes = 64u << 20;

uint64_t BytesOf(const Frame& frame) {
  uint64_t bytes = 0;
  for (const Change& change : frame.changes) bytes += change.row.bytes().size();
  return bytes;
}

}  // namespace

class RocksRetention::Impl {
 public:
  Impl(LogStore& store, LogEnd& end, std::unique_ptr<LogReader> reader,
       std::unique_ptr<LogReader> scout, RetentionPolicy policy, Clock& clock)
      : store_(store),
        end_(end),
        policy_(policy),
        clock_(clock),
        consumers_(store.folder()),
        base_(store.db(), store.base()),
        reader_(std::move(reader)),
        scout_(std::move(scout)) {
    Rest();
  }

  Pass Run(std::stop_token stop) {
    Pass pass;
    LookAround();
    ReclaimIfBehind();  // of a pass that was cut off
    while (!stop.stop_requested()) {
      const std::optional<Offset> end = NextCut();
      if (!end) break;
      while (base_.info().as_of < *end && !stop.stop_requested()) FoldNext(pass, stop);
    }
    // Asked for again only now: who has registered since, and read the base, has read it as of now.
    LookAround();
    if (!policy_.keep_deletions) base_.DropDeletions(seen_);
    ReclaimIfBehind();
    pass.begin = end_.mark().begin;
    if (pass.frames > 0) {
      for (const Consumer& consumer : known_) {
        if (consumer.next < pass.begin) pass.overtaken.push_back(consumer.name);
      }
    }
    return pass;
  }

 private:
  // Puts both readers to the frame to be folded next; they hold on to nothing then.
  void Rest() {
    const BaseInfo& info = base_.info();
    const std::optional<uint64_t> hash =
        info.as_of == Offset(0) ? std::nullopt : std::optional(info.hash);
    reader_->Seek(info.as_of, hash);
    scout_->Seek(info.as_of, hash);
    scouted_.reset();
    cut_end_.reset();
  }

  // What the rules depend on, once for each pass.
  void LookAround() {
    const Mark mark = end_.mark();
    known_ = consumers_.List(mark.log_id);
    now_ = clock_.Now();
    const std::optional<FrameHeader> last = reader_->Last();
    last_ = last ? last->base : Offset(0);
    seen_ = mark.next;
    for (const Consumer& consumer : known_) seen_ = std::min(seen_, consumer.next);
  }

  // The end of the next cuts that may go, all of them: the frame that is the first one then has a
  // whole cursor.
  std::optional<Offset> NextCut() {
    const bool too_large = policy_.keep_bytes && FrameBytes() > *policy_.keep_bytes;
    for (;;) {
      if (!scouted_) {
        std::optional<Frame> frame = scout_->NextHeader();
        if (!frame) return {};
        scouted_ = std::move(frame->header);
      }
      if (cut_end_ && scouted_->has_whole_cursor()) return std::exchange(cut_end_, {});
      if (scouted_->end() > last_) return {};
      const bool too_old = policy_.keep_for && now_ - scouted_->written_at > *policy_.keep_for &&
                           scouted_->end() <= seen_;
      if (!too_old && !too_large) return {};
      const FrameHeader header = *std::exchange(scouted_, {});
      cut_end_ = header.closes_cut ? std::optional(header.end()) : std::nullopt;
    }
  }

  // What the frames that are not folded take on disk.
  uint64_t FrameBytes() {
    const std::string begin = layout::FrameKey(base_.info().as_of);
    const std::string end(layout::kAfterFrames);
    const rocksdb::Range range(begin, end);
    rocksdb::SizeApproximationOptions options;
    options.include_memtables = true;
    uint64_t bytes = 0;
    ThrowIfBad(store_.db().GetApproximateSizes(options, store_.frames(), &range, 1, &bytes),
               "measuring the log");
    return bytes;
  }

  void FoldNext(Pass& pass, const std::stop_token& stop) {
    const std::optional<Frame> frame = reader_->Next();
    if (!frame) throw LogDamage("a frame that was just seen is not there any more");
    base_.Fold(*frame);
    ++pass.frames;
    pass.changes += frame->changes.size();
    const uint64_t bytes = BytesOf(*frame);
    round_bytes_ += bytes;
    if (round_bytes_ >= kRoundBytes) Reclaim();
    clock_.Sleep(Microseconds(bytes * 1'000'000 / policy_.rate_bytes), stop);
  }

  void ReclaimIfBehind() {
    if (end_.mark().begin < base_.info().as_of) Reclaim();
  }

  // Whether the frames that are folded may go, as far as the cursors of the others are concerned.
  bool MayReclaim() {
    const std::unique_ptr<rocksdb::Iterator> at(
        store_.db().NewIterator(rocks::ScanOptions(), store_.frames()));
    return MayBeginAt(*at, base_.info().as_of, store_.info());
  }

  // Files are dropped whole, without rewriting any; what lies before begin in the others does not
  // count and goes with them later. Where a pass was cut off in a place that the log cannot begin
  // at, the next one does it.
  void Reclaim() {
    if (!MayReclaim()) return;
    round_bytes_ = 0;
    const std::lock_guard lock(store_.dropping());
    Rest();  // iterators would keep the files
    ThrowIfBad(store_.db().SyncWAL(), "syncing the log");
    const Offset begin = base_.info().as_of;
    end_.MoveBegin(begin);
    end_.Sync();  // only then may files go
    const std::string first_key = layout::FrameKey(Offset(0)), end_key = layout::FrameKey(begin);
    const rocksdb::Slice first(first_key), end(end_key);
    if (HasTopFiles(end_key)) {
      rocksdb::CompactRangeOptions options;
      options.exclusive_manual_compaction = false;
      ThrowIfBad(store_.db().CompactRange(options, store_.frames(), &first, &end),
                 "dropping folded frames");
    }
    ThrowIfBad(rocksdb::DeleteFilesInRange(&store_.db(), store_.frames(), &first, &end,
                                           /*include_end=*/false),
               "dropping folded frames");
  }

  // Whether there are files to be dropped on RocksDB's top level, which it only drops from below.
  // They move down without being rewritten.
  bool HasTopFiles(const std::string& end) {
    rocksdb::ColumnFamilyMetaData family;
    store_.db().GetColumnFamilyMetaData(store_.frames(), &family);
    return std::ranges::any_of(family.levels.front().files,
                               [&](const auto& file) { return file.largestkey < end; });
  }

  LogStore& store_;
  LogEnd& end_;
  const RetentionPolicy policy_;
  Clock& clock_;

  Consumers consumers_;
  BaseWriter base_;
  const std::unique_ptr<LogReader> reader_;  // at the frame to be folded next
  const std::unique_ptr<LogReader> scout_;   // ahead of it, looking for the cut's end
  std::optional<FrameHeader> scouted_;       // the scout's frame, as long as it may not go
  std::optional<Offset> cut_end_;            // the frame before it ends here and closes its cut
  uint64_t round_bytes_ = 0;

  // Of this pass.
  std::vector<Consumer> known_;
  WallTime now_;
  Offset last_;  // the last frame starts here
  Offset seen_;  // every consumer has what lies before
};

RocksRetention::RocksRetention(LogStore& store, LogEnd& end, std::unique_ptr<LogReader> reader,
                               std::unique_ptr<LogReader> scout, RetentionPolicy policy,
                               Clock& clock)
    : impl_(
          std::make_unique<Impl>(store, end, std::move(reader), std::move(scout), policy, clock)) {}
RocksRetention::~RocksRetention() = default;
Retention::Pass RocksRetention::Run(std::stop_token stop) { return impl_->Run(std::move(stop)); }

}  // namespace syncline
