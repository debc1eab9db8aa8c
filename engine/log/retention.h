#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/base/offset.h"

namespace syncline {

// Folds old frames into the base, cut by cut, and gives their space back. Frames that are only too
// old wait for the slowest consumer; frames beyond keep_bytes go all the same, and a consumer that
// needed them catches up through the base. The last frame always stays.
//
// Made by LogAdmin::NewRetention, must not outlive the log. Works beside the writer, in small
// steps, each of which a crash leaves done or not done.
//
// Threads: one, which is not the log's writing one.
// Errors: nothing is lost by an exception; the object is to be thrown away then, and made anew.
class Retention {
 public:
  struct Pass {
    Offset begin;         // of the frames that are left
    uint64_t frames = 0;  // folded in this pass
    uint64_t changes = 0;
    std::vector<std::string> overtaken;  // consumers that needed frames that are gone now
  };

  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;
  virtual ~Retention() = default;

  // Folds what may go by now, or until stopped. Throws as LogReader, and RetryError when it cannot
  // see who still needs the frames, or the store cannot be written.
  virtual Pass Run(std::stop_token stop) = 0;

 protected:
  Retention() = default;
};

}  // namespace syncline
