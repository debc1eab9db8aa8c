#include "apply/batch/batch_reader.h"

#include <map>

#include "engine/base/check.h"

namespace syncline::apply {
namespace {

// What a change costs besides its row: bookkeeping here and in the target.
constexpr uint64_t kChangeOverhead = 64;

uint64_t BytesOf(const Frame& frame) {
  uint64_t bytes = 0;
  for (const Change& change : frame.changes) bytes += change.row.bytes().size() + kChangeOverhead;
  return bytes;
}

}  // namespace

void BatchReader::Seek(Offset next, uint64_t frame_hash, End end) {
  log_.Seek(next, frame_hash == 0 ? std::nullopt : std::optional(frame_hash));
  end_ = end;
  handed_out_ = next;
  read_ = next;
  at_end_ = false;
  frames_.clear();
  changes_ = 0;
  bytes_ = 0;
}

std::optional<Batch> BatchReader::Next() {
  Fill();
  size_t whole_cuts = frames_.size();
  while (whole_cuts > 0 && !frames_[whole_cuts - 1].header.closes_cut) --whole_cuts;
  if (whole_cuts > 0) return Pop(OfOneSchema(whole_cuts));
  // One cut that is larger than the limits, or the rest before the end; else the cut's other frames
  // are on their way.
  if (!frames_.empty() && (full() || at_end_)) return Pop(frames_.size());
  return std::nullopt;
}

// How many of the first frames, in whole cuts, bring each table under one schema. A cut of which
// this is not true stays as it is.
size_t BatchReader::OfOneSchema(size_t frames) const {
  std::map<TableName, SchemaId> known;
  size_t whole = 0;
  for (size_t i = 0; i < frames; ++i) {
    const Frame& frame = frames_[i];
    for (size_t table = 0; table < frame.tables.size(); ++table) {
      const SchemaId id = frame.header.schemas[table];
      SchemaId& before = known.emplace(frame.tables[table]->table, id).first->second;
      if (before != id && whole > 0) return whole;
      before = id;
    }
    if (frame.header.closes_cut) whole = i + 1;
  }
  return frames;
}

void BatchReader::Fill() {
  while (!full() && !at_end_ && TakeFrame()) {
  }
  if (end_.offset && read_ >= *end_.offset) at_end_ = true;
}

bool BatchReader::TakeFrame() {
  if (end_.offset && read_ >= *end_.offset) return false;
  std::optional<Frame> frame = log_.Next();
  if (!frame) return false;
  FrameHeader& header = frame->header;
  SYNCLINE_CHECK(header.base <= read_ && read_ < header.end());
  if (end_.time && header.written_at > *end_.time) {
    at_end_ = true;
    return false;
  }
  auto& changes = frame->changes;
  if (end_.offset && *end_.offset < header.end()) {
    changes.resize(*end_.offset - header.base);
    header.count = static_cast<uint32_t>(changes.size());
    header.hash = 0;
    header.closes_cut = false;
  }
  if (const uint64_t skip = read_ - header.base; skip > 0) {
    changes.erase(changes.begin(), changes.begin() + static_cast<ptrdiff_t>(skip));
    header.base = read_;
    header.count = static_cast<uint32_t>(changes.size());
  }
  read_ = header.end();
  changes_ += changes.size();
  bytes_ += BytesOf(*frame);
  frames_.push_back(std::move(*frame));
  return true;
}

Batch BatchReader::Pop(size_t count) {
  Batch batch;
  batch.begin = handed_out_;
  for (; count > 0; --count) {
    Frame& frame = frames_.front();
    changes_ -= frame.changes.size();
    bytes_ -= BytesOf(frame);
    batch.end = frame.header.end();
    batch.end_hash = frame.header.hash;
    batch.closes_cut = frame.header.closes_cut;
    batch.frames.push_back(std::move(frame));
    frames_.pop_front();
  }
  handed_out_ = batch.end;
  return batch;
}

}  // namespace syncline::apply
