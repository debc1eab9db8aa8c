#include "apply/lines/stream_output.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/error.h"
#include "engine/base/no_pipe_signal.h"

namespace syncline::apply {

void StreamOutput::Begin() {
  if (may_begin_) return;
  throw StopError("lines were written to stdout that would have to be taken back",
                  "Run it again: it begins anew. A file (`jsonl:path`) can be gone on with.");
}

void StreamOutput::Write(std::string_view lines) {
  const NoPipeSignal no_signal;  // other pipelines have nothing to do with this one's reader
  if (!lines.empty()) may_begin_ = false;
  while (!lines.empty()) {
    const ssize_t wrote = ::write(fd_, lines.data(), lines.size());
    if (wrote >= 0) {
      lines.remove_prefix(static_cast<size_t>(wrote));
    } else if (errno == EAGAIN) {
      pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
      ::poll(&ready, 1, /*timeout=*/1000);
    } else if (errno != EINTR) {
      const int error = errno;
      throw StopError(std::string("writing to stdout: ") + std::strerror(error),
                      error == EPIPE ? "The reader of the lines has gone; run it again."
                                     : "Give it a stdout that takes the lines, and run it again.");
    }
  }
}

void StreamOutput::Commit(const LinesPosition& to, bool is_part) {
  position_ = to;
  if (!is_part) may_begin_ = true;
}

}  // namespace syncline::apply
