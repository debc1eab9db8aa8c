#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/offset.h"
#include "engine/log/base_reader.h"
#include "engine/log/log_info.h"
#include "engine/model/frame.h"

namespace syncline {

// Who reads a log, and how far it has come.
struct Consumer {
  std::string name;
  Offset next;
  bool operator==(const Consumer&) const = default;
};

// Reads a log frame by frame, in order, without holes: a frame is delivered only if its base offset
// is the expected one and its previous hash is that of the frame delivered before (invariant 2).
// What is missing, and a frame that is whole in its place but does not verify, is a DamageError
// with the offset. A log whose history was cut, and frames that were folded meanwhile, are a
// RestartError: seek again.
//
// Made by the writer of this process (LogReaders::NewReader), or by the log's catalogue
// (LogCatalog::OpenReader), beside the writer's process, also when no writer runs.
//
// Call order: Seek first, or the log is read from its beginning. Threads: one.
class LogReader {
 public:
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;
  virtual ~LogReader() = default;

  virtual const LogInfo& info() const = 0;

  // The offset after the last change that can be read now.
  virtual Offset end() = 0;
  // The first offset that the log still holds.
  virtual Offset begin() = 0;

  // The next frame delivered will be the one that holds `offset`. `previous_hash`, where known, is
  // the hash of the frame that ends at `offset`: a log whose history is another one is then found
  // by the first Next (DamageError).
  virtual void Seek(Offset offset, std::optional<uint64_t> previous_hash = {}) = 0;
  // The next frame, or nothing when there is none (yet).
  virtual std::optional<Frame> Next() = 0;
  // The same without decompressing and decoding its changes: `tables` is filled, `changes` stays
  // empty.
  virtual std::optional<Frame> NextHeader() = 0;
  // Waits until there may be a new frame, for at most `duration`; false when stopped.
  virtual bool Wait(Microseconds duration, std::stop_token stop) = 0;

  // The base, which begin() is the end of, as it is now. Throws as Next.
  virtual std::unique_ptr<BaseReader> OpenBase() = 0;

  // To be called before a target commits what was read up to `end`: makes the durable mark that
  // covers it survive a power cut, as the frames do already. So no target is ever ahead of what the
  // log says of itself. Throws RetryError.
  virtual void Secure(Offset end) = 0;

  // Tells the writer that a consumer has everything before `next`, so that retention keeps the rest
  // for it; false when this process may not write that down.
  virtual bool Acknowledge(const std::string& consumer, Offset next) = 0;
  // Who has done so, by name.
  virtual std::vector<Consumer> Consumers() = 0;
  // When that consumer last did so, by the clock of the log's store; none: it is not known.
  virtual std::optional<WallTime> AcknowledgedAt(const std::string& consumer) = 0;
  // Retention no longer waits for that consumer.
  virtual void Forget(const std::string& consumer) = 0;

  // The last frame in the log now, without its changes, but with a whole cursor; nothing if the log
  // is empty. Does not move the reader.
  virtual std::optional<FrameHeader> Last() = 0;

 protected:
  LogReader() = default;
};

}  // namespace syncline
