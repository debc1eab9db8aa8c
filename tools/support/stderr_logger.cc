#include "tools/support/stderr_logger.h"

#include <poll.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <utility>

#include "engine/base/logger.h"
#include "engine/base/no_pipe_signal.h"
#include "engine/base/printable.h"
#include "tools/support/duration.h"
#include "tools/support/log_json.h"
#include "tools/support/terminal.h"

namespace syncline::cli {
namespace {

constexpr std::chrono::milliseconds kPatience{1'000};

// A pipe that is ready takes a page at once, which is more than a line; what else happens to it is
// the write's to find.
bool IsReady(std::chrono::milliseconds patience) {
  pollfd end{STDERR_FILENO, POLLOUT, 0};
  int ready = 0;
  do {
    ready = ::poll(&end, 1, static_cast<int>(patience.count()));
  } while (ready < 0 && errno == EINTR);
  return ready != 0;
}

// Leaves lines out that nobody reads in time, and those that nobody reads any more.
class PatientSink : public spdlog::sinks::stderr_color_sink_mt {
 public:
  void log(const spdlog::details::log_msg& message) override {
    const std::lock_guard lock(writing_);
    const NoPipeSignal no_signal;
    if (!IsReady(left_out_ == 0 ? kPatience : std::chrono::milliseconds(0))) {
      ++left_out_;
      return;
    }
    if (left_out_ > 0) {
      const std::string text =
          LogText("lines are left out here, which nobody read in time lines={}", left_out_);
      left_out_ = 0;
      Base::log({message.logger_name, spdlog::level::warn, text});
      if (!IsReady(kPatience)) {
        ++left_out_;
        return;
      }
    }
    Base::log(message);
  }

 private:
  using Base = spdlog::sinks::stderr_color_sink_mt;

  std::mutex writing_;     // from the look at stderr until the line is written
  uint64_t left_out_ = 0;  // guarded by writing_; 0: the last line was written
};

std::string_view PayloadOf(const spdlog::details::log_msg& message) {
  return {message.payload.data(), message.payload.size()};
}

// What is logged, as one line whatever names and servers have put into it.
class PrintableMessage : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    const std::string text = Printable(PayloadOf(message));
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<PrintableMessage>();
  }
};

class JsonFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& into) override {
    const auto level = spdlog::level::to_string_view(message.level);
    const auto time = std::chrono::time_point_cast<Microseconds>(message.time);
    Json line = {{"time", FormatTime(WallTime(time.time_since_epoch()))},
                 {"level", std::string(level.data(), level.size())}};
    line.update(LogMembers(PayloadOf(message)));
    const std::string text = Dump(line) + "\n";
    into.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }
};

std::unique_ptr<spdlog::formatter> FormatterOf(LogForm form) {
  if (form == LogForm::kJson) return std::make_unique<JsonFormatter>();
  auto text = std::make_unique<spdlog::pattern_formatter>();
  text->add_flag<PrintableMessage>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %*");
  return text;
}

class SpdLogger : public Logger {
 public:
  SpdLogger(std::string_view level, LogForm form) : logger_("syncline", MakeSink()) {
    logger_.set_formatter(FormatterOf(form));
    logger_.set_level(spdlog::level::from_str(std::string(level)));
    logger_.flush_on(spdlog::level::trace);
  }

 protected:
  bool Takes(Level level) const override { return logger_.should_log(Of(level)); }
  void Write(Level level, std::string_view line) override {
    logger_.log(Of(level), spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  static std::shared_ptr<PatientSink> MakeSink() {
    auto sink = std::make_shared<PatientSink>();
    if (!Terminal(stderr).colour()) sink->set_color_mode(spdlog::color_mode::never);
    return sink;
  }
  static spdlog::level::level_enum Of(Level level) {
    return static_cast<spdlog::level::level_enum>(level);
  }

  spdlog::logger logger_;
};
static_assert(static_cast<int>(Logger::Level::kError) == spdlog::level::err);

}  // namespace

std::shared_ptr<Logger> StderrLogger(std::string_view level, LogForm form) {
  return std::make_shared<SpdLogger>(level, form);
}

}  // namespace syncline::cli
