#include "apply/lines/stream_output.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "engine/base/error.h"

namespace syncline::apply {
namespace {

// While it lives, a reader of a pipe that has gone is an error of this thread's write, and does not
// end the process: other pipelines have nothing to do with it.
class NoPipeSignal {
 public:
  NoPipeSignal() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    ::sigemptyset(&pending);
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoPipeSignal() {
    const timespec at_once = {};
    if (!was_pending_) {
      while (::sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoPipeSignal(const NoPipeSignal&) = delete;
  NoPipeSignal& operator=(const NoPipeSignal&) = delete;

 private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_ = false;
};

}  // namespace

void StreamOutput::Begin() {
  if (may_begin_) return;
  throw StopError("lines were written to stdout that would have to be taken back",
                  "Run it again: it begins anew. A file (`jsonl:path`) can be gone on with.");
}

void StreamOutput::Write(std::string_view lines) {
  const NoPipeSignal no_signal;
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
