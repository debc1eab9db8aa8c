#pragma once

#include <rocksdb/iterator.h>
#include <rocksdb/status.h>

#include <filesystem>
#include <memory>
#include <stop_token>

#include "engine/base/clock.h"
#include "engine/base/offset.h"
#include "engine/log/folder/mark.h"
#include "engine/log/log_info.h"

namespace syncline {

// How a reader sees the newest state of a log's default column family: beside the writer in its own
// process (PrimaryView), or from another process (SecondaryView). What is read there, and whether
// it is a chain, is ChainReader's business. Private to engine/log; belongs to its reader's thread.
class LogView {
 public:
  virtual ~LogView() = default;

  // Of the log as it was opened last.
  virtual const LogInfo& info() const = 0;
  // What the writer says now: nothing at or after its `next` may be delivered, and everything
  // before, from `begin` on, is there once the view has caught up. Throws DamageError when that
  // cannot be known. Where it names another log or epoch than info(), call Reopen.
  virtual Mark mark() = 0;

  // The mark as it is now, or a later one, survives a power cut. Throws RetryError.
  virtual void SyncMark() = 0;

  // Makes visible to new iterators what has been written since. After a bad status call Mend.
  virtual rocksdb::Status CatchUp() = 0;
  // Over what is visible now; must be gone before Mend.
  virtual std::unique_ptr<rocksdb::Iterator> NewIterator() = 0;
  // What was seen cannot be true: true if it is worth another look, false if it must be believed.
  // `tries` counts the looks since something true was seen, from 0; `broken`: it was a bad status,
  // not a hole.
  virtual bool Mend(int tries, bool broken) = 0;

  // A look at the base, as of now or a moment ago, with what it needs to live.
  struct BaseSight {
    std::shared_ptr<void> owner;  // null: the writer's own store, which shows no holes
    std::unique_ptr<rocksdb::Iterator> entries;
  };
  virtual BaseSight OpenBase() = 0;
  virtual const std::filesystem::path& folder() const = 0;

  // Looks at the log as if it were made now; no iterator may be left.
  virtual void Reopen() = 0;

  // As LogReader::Wait, for a reader that stands at `position`.
  virtual bool Wait(Offset position, Microseconds duration, std::stop_token stop) = 0;
};

}  // namespace syncline
