#include "tools/service/source_poll.h"

#include <future>
#include <optional>

#include "capture/capture_stage.h"
#include "capture/polling/capture_options.h"
#include "capture/polling/capture_orders.h"
#include "capture/polling/polled_database.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/log/log_catalog.h"
#include "tools/control/log_control.h"
#include "tools/service/log_privacy.h"
#include "tools/service/poll_notes.h"
#include "tools/service/replica.h"

namespace syncline::cli {

namespace {

// A writer that has just started holds the log before it listens, and one that ends stops listening
// before it lets go of it.
constexpr Microseconds kLogOpenEvery = std::chrono::milliseconds(100);
constexpr int kTriesMax = 50;

// Null: another process writes the log.
std::unique_ptr<ChangeLog> OpenUnlessHeld(const SourcePlan& source, Clock& clock, bool last_try) {
  const std::string identity = capture::SourceIdentity(source.url);
  try {
    return source.log->Open(identity, clock);
  } catch (const Error& error) {
    if (last_try || error.cause() != Cause::kEnvironment) throw;
    return nullptr;
  }
}

}  // namespace

Offset PollSource(const SourcePlan& source, const std::vector<capture::RowKeys>& again,
                  Clock& clock, const std::shared_ptr<Logger>& logger) {
  KeepPrivate(*source.log, *logger);
  std::unique_ptr<ChangeLog> log;
  for (int tries = 1; log == nullptr; ++tries) {
    if (const std::optional<Offset> end = OrderPoll(*source.log, again, source.url.limits)) {
      return *end;
    }
    log = OpenUnlessHeld(source, clock, tries == kTriesMax);
    if (log == nullptr) clock.Sleep(kLogOpenEvery, {});
  }
  capture::CaptureOrders orders;
  std::future<Offset> polled = orders.Post(again);
  std::optional<Replica> node;
  PollNotes notes(*source.log, log->info().id, clock);
  capture::CaptureOptions options{.once = true, .orders = &orders, .progressed = notes.Noting()};
  if (source.node) {
    node.emplace(source.url, log->info(), *log, *log, clock);
    options.node = node->CaptureOptions(source.node->max_skew, source.node->ahead);
  }
  capture::CaptureStage stage(capture::Polled(source.url, source.tables), options, *log, clock,
                              logger);
  stage.Run({});
  orders.Close();
  return polled.get();
}

}  // namespace syncline::cli
