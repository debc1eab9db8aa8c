#include "tools/control/log_control.h"

#include <fmt/format.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <future>
#include <system_error>
#include <utility>

#include "engine/base/as_error.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/log/log_catalog.h"
#include "tools/control/log_order.h"
#include "tools/support/duration.h"

namespace syncline::cli {
namespace {

constexpr size_t kLineBytesMax = 64u << 10;
// For the other end to say what it wants, and to take the answer.
constexpr Microseconds kPatience = std::chrono::seconds(5);
// Signs of life of a writer that is at work on an order, as often as is asked for within limits;
// so many of them come before it would count as silent.
constexpr std::string_view kBeat = "{}";
constexpr int64_t kBeatMsMin = 100, kBeatMsMax = 5'000;
constexpr int kBeatsOfStall = 3;
// For a poll: longer than a lock is waited for, and than most reads of a source take.
constexpr auto kPollMax = std::chrono::seconds(120);
// After somebody could not be let in (no more descriptors).
constexpr int kAcceptAgainMs = 100;

// What the writer of that log answers; nothing if there is none that listens. Throws
// what it threw.
std::optional<Json> Order(const LogPlace& log, Json order, const sql::WaitLimits& limits) {
  const std::filesystem::path socket = log.OrderSocket();
  if (socket.empty()) return {};
  const std::optional<LocalSocket> writer = LocalSocket::Connect(socket);
  if (!writer) return {};
  order["beat"] = limits.stall.count() / kBeatsOfStall;
  auto heard = std::chrono::steady_clock::now();
  std::optional<std::string> line;
  if (writer->WriteLine(Dump(order), kPatience)) {
    do {
      heard = std::chrono::steady_clock::now();
      line = writer->ReadLine(kLineBytesMax, limits.stall, limits.stop.get());
    } while (line == kBeat);
  }
  if (!line && std::chrono::steady_clock::now() - heard >= limits.stall) {
    throw SilentError(
        fmt::format("the log's writer has taken an order and says nothing for {}",
                    FormatDuration(limits.stall)),
        "Is its process suspended, or its machine overloaded? Try again when it goes on.");
  }
  if (!line) {
    throw RetryError("the log's writer ended before it had carried out its order", "try again");
  }
  return DoneIn(*line);
}

}  // namespace

LogControl::LogControl(LogAdmin& log, capture::CaptureOrders& orders, const LogPlace& place,
                       std::shared_ptr<Logger> logger)
    : log_(log), orders_(orders), path_(place.OrderSocket()), logger_(std::move(logger)) {
  try {
    socket_.emplace(LocalSocket::Listen(path_));
  } catch (const Error& error) {
    logger_->Warn(
        "the log takes no orders, so no backup and no verify while it is written error=\"{}\"",
        error.message());
  }
}

LogControl::~LogControl() {
  std::error_code ignored;
  if (socket_) std::filesystem::remove(path_, ignored);
}

void LogControl::Run(std::stop_token stop) {
  stop_ = stop;
  if (!socket_) return;
  const int stopped = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (stopped < 0) {
    logger_->Warn("the log takes no orders error=\"{}\"", std::strerror(errno));
    return;
  }
  {
    const std::stop_callback tell(stop, [&] { ::eventfd_write(stopped, 1); });
    while (!stop.stop_requested()) {
      std::array<pollfd, 2> ends = {pollfd{socket_->fd(), POLLIN, 0}, pollfd{stopped, POLLIN, 0}};
      ::poll(ends.data(), ends.size(), -1);
      if (stop.stop_requested()) break;
      const std::optional<LocalSocket> caller = socket_->Accept();
      if (!caller) {
        ::poll(&ends[1], 1, kAcceptAgainMs);
        continue;
      }
      const std::optional<std::string> line = caller->ReadLine(kLineBytesMax, kPatience);
      if (line) Serve(*caller, *line);
    }
  }
  ::close(stopped);
}

void LogControl::Serve(const LocalSocket& caller, const std::string& line) {
  const Json order = Json::parse_or_null(line);
  const auto beat = order.is_object() ? order.find("beat") : order.end();
  if (beat == order.end() || !beat->is_number_integer()) {
    caller.WriteLine(Answer(line), kPatience);
    return;
  }
  std::string answer;
  try {
    auto answering = std::async(std::launch::async, [&] { return Answer(line); });
    const std::chrono::milliseconds every(std::clamp(beat->get<int64_t>(), kBeatMsMin, kBeatMsMax));
    bool is_there = true;
    while (answering.wait_for(every) != std::future_status::ready) {
      is_there = is_there && caller.WriteLine(kBeat, kPatience);
    }
    answer = answering.get();
  } catch (const std::system_error&) {
    answer = Dump(ErrorAnswer(AsError(std::current_exception())));
  }
  caller.WriteLine(answer, kPatience);
}

std::string LogControl::Answer(std::string_view line) {
  try {
    LogOrder order = ParseOrder(line);
    const bool backup = order.kind == LogOrder::Kind::kBackup;
    return Dump(Json{{"done", backup ? Backup(order.into) : Poll(std::move(order.rows))}});
  } catch (...) {
    return Dump(ErrorAnswer(AsError(std::current_exception())));
  }
}

Json LogControl::Backup(const std::filesystem::path& into) {
  const LogBackup made = log_.Backup(into, stop_);
  logger_->Info("backup made into={} next={} bytes={}", into.string(), made.next.value(),
                made.bytes);
  return {{"next", made.next.value()}, {"bytes", made.bytes}, {"linked_bytes", made.linked_bytes}};
}

Json LogControl::Poll(std::vector<capture::RowKeys> again) {
  std::future<Offset> polled = orders_.Post(std::move(again));
  if (polled.wait_for(kPollMax) != std::future_status::ready) {
    throw RetryError("the capture of this source did not come to a poll in time",
                     "what it tells on stderr says why; try again when it goes on");
  }
  return {{"next", polled.get().value()}};
}

std::optional<LogBackup> OrderBackup(const LogPlace& log, const std::filesystem::path& into,
                                     const sql::WaitLimits& limits) {
  const auto done = Order(log, {{"do", "backup"}, {"into", into.string()}}, limits);
  if (!done) return {};
  return LogBackup{.next = Offset(NumberIn(*done, "next")),
                   .bytes = NumberIn(*done, "bytes"),
                   .linked_bytes = NumberIn(*done, "linked_bytes")};
}

std::optional<Offset> OrderPoll(const LogPlace& log, const std::vector<capture::RowKeys>& again,
                                const sql::WaitLimits& limits) {
  std::optional<Offset> end;
  const auto give = [&](const Json& order) {
    const auto done = Order(log, order, limits);
    end.reset();
    if (done) end = Offset(NumberIn(*done, "next"));
    return done.has_value();
  };
  if (again.empty()) {
    give({{"do", "poll"}});
    return end;
  }
  for (const Json& order : RecaptureOrders(again)) {
    if (!give(order)) break;
  }
  return end;
}

}  // namespace syncline::cli
