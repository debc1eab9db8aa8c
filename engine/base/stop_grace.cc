#include "engine/base/stop_grace.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/base/as_error.h"
#include "engine/base/error.h"

namespace syncline {
namespace {

int MakeEvent() {
  const int made = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (made >= 0) return made;
  throw EnvironmentError(std::string("making an event descriptor: ") + std::strerror(errno),
                         std::string(kFilesHint));
}

}  // namespace

StopGrace::StopGrace(std::stop_token stop)
    : wake_(MakeEvent()), note_(std::move(stop), Note{this}) {}

StopGrace::~StopGrace() { ::close(wake_); }

void StopGrace::Note::operator()() const {
  grace->requested_at_ = Clock::now().time_since_epoch().count();
  ::eventfd_write(grace->wake_, 1);
}

std::optional<StopGrace::Clock::time_point> StopGrace::end() const {
  const Clock::rep at = requested_at_;
  if (at == kNever) return {};
  return Clock::time_point(Clock::duration(at)) + kGrace;
}

bool StopGrace::over() const {
  const auto until = end();
  return until && Clock::now() >= *until;
}

}  // namespace syncline
