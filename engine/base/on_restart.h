#pragma once

#include <utility>

#include "engine/base/error.h"

namespace syncline {

// Runs `body` until it returns, at most `tries_max` times: again after a kRestart, at once. The
// last kRestart, and every other error, is thrown. `body` starts from what it finds each time.
template <typename Body>
decltype(auto) AgainOnRestart(int tries_max, Body&& body) {
  for (int tries = 1;; ++tries) {
    try {
      return body();
    } catch (const Error& error) {
      if (error.reaction() != Reaction::kRestart || tries >= tries_max) throw;
    }
  }
}

}  // namespace syncline
