#include "tests/support/memory_log.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "engine/log/log_care.h"
#include "engine/log/ordered_key.h"
#include "tests/support/memory_store.h"

namespace syncline::test {
namespace {

[[noreturn]] void Refuse(const char* reason) {
  throw UsageError(reason, "use a log in a folder for that");
}

std::string Ordered(const Row& key) {
  std::string ordered;
  for (const ValueView value : key) AppendOrdered(value, ordered);
  return ordered;
}

class MemoryLog : public ChangeLog {
 public:
  MemoryLog(std::shared_ptr<MemoryStore> store, Clock& clock)
      : store_(std::move(store)), clock_(clock), info_(*store_->info), opened_at_(Written()) {
    const std::lock_guard lock(store_->mutex);
    if (store_->held) {
      throw EnvironmentError("the log is locked by another writer", "one process writes a log");
    }
    store_->held = true;
    ReadTail();
  }
  ~MemoryLog() override {
    const std::lock_guard lock(store_->mutex);
    store_->held = false;
  }

  const LogInfo& info() const override { return info_; }
  Offset next() const override { return next_; }
  const std::string& cursor() const override { return cursor_; }
  bool cut_open() const override { return cut_open_; }

  Offset Append(FrameDraft draft) override {
    const std::lock_guard lock(store_->mutex);
    return AppendFrame(std::move(draft));
  }
  void SaveCursor(std::string cursor) override {
    const std::lock_guard lock(store_->mutex);
    store_->written_bytes += cursor.size();
    store_->saved = std::move(cursor);
    ReadTail();
  }

  std::vector<std::optional<IndexEntry>> Lookup(const TableName& table,
                                                const std::vector<Row>& keys) override {
    const std::lock_guard lock(store_->mutex);
    std::vector<std::optional<IndexEntry>> found;
    const auto& states = store_->index[table];
    for (const Row& key : keys) {
      const auto state = states.find(Ordered(key));
      found.push_back(state == states.end() ? std::nullopt : std::optional(state->second.entry));
    }
    return found;
  }
  std::vector<LoggedKey> NextKeys(const TableName& table, const std::optional<Row>& after,
                                  size_t count) override {
    const std::lock_guard lock(store_->mutex);
    std::vector<LoggedKey> keys;
    const auto& states = store_->index[table];
    for (auto at = after ? states.upper_bound(Ordered(*after)) : states.begin();
         at != states.end() && keys.size() < count; ++at) {
      const MemoryStore::State& state = at->second;
      if (!state.entry.deleted) keys.push_back({state.key, state.entry.version});
    }
    return keys;
  }

  std::unique_ptr<LogReader> NewReader() override { return ReadMemory(store_, clock_); }

  void Prepare(FrameDraft draft, const std::string& name, const std::string& token) override {
    SYNCLINE_CHECK(!draft.changes.empty());
    const std::lock_guard lock(store_->mutex);
    store_->prepared = {name, token, std::move(draft)};
  }
  std::optional<std::string> prepared() override {
    const std::lock_guard lock(store_->mutex);
    return store_->prepared ? std::optional(store_->prepared->token) : std::nullopt;
  }
  void AppendPrepared() override {
    const std::lock_guard lock(store_->mutex);
    SYNCLINE_CHECK(store_->prepared.has_value());
    FrameDraft draft = store_->prepared->draft;
    draft.cursor = cursor_;
    AppendFrame(std::move(draft));
    store_->applied[store_->prepared->name] = store_->prepared->token;
    store_->prepared.reset();
  }
  void DropPrepared() override {
    const std::lock_guard lock(store_->mutex);
    store_->prepared.reset();
  }
  std::optional<std::string> applied(const std::string& name) override {
    const std::lock_guard lock(store_->mutex);
    const auto found = store_->applied.find(name);
    return found == store_->applied.end() ? std::nullopt : std::optional(found->second);
  }
  std::map<std::string, std::string> all_applied() override {
    const std::lock_guard lock(store_->mutex);
    return store_->applied;
  }
  void NoteApplied(const std::string& name, const std::string& token) override {
    const std::lock_guard lock(store_->mutex);
    if (token.empty()) {
      store_->applied.erase(name);
    } else {
      store_->applied[name] = token;
    }
  }

  LogWriteStats write_stats() const override { return {.wal_bytes = Written() - opened_at_}; }
  std::unique_ptr<Retention> NewRetention(const RetentionPolicy&) override { Refuse(kNoRetention); }
  LogBackup Backup(const std::filesystem::path&, std::stop_token) override { Refuse(kNoBackup); }

 private:
  uint64_t Written() const {
    const std::lock_guard lock(store_->mutex);
    return store_->written_bytes;
  }

