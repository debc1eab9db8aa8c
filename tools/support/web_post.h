#pragma once

#include <string>

#include "engine/base/clock.h"
#include "engine/base/stop_grace.h"

namespace syncline::cli {

// Sends a JSON document by HTTP POST; what is answered is dropped. Throws EnvironmentError when
// there is no answer in time, or one that is not 2xx; the message does not name the URL, which may
// hold a secret. Breaks off when the grace of `stop` is over; null: never. From any thread.
void PostJson(const std::string& url, const std::string& json, Microseconds timeout,
              const StopGrace* stop = nullptr);

}  // namespace syncline::cli
