#include "engine/log/folder/mark_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace syncline {
namespace {

using std::chrono::steady_clock;

constexpr Microseconds kLookAgain = std::chrono::milliseconds(20);
// A file that was replaced under its name (a repaired log) is noticed after this long.
constexpr Microseconds kListenAgain = std::chrono::seconds(1);

void Drain(int fd) {
  std::array<char, 4096> ignored;
  while (::read(fd, ignored.data(), ignored.size()) > 0) {
  }
}

}  // namespace

MarkWatch::MarkWatch(std::filesystem::path file)
    : file_(std::move(file)),
      events_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      stopped_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

// Watching what is watched already changes nothing.
bool MarkWatch::Listen() {
  return events_.get() >= 0 && ::inotify_add_watch(events_.get(), file_.c_str(), IN_MODIFY) >= 0;
}

bool MarkWatch::WaitUntil(const std::function<bool()>& moved, Microseconds duration,
                          std::stop_token stop) {
  const auto until = steady_clock::now() + duration;
  const std::stop_callback tell(stop, [this] { ::eventfd_write(stopped_.get(), 1); });
  while (!stop.stop_requested()) {
    const bool listening = Listen();
    if (listening) Drain(events_.get());  // before the look, so that nothing falls between
    if (moved()) return true;
    const auto left = std::chrono::duration_cast<Microseconds>(until - steady_clock::now());
    if (left <= Microseconds(0)) return true;
    const Microseconds nap = std::min(left, listening ? kListenAgain : kLookAgain);
    const timespec timeout = {.tv_sec = nap.count() / 1'000'000,
                              .tv_nsec = nap.count() % 1'000'000 * 1000};
    std::array<pollfd, 2> ends = {pollfd{stopped_.get(), POLLIN, 0},
                                  pollfd{events_.get(), POLLIN, 0}};
    ::ppoll(ends.data(), ends.size(), &timeout, nullptr);
  }
  Drain(stopped_.get());
  return false;
}

}  // namespace syncline
