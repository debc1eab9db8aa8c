#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>

#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/base/offset.h"
#include "engine/log/log_info.h"

namespace syncline {

// What a look at every byte of a log has found. Plain value type.
struct LogVerification {
  LogInfo info;
  Offset begin;
  Offset end;                   // acknowledged when the look began
  std::optional<Offset> whole;  // every frame before this is there and right; none: not one could
                                // be looked at
  uint64_t frames = 0;          // these four: of what is whole
  uint64_t changes = 0;
  uint64_t row_bytes = 0;
  uint64_t cuts = 0;
  uint64_t base_entries = 0;
  uint64_t files = 0;  // of the store whose every block was checked
  uint64_t file_bytes = 0;
  bool finished = false;        // false when it was stopped, or stopped by damage
  bool base_damaged = false;    // which no cut can mend
  std::optional<Error> damage;  // the first that was found; a DamageError
};

// What can be saved of a log. Plain value type.
struct LogRemains {
  LogInfo info;
  Offset begin;
  Offset whole;                // every frame before this is there and right
  std::optional<Offset> next;  // acknowledged; none: the durable mark is lost
};

// What a repair has done. Plain value type.
struct LogRepair {
  LogInfo info;                   // of the log that is in the place now
  Offset end;                     // where it ends
  std::filesystem::path kept;     // where the damaged one lies now
  bool finished_earlier = false;  // nothing but the rest of a repair that had been cut off
};

// Looks after one log from outside: beside its writer, or when nobody writes it. What needs the
// log open for writing is in LogAdmin.
//
// Call order: any. Threads: any.
class LogCare {
 public:
  LogCare(const LogCare&) = delete;
  LogCare& operator=(const LogCare&) = delete;

  // Walks the chain from its beginning to the durable mark, decoding every change, then the base,
  // and then checks the blocks of every file of the store, also of those that readers never look
  // into. Locks nothing, writes nothing, works beside a running writer. `progress` is called now
  // and then, from this thread. Throws what is not damage (EnvironmentError when there is no log or
  // no permission).
  virtual LogVerification Verify(
      Clock& clock, std::stop_token stop,
      const std::function<void(const LogVerification&)>& progress) const = 0;

  // Looks; leaves the log as it is. Works beside a running writer, but may then see less. Throws
  // DamageError when nothing can be saved, EnvironmentError when there is no log.
  virtual LogRemains FindRemains() const = 0;

  // Puts a new log into the place of a damaged one: the same frames up to `truncate_at`, the same
  // log id, the next epoch. The damaged one is kept. A crash at any moment leaves the damaged log
  // in its place, or the new one, or what capture refuses to take for "no log"; the next call
  // finishes what was begun, and does nothing else. Throws EnvironmentError when a writer runs,
  // UsageError when no frame ends at `truncate_at`, DamageError when the log is not whole up to
  // there; all leave the log as it was.
  virtual LogRepair Repair(Offset truncate_at, Clock& clock) const = 0;

  // Takes the rights on the log from all users but its own. True: there were some, which earlier
  // builds left. False: there were none, or there is no log, or it is another user's, who lets this
  // one read it. Opening the log for writing does the same without telling. Throws EnvironmentError
  // for what cannot be trusted.
  virtual bool KeepPrivate() const = 0;
  // What KeepPrivate would answer of a log that is there; changes nothing. Of one that is not:
  // throws EnvironmentError where it could not be kept from others.
  virtual bool IsOpenToOthers() const = 0;

  // Whether this user may write there, or make the log.
  virtual bool MayBeWritten() const = 0;
  // What the log takes, its store's own files included.
  virtual uint64_t BytesUsed() const = 0;
  // What there is room for; nothing: it is not known.
  virtual std::optional<uint64_t> BytesFree() const = 0;

 protected:
  LogCare() = default;
  ~LogCare() = default;
};

}  // namespace syncline
