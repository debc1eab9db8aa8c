#pragma once

#include <exception>
#include <string_view>

#include "engine/base/error.h"

namespace syncline {

// What to do where the system gives no more.
inline constexpr std::string_view kMemoryHint =
    "Allow the process more memory (`ulimit -v`, the service's MemoryMax), or the machine. Nothing "
    "is half done; the next start goes on from there.";
inline constexpr std::string_view kFilesHint =
    "Allow the process more open files (`ulimit -n`, the service's LimitNOFILE).";

// The error that any exception stands for: itself; what the system does not give (memory, threads,
// files) as kRetry, environment; anything else is a bug of ours, and says so.
Error AsError(const std::exception_ptr& exception);

}  // namespace syncline
