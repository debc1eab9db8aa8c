#include "tools/invocation.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>

#include "tools/log_json.h"

namespace syncline::cli {

std::shared_ptr<spdlog::logger> Invocation::Logger(std::string_view usual) const {
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  if (!Terminal(stderr).colour()) sink->set_color_mode(spdlog::color_mode::never);
  auto logger = std::make_shared<spdlog::logger>("syncline", std::move(sink));
  if (json) {
    logger->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
  }
  std::string level = !log_level.empty() ? log_level : verbose ? "debug" : std::string(usual);
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::trace);
  return logger;
}

void Invocation::Print(const Json& json) const { Out().Line(Dump(json)); }

}  // namespace syncline::cli
