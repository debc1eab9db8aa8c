#include "tools/status/idle_consumers.h"

#include <fmt/format.h>

#include "tools/support/duration.h"
#include "tools/support/terminal.h"

namespace syncline::cli {
namespace {

// When the first change was logged that the consumer lacks; none: it lacks nothing.
std::optional<WallTime> LacksSince(LogReader& log, const Consumer& consumer) {
  if (consumer.next >= log.end()) return {};
  if (consumer.next < log.begin()) return log.OpenBase()->info().written_at;
  log.Seek(consumer.next);
  const std::optional<Frame> frame = log.NextHeader();
  return frame ? std::optional(frame->header.written_at) : std::nullopt;
}

std::string Since(const IdleConsumer& consumer) {
  return consumer.moved_at ? FormatTime(*consumer.moved_at) : "unknown";
}

}  // namespace

std::vector<IdleConsumer> IdleConsumers(LogReader& log,
                                        const std::optional<RetentionPolicy>& policy,
                                        const Clock& clock) {
  std::vector<IdleConsumer> idle;
  if (!policy || !policy->keep_for) return idle;
  const WallTime horizon = clock.Now() - *policy->keep_for;
  for (const Consumer& consumer : log.Consumers()) {
    const std::optional<WallTime> moved = log.AcknowledgedAt(consumer.name);
    if (moved && *moved >= horizon) continue;
    const std::optional<WallTime> lacks = LacksSince(log, consumer);
    if (lacks && *lacks < horizon) idle.push_back({consumer.name, consumer.next, moved});
  }
  return idle;
}

std::string TellIdle(const IdleConsumer& consumer) {
  return fmt::format(
      "{} has stood at offset {} since {}, for longer than `retain` keeps: what it lacks is not "
      "folded",
      consumer.name, FormatCount(consumer.next.value()), Since(consumer));
}

std::string IdleHint(const IdleConsumer& consumer) {
  return fmt::format("let it go on; if it is gone for good: syncline offsets forget \"{}\"",
                     consumer.name);
}

Json IdleJson(const std::string& source, const IdleConsumer& consumer) {
  Json json = {
      {"source", source}, {"consumer", consumer.name}, {"next_offset", consumer.next.value()}};
  json["moved_at"] = consumer.moved_at ? Json(FormatTime(*consumer.moved_at)) : Json();
  return json;
}

}  // namespace syncline::cli
