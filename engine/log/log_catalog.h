#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/log/change_log.h"
#include "engine/log/log_ref.h"
#include "engine/log/poll_note.h"

namespace syncline {

class LogCare;

// Where one log is, or is to be, and what belongs to it. Nobody else knows: callers hold a LogRef
// and name the log to people by Describe.
//
// Call order: any. Threads: any. Whatever is asked is looked up anew each time, because other
// processes make, move and repair logs.
class LogPlace {
 public:
  LogPlace(const LogPlace&) = delete;
  LogPlace& operator=(const LogPlace&) = delete;
  virtual ~LogPlace() = default;

  // For messages: what a person finds the log by. A log that is a folder: the folder's path.
  virtual std::string Describe() const = 0;
  // True when capture has made the log, or has begun to, and when nobody may look. Does not throw.
  virtual bool MayExist() const = 0;

  // Opens the log for writing, or makes a new one for `source`, the identity of a database. Throws
  // UsageError if the log belongs to another source, EnvironmentError if another writer has it or
  // it cannot be written, DamageError if it cannot be read or its last frame does not verify.
  virtual std::unique_ptr<ChangeLog> Open(std::string_view source, Clock& clock) const = 0;
  // A reader beside the writer's process; also when no writer runs. Throws EnvironmentError when
  // there is no log.
  virtual std::unique_ptr<LogReader> OpenReader(Clock& clock) const = 0;

  // For the writer of the log `id`: its poll notes. Null where they cannot be written.
  virtual std::unique_ptr<PollNoteWriter> OpenPollNote(const LogId& id) const = 0;
  // The last note of the log `id`. Nothing where there is no such note: it is missing, cannot be
  // read, is damaged, or belongs to another log.
  virtual std::optional<PollNote> ReadPollNote(const LogId& id) const = 0;

  // The socket at which the log's writer takes orders from other processes of this machine. Empty:
  // it takes none.
  virtual std::filesystem::path OrderSocket() const = 0;

  virtual const LogCare& care() const = 0;

 protected:
  LogPlace() = default;
};

// The logs of a configuration. Threads: any.
class LogCatalog {
 public:
  LogCatalog(const LogCatalog&) = delete;
  LogCatalog& operator=(const LogCatalog&) = delete;
  virtual ~LogCatalog() = default;

  // The log of that name; does not look whether it is there.
  virtual LogRef Find(const std::string& name) const = 0;

  // For messages: where all its logs are.
  virtual std::string Describe() const = 0;
  // Takes the rights on that place from all users but its own, as LogCare::KeepPrivate for one log.
  // A place that also holds something else than logs and the history of runs keeps its permissions.
  virtual bool KeepPrivate() const = 0;

 protected:
  LogCatalog() = default;
};

}  // namespace syncline
