#include "tools/commands/invocation.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/spdlog.h>

#include <cstdio>

#include "engine/base/printable.h"
#include "tools/support/log_json.h"
#include "tools/support/log_sink.h"

namespace syncline::cli {
namespace {

// What is logged, as one line whatever names and servers have put into it.
class PrintableMessage : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    const std::string text =
        Printable(std::string_view(message.payload.data(), message.payload.size()));
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<PrintableMessage>();
  }
};

}  // namespace

std::shared_ptr<spdlog::logger> Invocation::Logger(std::string_view usual) const {
  auto sink = std::make_shared<LogSink>();
  if (!Terminal(stderr).colour()) sink->set_color_mode(spdlog::color_mode::never);
  auto logger = std::make_shared<spdlog::logger>("syncline", std::move(sink));
  if (logs_json()) {
    logger->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<PrintableMessage>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %*");
    logger->set_formatter(std::move(formatter));
  }
  std::string level = !log_level.empty() ? log_level : verbose ? "debug" : std::string(usual);
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::trace);
  return logger;
}

void Invocation::Print(const Json& json) const { Out().Line(Dump(json)); }

}  // namespace syncline::cli
