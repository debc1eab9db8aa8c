#pragma once

#include <string>

#include "engine/base/clock.h"

namespace syncline::cli {

// Sends a JSON document by HTTP POST; what is answered is dropped. Throws EnvironmentError when
// there is no answer in time, or one that is not 2xx; the message does not name the URL, which may
// hold a secret. From any thread.
void PostJson(const std::string& url, const std::string& json, Microseconds timeout);

}  // namespace syncline::cli
