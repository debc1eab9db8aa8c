#include "tools/log_control.h"

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
#include "engine/model/value_text.h"
#include "tools/duration.h"

namespace syncline::cli {
namespace {

constexpr char kSocketName[] = "control";
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
// Of keys in one order, which is one line; and what a key takes besides its text.
constexpr size_t kPortionBytes = 32u << 10;
constexpr size_t kPerKeyBytes = 8;
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

Error NoOrder() {
  return UsageError("the log's writer does not know this order",
                    "use the same version of syncline on both sides");
}

// A member of that name that is a text; empty if there is none.
std::string TextOf(const Json& json, const char* name) {
  if (!json.is_object()) return {};
  const auto member = json.find(name);
  return member != json.end() && member->is_string() ? member->get<std::string>() : std::string();
}

// What a recapture names. Throws UsageError or DamageError for what is no such list.
std::vector<capture::RowKeys> RowsOf(const Json& order) {
  std::vector<capture::RowKeys> rows;
  const auto named = order.find("rows");
  if (named == order.end() || !named->is_array()) throw NoOrder();
  for (const Json& table : *named) {
    capture::RowKeys& some = rows.emplace_back();
    some.table = {TextOf(table, "schema"), TextOf(table, "table")};
    if (!table.is_object() || !table.contains("keys")) throw NoOrder();
    for (const Json& key : table.at("keys")) {
      if (!key.is_string()) throw NoOrder();
      const std::optional<Value> bytes = FromText(Type::kBytes, key.get<std::string>());
      if (!bytes) throw NoOrder();
      some.keys.push_back(Row::FromBytes(std::string(bytes->view().as_string())));
    }
  }
  return rows;
}

// The other way round, in as many lists as make lines that are not too long.
std::vector<Json> Portions(const std::vector<capture::RowKeys>& rows) {
  std::vector<Json> portions;
  size_t bytes = kPortionBytes;
  for (const capture::RowKeys& table : rows) {
    bool named = false;
    for (const Row& key : table.keys) {
      const std::string text = ToText(ValueView::Bytes(key.bytes()));
      if (bytes + text.size() > kPortionBytes) {
        portions.push_back(Json::array());
        bytes = 0;
        named = false;
      }
      if (!named) {
        portions.back().push_back(
            {{"schema", table.table.schema}, {"table", table.table.name}, {"keys", Json::array()}});
        named = true;
      }
      portions.back().back()["keys"].push_back(text);
      bytes += text.size() + kPerKeyBytes;
    }
  }
  return portions;
}

// What the writer of the log in `folder` answers; nothing if there is none that listens. Throws
// what it threw.
std::optional<Json> Order(const std::filesystem::path& folder, Json order,
                          const sql::WaitLimits& limits) {
  const std::optional<LocalSocket> writer = LocalSocket::Connect(folder / kSocketName);
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
    throw Error(Reaction::kRetry, Cause::kEnvironment,
                fmt::format("the log's writer has taken an order and says nothing for {}",
                            FormatDuration(limits.stall)),
                "Is its process suspended, or its machine overloaded? Try again when it goes on.",
                std::string(kSilentCode));
  }
  if (!line) {
    throw RetryError("the log's writer ended before it had carried out its order", "try again");
  }
  const Json answer = Parse(*line);
  if (!answer.is_object()) throw ErrorFrom(Json::object());
  if (const auto done = answer.find("done"); done != answer.end() && done->is_object()) {
    return *done;
  }
  throw ErrorFrom(answer.value("error", Json::object()));
}

}  // namespace

LogControl::LogControl(ChangeLog& log, capture::CaptureOrders& orders,
                       const std::filesystem::path& folder, std::shared_ptr<spdlog::logger> logger)
    : log_(log), orders_(orders), path_(folder / kSocketName), logger_(std::move(logger)) {
  try {
    socket_.emplace(LocalSocket::Listen(path_));
  } catch (const Error& error) {
    logger_->warn(
        "the log takes no orders, so no backup and no verify while it is written error=\"{}\"",
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
  if (stopped < 0) {
    logger_->warn("the log takes no orders error=\"{}\"", std::strerror(errno));
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
  const Json order = Parse(line);
  const auto beat = order.is_object() ? order.find("beat") : order.end();
  if (beat == order.end() || !beat->is_number_integer()) {
    caller.WriteLine(Answer(line), kPatience);
    return;
  }
  std::string answer;
  try {
    auto answering = std::async(std::launch::async, [&] { return Answer(line); });
    const std::chrono::milliseconds every(
        std::clamp(beat->get<int64_t>(), kBeatMsMin, kBeatMsMax));
    bool is_there = true;
    while (answering.wait_for(every) != std::future_status::ready) {
      is_there = is_there && caller.WriteLine(kBeat, kPatience);
    }
    answer = answering.get();
  } catch (const std::system_error&) {
    answer = Dump(ErrorJson(AsError(std::current_exception())));
  }
  caller.WriteLine(answer, kPatience);
}

std::string LogControl::Answer(std::string_view line) {
  try {
    const Json order = Parse(line);
    const std::string what = TextOf(order, "do");
    if (what == "backup") return Dump(Json{{"done", Backup(TextOf(order, "into"))}});
    if (what == "poll") return Dump(Json{{"done", Poll({})}});
    if (what == "recapture") return Dump(Json{{"done", Poll(RowsOf(order))}});
    throw NoOrder();
  } catch (...) {
    return Dump(ErrorJson(AsError(std::current_exception())));
  }
}

Json LogControl::Backup(const std::filesystem::path& into) {
  if (!into.is_absolute()) throw NoOrder();
  const LogBackup made = log_.Backup(into);
  logger_->info("backup made into={} next={} bytes={}", into.string(), made.next.value(),
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

std::optional<LogBackup> OrderBackup(const std::filesystem::path& folder,
                                     const std::filesystem::path& into,
                                     const sql::WaitLimits& limits) {
  const auto done = Order(folder, {{"do", "backup"}, {"into", into.string()}}, limits);
  if (!done) return {};
  return LogBackup{.next = Offset(done->value("next", uint64_t{0})),
                   .bytes = done->value("bytes", uint64_t{0}),
                   .linked_bytes = done->value("linked_bytes", uint64_t{0})};
}

std::optional<Offset> OrderPoll(const std::filesystem::path& folder,
                                const std::vector<capture::RowKeys>& again,
                                const sql::WaitLimits& limits) {
  std::optional<Offset> end;
  const auto give = [&](const Json& order) {
    const auto done = Order(folder, order, limits);
    end.reset();
    if (done) end = Offset(done->value("next", uint64_t{0}));
    return done.has_value();
  };
  if (again.empty()) {
    give({{"do", "poll"}});
    return end;
  }
  for (const Json& rows : Portions(again)) {
    if (!give({{"do", "recapture"}, {"rows", rows}})) break;
  }
  return end;
}

}  // namespace syncline::cli