  void ReadTail() {
    next_ = store_->next();
    const bool empty = store_->frames.empty();
    cut_open_ = !empty && !store_->frames.back().header.closes_cut;
    cursor_ = store_->saved ? *store_->saved : empty ? "" : store_->frames.back().header.cursor;
  }

  Offset AppendFrame(FrameDraft draft) {
    SYNCLINE_CHECK(!draft.changes.empty());
    SYNCLINE_CHECK_EQ(draft.changes.size(), draft.fingerprints.size());
    Frame frame;
    frame.header = {.log_id = info_.id,
                    .epoch = info_.epoch,
                    .base = next_,
                    .previous_hash = store_->frames.empty() ? 0 : store_->frames.back().header.hash,
                    .written_at = clock_.Now(),
                    .closes_cut = draft.closes_cut,
                    .cursor = std::move(draft.cursor)};
    for (const auto& table : draft.tables) {
      frame.header.schemas.push_back(table->id());
      frame.tables.push_back(store_->schemas.try_emplace(table->id(), table).first->second);
    }
    store_->written_bytes += EncodeFrame(frame.header, draft.changes).size();
    frame.changes = std::move(draft.changes);
    Index(frame, draft.fingerprints);
    store_->frames.push_back(std::move(frame));
    store_->saved.reset();
    ReadTail();
    store_->moved.notify_all();
    return store_->frames.back().header.base;
  }

  void Index(const Frame& frame, const std::vector<Fingerprint>& fingerprints) {
    for (size_t i = 0; i < frame.changes.size(); ++i) {
      const Change& change = frame.changes[i];
      if (change.op == Op::kMark) continue;
      const TableSchema& table = *frame.tables.at(change.table);
      const bool deleted = change.op == Op::kDelete;
      const Row key = deleted ? change.row : Project(change.row, table.key);
      IndexEntry entry{.fingerprint = fingerprints[i],
                       .offset = frame.header.base + i,
                       .version = change.version,
                       .deleted = deleted};
      if (change.lineage) entry.clock = change.lineage->clock;
      store_->index[table.table][Ordered(key)] = {key, std::move(entry)};
    }
  }

  const std::shared_ptr<MemoryStore> store_;
  Clock& clock_;
  const LogInfo info_;
  const uint64_t opened_at_;
  Offset next_;
  std::string cursor_;
  bool cut_open_ = false;
};

class MemoryPlace : public LogPlace, public LogCare {
 public:
  explicit MemoryPlace(std::string name) : name_(std::move(name)) {}

  std::string Describe() const override { return "memory:" + name_; }
  bool MayExist() const override {
    const std::lock_guard lock(store_->mutex);
    return store_->info.has_value();
  }

  std::unique_ptr<ChangeLog> Open(std::string_view source, Clock& clock) const override {
    {
      const std::lock_guard lock(store_->mutex);
      std::optional<LogInfo>& info = store_->info;
      if (info && info->source != source) {
        throw UsageError("the log in " + Describe() + " belongs to " + info->source + ", not to " +
                             std::string(source),
                         "choose another name for the log");
      }
      if (!info) info = {LogId::Random(), 1, std::string(source), {{1, Offset(0)}}};
    }
    return WriteMemory(store_, clock);
  }
  std::unique_ptr<LogReader> OpenReader(Clock& clock) const override {
    if (!MayExist()) throw EnvironmentError("there is no log in " + Describe(), "make it first");
    return ReadMemory(store_, clock);
  }

  std::unique_ptr<PollNoteWriter> OpenPollNote(const LogId&) const override { return nullptr; }
  std::optional<PollNote> ReadPollNote(const LogId&) const override { return {}; }
  std::filesystem::path OrderSocket() const override { return {}; }

  const LogCare& care() const override { return *this; }
  LogVerification Verify(Clock&, std::stop_token,
                         const std::function<void(const LogVerification&)>&) const override {
    Refuse(kNoCare);
  }
  LogRemains FindRemains() const override { Refuse(kNoCare); }
  LogRepair Repair(Offset, Clock&) const override { Refuse(kNoCare); }
  bool KeepPrivate() const override { return false; }
  bool IsOpenToOthers() const override { return false; }
  bool MayBeWritten() const override { return true; }
  uint64_t BytesUsed() const override {
    const std::lock_guard lock(store_->mutex);
    return store_->written_bytes;
  }
  std::optional<uint64_t> BytesFree() const override { return {}; }

 private:
  const std::string name_;
  const std::shared_ptr<MemoryStore> store_ = std::make_shared<MemoryStore>();
};

}  // namespace

std::unique_ptr<ChangeLog> WriteMemory(std::shared_ptr<MemoryStore> store, Clock& clock) {
  return std::make_unique<MemoryLog>(std::move(store), clock);
}

LogRef MemoryCatalog::Find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  LogRef& log = logs_[name];
  if (log == nullptr) log = std::make_shared<MemoryPlace>(name);
  return log;
}

}  // namespace syncline::test
