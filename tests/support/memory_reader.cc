#include <algorithm>
#include <utility>

#include "engine/base/error.h"
#include "engine/log/log_damage.h"
#include "tests/support/memory_store.h"

namespace syncline::test {
namespace {

// Nothing was ever folded.
class EmptyBase : public BaseReader {
 public:
  const BaseInfo& info() const override { return info_; }
  std::vector<TableName> Tables() override { return {}; }
  void SeekTable(const TableName&) override {}
  void CheckWhole() const override {}
  std::vector<BaseEntry> Next(size_t) override { return {}; }

 private:
  const BaseInfo info_;
};

class MemoryReader : public LogReader {
 public:
  MemoryReader(std::shared_ptr<MemoryStore> store, Clock& clock)
      : store_(std::move(store)), clock_(clock), info_(*store_->info) {}

  const LogInfo& info() const override { return info_; }
  Offset end() override {
    const std::lock_guard lock(store_->mutex);
    return store_->next();
  }
  Offset begin() override { return Offset(0); }

  void Seek(Offset offset, std::optional<uint64_t> previous_hash) override {
    position_ = offset;
    chained_ = offset == Offset(0);
    hash_ = chained_ ? 0 : previous_hash;
  }
  std::optional<Frame> Next() override { return Deliver(/*with_changes=*/true); }
  std::optional<Frame> NextHeader() override { return Deliver(/*with_changes=*/false); }

  bool Wait(Microseconds duration, std::stop_token stop) override {
    std::unique_lock lock(store_->mutex);
    store_->moved.wait_for(lock, stop, duration, [&] { return store_->next() > position_; });
    return !stop.stop_requested();
  }

  std::unique_ptr<BaseReader> OpenBase() override { return std::make_unique<EmptyBase>(); }
  void Secure(Offset) override {}

  bool Acknowledge(const std::string& consumer, Offset next) override {
    const std::lock_guard lock(store_->mutex);
    store_->consumers[consumer] = {next, clock_.Now()};
    return true;
  }
  std::vector<Consumer> Consumers() override {
    const std::lock_guard lock(store_->mutex);
    std::vector<Consumer> consumers;
    for (const auto& [name, known] : store_->consumers) consumers.push_back({name, known.next});
    return consumers;
  }
  std::optional<WallTime> AcknowledgedAt(const std::string& consumer) override {
    const std::lock_guard lock(store_->mutex);
    const auto known = store_->consumers.find(consumer);
    if (known == store_->consumers.end()) return {};
    return known->second.at;
  }
  void Forget(const std::string& consumer) override {
    const std::lock_guard lock(store_->mutex);
    store_->consumers.erase(consumer);
  }

  std::optional<FrameHeader> Last() override {
    const std::lock_guard lock(store_->mutex);
    if (store_->frames.empty()) return {};
    return store_->frames.back().header;
  }

 private:
  std::optional<Frame> Deliver(bool with_changes) {
    const std::lock_guard lock(store_->mutex);
    const std::vector<Frame>& frames = store_->frames;
    const auto at = std::ranges::partition_point(
        frames, [&](const Frame& frame) { return frame.header.end() <= position_; });
    CheckHistory(at == frames.end() ? nullptr : &at->header);
    if (at == frames.end()) return {};
    const FrameHeader& header = at->header;
    position_ = header.end();
    hash_ = header.hash;
    chained_ = true;
    return with_changes ? *at : Frame{.header = header, .tables = at->tables};
  }

  // That the frame before position_ is the one that is known; `following`: the frame that holds
  // position_, or null.
  void CheckHistory(const FrameHeader* following) const {
    if (chained_ || !hash_) return;
    const std::vector<Frame>& frames = store_->frames;
    const bool fits =
        following != nullptr
            ? following->base == position_ && following->previous_hash == *hash_
            : store_->next() == position_ && !frames.empty() && frames.back().header.hash == *hash_;
    if (!fits) throw LogDamage("the log has another history than the one that is known");
  }

  const std::shared_ptr<MemoryStore> store_;
  Clock& clock_;
  const LogInfo info_;
  Offset position_;
  bool chained_ = true;
  std::optional<uint64_t> hash_ = 0;
};

}  // namespace

std::unique_ptr<LogReader> ReadMemory(std::shared_ptr<MemoryStore> store, Clock& clock) {
  return std::make_unique<MemoryReader>(std::move(store), clock);
}

}  // namespace syncline::test
