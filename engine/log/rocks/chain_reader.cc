#include "engine/log/rocks/chain_reader.h"

#include <fmt/format.h>

#include <utility>

#include "engine/log/log_damage.h"
#include "engine/log/rocks/cursor_chain.h"
#include "engine/log/rocks/log_entry.h"
#include "engine/log/rocks/rocks_base_reader.h"
#include "engine/log/store/layout.h"
#include "engine/log/store/rocks_status.h"

namespace syncline {
namespace {

constexpr char kHistoryHint[] =
    "the log's history is not the one that this reader knows: it was restored, rewritten or "
    "damaged; rebuild the target, or restore the log that belongs to it";
Offset BaseOf(const rocksdb::Iterator& at) {
  const std::optional<Offset> base = layout::ParseFrameKey(at.key().ToStringView());
  if (!base) throw LogDamage("the log holds a key that is no frame's");
  return *base;
}

}  // namespace

ChainReader::ChainReader(std::unique_ptr<LogView> view)
    : view_(std::move(view)), consumers_(view_->folder()) {}

template <typename Body>
bool ChainReader::Insist(Body&& look) {
  for (int tries = 0;; ++tries) {
    const Look seen = look();
    if (seen != Look::kTrouble) return seen == Look::kFound;
    at_.reset();
    if (!view_->Mend(tries, broken_)) throw *std::exchange(trouble_, {});
  }
}

Mark ChainReader::Durable() {
  const Mark mark = view_->mark();
  const LogInfo known = info();
  if (mark.log_id == known.id && mark.epoch == known.epoch) return mark;
  at_.reset();
  view_->Reopen();
  consumers_.Reopen();
  secured_ = Offset(0);
  if (mark.log_id != info().id || mark.epoch != info().epoch) {
    throw LogDamage("the log's durable mark is another log's");
  }
  throw RestartError(
      fmt::format("the log's history has changed: it was {} in epoch {}, now it is "
                  "{} in epoch {}",
                  known.id.ToString(), known.epoch, info().id.ToString(), info().epoch));
}

void ChainReader::Seek(Offset offset, std::optional<uint64_t> previous_hash) {
  at_.reset();
  position_ = offset;
  chained_ = offset == Offset(0);
  hash_ = chained_ ? 0 : previous_hash;
}

std::optional<Frame> ChainReader::Next() { return Deliver(/*with_changes=*/true); }
std::optional<Frame> ChainReader::NextHeader() { return Deliver(/*with_changes=*/false); }

bool ChainReader::Wait(Microseconds duration, std::stop_token stop) {
  return view_->Wait(position_, duration, std::move(stop));
}

std::optional<Frame> ChainReader::Deliver(bool with_changes) {
  Frame frame;
  if (!Insist([&] { return LookForNext(with_changes, frame); })) return {};
  return frame;
}

ChainReader::Look ChainReader::LookForNext(bool with_changes, Frame& frame) {
  const Mark mark = Durable();
  if (position_ < mark.begin) {
    throw RestartError(
        fmt::format("the frame at offset {} is not in the log any more: older frames "
                    "than that at {} were folded into the base",
                    position_.value(), mark.begin.value()));
  }
  if (chained_ && mark.next <= position_) return Look::kNothing;
  Cursor at = std::move(at_);  // comes back when a frame is delivered, so that nothing is skipped
  Look look = Look::kNothing;
  if (at) {
    at->Next();
    look = Standing(at);
  }
  if (look == Look::kNothing) look = chained_ ? SeekPosition(at) : SeekIntoPosition(at);
  if (look == Look::kFound && BaseOf(*at) >= mark.next) look = Look::kNothing;
  if (look == Look::kNothing && position_ < mark.next) return EndsTooEarly(position_, mark.next);
  if (look != Look::kFound) return look;
  if (const Offset base = BaseOf(*at); chained_ && base != position_) return HoleBefore(base);

  EncodedFrame entry = OpenEntry(at->key().ToStringView(), at->value().ToStringView(), info());
  CheckChain(entry.header());
  CheckMark(entry.header(), mark);
  EncodedFrame::Tables tables;
  if (LookForTables(entry.header(), tables) == Look::kTrouble) return Look::kTrouble;
  frame = with_changes ? DecodeEntry(std::move(entry), std::move(tables))
                       : Frame{.header = entry.header(), .tables = std::move(tables)};
  position_ = frame.header.end();
  hash_ = frame.header.hash;
  chained_ = true;
  at_ = std::move(at);
  return Look::kFound;
}

ChainReader::Look ChainReader::SeekPosition(Cursor& at) {
  if (Refresh(at) == Look::kTrouble) return Look::kTrouble;
  at->Seek(layout::FrameKey(position_));
  return Standing(at);
}

ChainReader::Look ChainReader::SeekIntoPosition(Cursor& at) {
  if (Refresh(at) == Look::kTrouble) return Look::kTrouble;
  at->SeekForPrev(layout::FrameKey(position_));
  Look look = Standing(at);
  Offset end;  // of what lies before position_
  if (look == Look::kFound) {
    const FrameHeader before =
        OpenEntry(at->key().ToStringView(), at->value().ToStringView(), info()).header();
    if (before.end() > position_) {
      chained_ = before.base == position_;
      return Look::kFound;
    }
    end = before.end();
    if (end == position_) {
      if (hash_ && *hash_ != before.hash) {
        throw DamageError(fmt::format("the frame that ends at offset {} is not the one that was "
                                      "read there before",
                                      end.value()),
                          kHistoryHint);
      }
      hash_ = before.hash;
      chained_ = true;
    }
    at->Next();
    look = Standing(at);
  } else if (look == Look::kNothing) {
    at->SeekToFirst();
    look = Standing(at);
  }
  if (chained_ || look == Look::kTrouble) return look;
  if (look == Look::kFound) return HoleBefore(BaseOf(*at));
  return hash_ ? EndsTooEarly(end, position_) : Look::kNothing;
}

void ChainReader::CheckChain(const FrameHeader& header) const {
  if (!hash_) return;
  if (header.base != position_) {
    throw DamageError(fmt::format("no frame ends at offset {}, where one was read before: the "
                                  "frame there goes from {} to {}",
                                  position_.value(), header.base.value(), header.end().value()),
                      kHistoryHint);
  }
  if (header.previous_hash != *hash_) {
    throw DamageError(fmt::format("the frame at offset {} does not continue the frame before it",
                                  header.base.value()),
                      kHistoryHint);
  }
}

// The mark is of the time before the frame was read, so no frame reaches beyond it.
void ChainReader::CheckMark(const FrameHeader& header, const Mark& mark) {
  if (header.end() < mark.next) return;
  if (header.end() > mark.next || (mark.hash != 0 && header.hash != mark.hash)) {
    throw DamageError(fmt::format("the frame at offset {} is not the one that the writer "
                                  "acknowledged, which ends at offset {}",
                                  header.base.value(), mark.next.value()),
                      kHistoryHint);
  }
}

ChainReader::Look ChainReader::LookForTables(const FrameHeader& header,
                                             EncodedFrame::Tables& tables) {
  for (const SchemaId id : header.schemas) {
    tables.push_back(FindSchema(id));
    if (tables.back()) continue;
    return Hole(
        fmt::format("the frame at offset {}: the schema of one of its tables is not in the "
                    "log",
                    header.base.value()));
  }
  return Look::kFound;
}

std::shared_ptr<const TableSchema> ChainReader::FindSchema(SchemaId id) {
  if (const auto known = schemas_.find(id); known != schemas_.end()) return known->second;
  const Cursor at = view_->NewIterator();
  at->Seek(layout::SchemaKey(id));
  if (!at->Valid() || layout::ParseSchemaKey(at->key().ToStringView()) != id) return nullptr;
  auto schema = std::make_shared<const TableSchema>(
      layout::DecodeSchemaRecord(id, at->value().ToStringView()));
  return schemas_.emplace(id, std::move(schema)).first->second;
}

std::unique_ptr<BaseReader> ChainReader::OpenBase() {
  const Mark mark = Durable();
  ThrowIfBad(view_->CatchUp(), "reading the log");
  LogView::BaseSight sight = view_->OpenBase();
  auto base = ReadBase(
      std::move(sight.owner), std::move(sight.entries),
      [this](SchemaId id) { return FindSchema(id); }, base_failures_);
  if (base->info().as_of < mark.begin) {
    throw RestartError("the log's base is not up to date yet");
  }
  return base;
}

void ChainReader::Secure(Offset end) {
  if (end <= secured_) return;
  const Mark mark = Durable();
  view_->SyncMark();
  secured_ = mark.next;
}

bool ChainReader::Acknowledge(const std::string& consumer, Offset next) {
  return consumers_.Tell(consumer, {.log_id = info().id, .epoch = info().epoch, .next = next});
}

std::vector<Consumer> ChainReader::Consumers() { return consumers_.List(info().id); }
std::optional<WallTime> ChainReader::AcknowledgedAt(const std::string& consumer) {
  return consumers_.ToldAt(consumer);
}
void ChainReader::Forget(const std::string& consumer) { consumers_.Forget(consumer); }

Offset ChainReader::end() { return Durable().next; }
Offset ChainReader::begin() { return Durable().begin; }

std::optional<FrameHeader> ChainReader::Last() {
  std::optional<FrameHeader> last;
  Insist([&] {
    const Mark mark = Durable();
    if (mark.next == Offset(0)) return Look::kNothing;
    Cursor at;
    if (Refresh(at) == Look::kTrouble) return Look::kTrouble;
    at->SeekForPrev(layout::FrameKey(Offset(mark.next.value() - 1)));
    const Look look = Standing(at);
    if (look == Look::kNothing) return EndsTooEarly(mark.begin, mark.next);
    if (look != Look::kFound) return look;
    last = OpenEntry(at->key().ToStringView(), at->value().ToStringView(), info()).header();
    if (last->end() < mark.next) return EndsTooEarly(last->end(), mark.next);
    CheckMark(*last, mark);
    return CompleteCursor(at, *last);
  });
  return last;
}

ChainReader::Look ChainReader::CompleteCursor(const Cursor& at, FrameHeader& last) {
  std::optional<WholeCursor> whole = ReadWholeCursor(*at, last, info());
  if (!whole) {
    if (!at->Valid() && !at->status().ok()) return Standing(at);
    return Hole(
        fmt::format("the frames from offset {} on, which the log's cursor is made of, are "
                    "not all there",
                    last.cursor_from->value()));
  }
  last.cursor = std::move(whole->cursor);
  last.cursor_from.reset();
  return Look::kFound;
}

ChainReader::Look ChainReader::Refresh(Cursor& at) {
  at.reset();
  const rocksdb::Status status = view_->CatchUp();
  if (!status.ok()) return Broken(ToError(status, "reading the log"));
  at = view_->NewIterator();
  return Look::kFound;
}

ChainReader::Look ChainReader::Standing(const Cursor& at) {
  if (!at->Valid()) {
    if (at->status().ok()) return Look::kNothing;
    return Broken(
        ToError(at->status(), fmt::format("reading the log at offset {}", position_.value())));
  }
  return at->key().ToStringView() < layout::kAfterFrames ? Look::kFound : Look::kNothing;
}

ChainReader::Look ChainReader::Broken(Error error) {
  trouble_ = std::move(error);
  broken_ = true;
  return Look::kTrouble;
}

ChainReader::Look ChainReader::Hole(std::string what) {
  trouble_ = LogDamage(std::move(what));
  broken_ = false;
  return Look::kTrouble;
}

ChainReader::Look ChainReader::HoleBefore(Offset found) {
  return Hole(fmt::format("the frame at offset {} is missing; the next one there is starts at {}",
                          position_.value(), found.value()));
}

ChainReader::Look ChainReader::EndsTooEarly(Offset end, Offset expected) {
  return Hole(fmt::format("the log ends at offset {}, but was acknowledged up to {}", end.value(),
                          expected.value()));
}

}  // namespace syncline
