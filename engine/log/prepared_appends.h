#pragma once

#include <map>
#include <optional>
#include <string>

#include "engine/log/frame_draft.h"

namespace syncline {

// Frames that become part of a log if, and only if, something elsewhere happens: in two directions,
// a target's transaction, whose changes belong into the target's own log, too. What happens
// elsewhere goes by a name (a pipeline's), and each time by a token, which is any text.
//
// Contract: a prepared frame is durable when Prepare returns. It outlives a crash until
// AppendPrepared or DropPrepared; whoever opens the log finds out which, before anything else is
// appended.
//
// Call order: Prepare, then AppendPrepared when it has happened, or DropPrepared when it has not.
// There is one prepared frame at a time; a later Prepare takes its place. AppendPrepared wants one.
//
// Threads: the log's writing thread; `applied` may be called from any.
// Errors: as LogAppender.
class PreparedAppends {
 public:
  virtual void Prepare(FrameDraft draft, const std::string& name, const std::string& token) = 0;
  // The token of what is prepared; none: nothing is.
  virtual std::optional<std::string> prepared() = 0;
  // Appends the frame, with the log's cursor as it is, and remembers the token by its name, in one
  // write. Throws as LogAppender::Append, and leaves the frame prepared then.
  virtual void AppendPrepared() = 0;
  virtual void DropPrepared() = 0;

  // The token that was remembered last under that name.
  virtual std::optional<std::string> applied(const std::string& name) = 0;
  virtual std::map<std::string, std::string> all_applied() = 0;  // by name
  // Remembers a token without a frame; an empty one forgets. Not synced.
  virtual void NoteApplied(const std::string& name, const std::string& token) = 0;

 protected:
  ~PreparedAppends() = default;
};

}  // namespace syncline
