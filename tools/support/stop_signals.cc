#include "tools/support/stop_signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <system_error>

#include "engine/base/as_error.h"
#include "engine/base/check.h"
#include "engine/base/error.h"

namespace syncline::cli {
namespace {

sigset_t WatchedSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

volatile std::sig_atomic_t stopped_by = 0;

void EndNow(int) { _exit(128 + stopped_by); }

// Also when StopSignals is gone, and the process writes its last lines to somebody who does not
// read them.
void EndLater(int signal) {
  stopped_by = signal;
  struct sigaction end {};
  end.sa_handler = EndNow;
  sigaction(SIGALRM, &end, nullptr);
  alarm(static_cast<unsigned>(StopSignals::kLast.count()));
}

}  // namespace

StopSignals::StopSignals() : grace_(std::make_shared<StopGrace>(source_.get_token())) {
  sigset_t set = WatchedSignals();
  SYNCLINE_CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, nullptr), 0);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC);
  wake_ = eventfd(0, EFD_CLOEXEC);
  try {
    if (signals_ < 0 || wake_ < 0) {
      throw std::system_error(errno, std::generic_category(), "listening for signals");
    }
    listener_ = std::thread([this] { Listen(); });
  } catch (...) {
    Close();
    throw AsError(std::current_exception());
  }
}

StopSignals::~StopSignals() {
  const uint64_t one = 1;
  SYNCLINE_CHECK_EQ(write(wake_, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  listener_.join();
  Close();
}

void StopSignals::Close() {
  if (signals_ >= 0) close(signals_);
  if (wake_ >= 0) close(wake_);
  sigset_t set = WatchedSignals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void StopSignals::Listen() {
  for (;;) {
    pollfd watched[] = {{signals_, POLLIN, 0}, {wake_, POLLIN, 0}};
    if (poll(watched, 2, -1) < 0) continue;  // EINTR
    if (watched[1].revents != 0) return;
    signalfd_siginfo info{};
    if (read(signals_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) continue;
    const int signal = static_cast<int>(info.ssi_signo);
    if (source_.stop_requested()) _exit(128 + signal);
    EndLater(signal);
    source_.request_stop();
  }
}

}  // namespace syncline::cli
