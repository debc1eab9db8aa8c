#include "tools/support/log_sink.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "engine/base/log_text.h"

namespace syncline::cli {
namespace {

// A pipe that is ready takes a page at once, which is more than a line; what else happens to it is
// the write's to find.
bool IsReady(std::chrono::milliseconds patience) {
  pollfd end{STDERR_FILENO, POLLOUT, 0};
  int ready = 0;
  do {
    ready = ::poll(&end, 1, static_cast<int>(patience.count()));
  } while (ready < 0 && errno == EINTR);
  return ready != 0;
}

}  // namespace

void LogSink::log(const spdlog::details::log_msg& message) {
  const std::lock_guard lock(turn_);
  if (!IsReady(left_out_ == 0 ? kPatience : std::chrono::milliseconds(0))) {
    ++left_out_;
    return;
  }
  if (left_out_ > 0) {
    const std::string text =
        LogText("lines are left out here, which nobody read in time lines={}", left_out_);
    left_out_ = 0;
    Base::log({message.logger_name, spdlog::level::warn, text});
    if (!IsReady(kPatience)) {
      ++left_out_;
      return;
    }
  }
  Base::log(message);
}

}  // namespace syncline::cli
