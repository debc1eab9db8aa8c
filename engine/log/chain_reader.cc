#include "engine/log/chain_reader.h"

#include <fmt/format.h>

#include <utility>

#include "engine/log/layout.h"
#include "engine/log/rocks_status.h"

namespace syncline {
namespace {

constexpr char kHistoryHint[] =
    "the log's history is not the one that this reader knows: it was restored, rewritten or "
    "damaged; rebuild the target, or restore the log that belongs to it";
constexpr char kDamageHint[] =
    "keep a copy of the folder; restore the log from a backup, or rebuild it from the source in a "
    "new folder";

Offset BaseOf(const rocksdb::Iterator& at) {
  const std::optional<Offset> base = layout::ParseFrameKey(at.key().ToStringView());
  if (!base) throw DamageError("the log holds a key that is no frame's", kDamageHint);
  return *base;
}

}  // namespace

Frame DecodeEntry(std::string_view key, std::string_view value, const LogInfo& info,
                  bool with_changes) {
  const std::optional<Offset> base = layout::ParseFrameKey(key);
  if (!base) throw DamageError("the log holds a key that is no frame's", kDamageHint);
  return InContext(fmt::format("the frame at offset {}", base->value()), [&] {
    Frame frame = with_changes ? DecodeFrame(value) : Frame{.header = DecodeFrameHeader(value)};
    if (frame.header.base != *base) throw DamageError("it says that it is another", kDamageHint);
    if (frame.header.log_id != info.id) throw DamageError("it is another log's", kDamageHint);
    return frame;
  });
}

ChainReader::ChainReader(std::unique_ptr<LogView> view) : view_(std::move(view)) {}

template <typename Body>
bool ChainReader::Insist(Body&& look) {
  for (int tries = 0;; ++tries) {
    const Look seen = look();
    if (seen != Look::kTrouble) return seen == Look::kFound;
    at_.reset();
    if (!view_->Mend(tries)) throw *std::exchange(trouble_, {});
  }
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
  if (chained_ && view_->limit() <= position_) return Look::kNothing;
  Cursor at = std::move(at_);  // comes back when a frame is delivered, so that nothing is skipped
  Look look = Look::kNothing;
  if (at) {
    at->Next();
    look = Standing(at);
  }
  if (look == Look::kNothing) look = chained_ ? SeekPosition(at) : SeekIntoPosition(at);
  if (look != Look::kFound) return look;
  if (const Offset base = BaseOf(*at); chained_ && base != position_) return Hole(base);

  frame = DecodeEntry(at->key().ToStringView(), at->value().ToStringView(), info(), with_changes);
  CheckChain(frame.header);
  if (LookForTables(frame) == Look::kTrouble) return Look::kTrouble;
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
    const FrameHeader before = DecodeEntry(at->key().ToStringView(), at->value().ToStringView(),
                                           info(), /*with_changes=*/false)
                                   .header;
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
  if (look == Look::kFound) return Hole(BaseOf(*at));
  return hash_ ? EndsTooEarly(end) : Look::kNothing;
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

ChainReader::Look ChainReader::LookForTables(Frame& frame) {
  frame.tables.clear();
  for (const SchemaId id : frame.header.schemas) {
    std::shared_ptr<const TableSchema>& schema = schemas_[id];
    if (!schema) {
      Cursor at = view_->NewIterator();
      at->Seek(layout::SchemaKey(id));
      if (!at->status().ok()) return Trouble(ToError(at->status(), "reading a table's schema"));
      if (!at->Valid() || layout::ParseSchemaKey(at->key().ToStringView()) != id) {
        return Trouble(DamageError(fmt::format("the frame at offset {}: the schema of one of its "
                                               "tables is not in the log",
                                               frame.header.base.value()),
                                   kDamageHint));
      }
      TableSchema decoded = DecodeSchema(at->value().ToStringView());
      if (decoded.id() != id) {
        throw DamageError(fmt::format("the schema {:016x} is not what its name says", id),
                          kDamageHint);
      }
      schema = std::make_shared<const TableSchema>(std::move(decoded));
    }
    frame.tables.push_back(schema);
  }
  return Look::kFound;
}

Offset ChainReader::end() {
  const std::optional<FrameHeader> last = Last();
  return last ? last->end() : Offset(0);
}

Offset ChainReader::begin() {
  Offset begin;
  Insist([&] {
    Cursor at;
    if (Refresh(at) == Look::kTrouble) return Look::kTrouble;
    at->SeekToFirst();
    const Look look = Standing(at);
    if (look == Look::kFound) begin = BaseOf(*at);
    return look;
  });
  return begin;
}

std::optional<FrameHeader> ChainReader::Last() {
  std::optional<FrameHeader> last;
  Insist([&] {
    const Offset limit = view_->limit();
    if (limit == Offset(0)) return Look::kNothing;
    Cursor at;
    if (Refresh(at) == Look::kTrouble) return Look::kTrouble;
    at->SeekForPrev(layout::FrameKey(Offset(limit.value() - 1)));
    const Look look = Standing(at);
    if (look == Look::kFound) {
      last = DecodeEntry(at->key().ToStringView(), at->value().ToStringView(), info(),
                         /*with_changes=*/false)
                 .header;
    }
    return look;
  });
  return last;
}

ChainReader::Look ChainReader::Refresh(Cursor& at) {
  at.reset();
  const rocksdb::Status status = view_->CatchUp();
  if (!status.ok()) return Trouble(ToError(status, "reading the log"));
  at = view_->NewIterator();
  return Look::kFound;
}

ChainReader::Look ChainReader::Standing(const Cursor& at) {
  if (!at->Valid()) {
    if (at->status().ok()) return Look::kNothing;
    return Trouble(
        ToError(at->status(), fmt::format("reading the log at offset {}", position_.value())));
  }
  return at->key().ToStringView() < layout::kAfterFrames ? Look::kFound : Look::kNothing;
}

ChainReader::Look ChainReader::Trouble(Error error) {
  trouble_ = std::move(error);
  return Look::kTrouble;
}

ChainReader::Look ChainReader::Hole(Offset found) {
  return Trouble(DamageError(
      fmt::format("the frame at offset {} is missing; the next one there is starts at {}",
                  position_.value(), found.value()),
      kDamageHint));
}

ChainReader::Look ChainReader::EndsTooEarly(Offset end) {
  return Trouble(DamageError(fmt::format("the log ends at offset {}, but was read to {} before",
                                         end.value(), position_.value()),
                             kHistoryHint));
}

}  // namespace syncline
