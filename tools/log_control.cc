#include "tools/log_control.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "engine/base/error.h"
#include "tools/value_json.h"

namespace syncline::cli {
namespace {

constexpr char kSocketName[] = "control";
constexpr size_t kLineBytesMax = 64u << 10;
// For the other end to say what it wants, and to take the answer.
constexpr Microseconds kPatience = std::chrono::seconds(5);
// After somebody could not be let in (no more descriptors).
constexpr int kAcceptAgainMs = 100;

Json ErrorJson(const Error& error) {
  return {{"error",
           {{"message", error.message()},
            {"hint", error.hint()},
            {"code", error.code()},
            {"exit_code", error.exit_code()}}}};
}

// The other way round.
Error ErrorFrom(const Json& json) {
  const std::string message = json.value("message", "the writer's answer cannot be read");
  const std::string hint = json.value("hint", "");
  switch (json.value("exit_code", 1)) {
    case 2:
      return UsageError(message, hint);
    case 3:
      return EnvironmentError(message, hint);
    case 4:
      return DamageError(message, hint);
    default:
      return StopError(message, hint);
  }
}

Json Parse(std::string_view line) { return Json::parse(line, nullptr, /*allow_exceptions=*/false); }

// A member of that name that is a text; empty if there is none.
std::string TextOf(const Json& json, const char* name) {
  if (!json.is_object()) return {};
  const auto member = json.find(name);
  return member != json.end() && member->is_string() ? member->get<std::string>() : std::string();
}

}  // namespace

LogControl::LogControl(ChangeLog& log, const std::filesystem::path& folder,
                       std::shared_ptr<spdlog::logger> logger)
    : log_(log), path_(folder / kSocketName), logger_(std::move(logger)) {
  try {
    socket_.emplace(LocalSocket::Listen(path_));
  } catch (const Error& error) {
    logger_->warn("the log takes no orders, so no backup while it is written error=\"{}\"",
                  error.message());
  }
}

LogControl::~LogControl() {
  std::error_code ignored;
  if (socket_) std::filesystem::remove(path_, ignored);
}

void LogControl::Run(std::stop_token stop) {
  if (!socket_) return;
  const int stopped = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
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
      if (line) caller->WriteLine(Answer(*line), kPatience);
    }
  }
  ::close(stopped);
}

std::string LogControl::Answer(std::string_view line) {
  try {
    const Json order = Parse(line);
    const std::filesystem::path into = TextOf(order, "into");
    if (TextOf(order, "do") != "backup" || !into.is_absolute()) {
      throw UsageError("the log's writer does not know this order",
                       "use the same version of syncline on both sides");
    }
    const LogBackup made = log_.Backup(into);
    logger_->info("backup made into={} next={} bytes={}", into.string(), made.next.value(),
                  made.bytes);
    return Dump(Json{{"done",
                      {{"next", made.next.value()},
                       {"bytes", made.bytes},
                       {"linked_bytes", made.linked_bytes}}}});
  } catch (const Error& error) {
    return Dump(ErrorJson(error));
  } catch (const std::exception& error) {
    return Dump(ErrorJson(StopError(std::string("unexpected: ") + error.what())));
  }
}

std::optional<LogBackup> OrderBackup(const std::filesystem::path& folder,
                                     const std::filesystem::path& into) {
  const std::optional<LocalSocket> writer = LocalSocket::Connect(folder / kSocketName);
  if (!writer) return {};
  const Json order = {{"do", "backup"}, {"into", into.string()}};
  std::optional<std::string> line;
  if (writer->WriteLine(Dump(order), kPatience)) line = writer->ReadLine(kLineBytesMax, {});
  if (!line) {
    throw RetryError("the log's writer ended before it had made the backup", "try again");
  }
  const Json answer = Parse(*line);
  if (!answer.is_object()) throw ErrorFrom(Json::object());
  if (const auto done = answer.find("done"); done != answer.end() && done->is_object()) {
    return LogBackup{.next = Offset(done->value("next", uint64_t{0})),
                     .bytes = done->value("bytes", uint64_t{0}),
                     .linked_bytes = done->value("linked_bytes", uint64_t{0})};
  }
  throw ErrorFrom(answer.value("error", Json::object()));
}

}  // namespace syncline::cli
