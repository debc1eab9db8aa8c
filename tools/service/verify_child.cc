#include "tools/service/verify_child.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "engine/base/error.h"
#include "tools/support/child_process.h"
#include "tools/support/value_json.h"

namespace syncline::cli {
namespace {

constexpr Microseconds kMost = std::chrono::hours(24);

// How many rows of all tables differ, and how.
std::string Differences(const Json& result) {
  uint64_t missing = 0, extra = 0, differing = 0;
  for (const Json& pipeline : result.at("pipelines")) {
    for (const Json& table : pipeline.at("tables")) {
      missing += table.at("missing").get<uint64_t>();
      extra += table.at("extra").get<uint64_t>();
      differing += table.at("differing").get<uint64_t>();
    }
  }
  return fmt::format("not equal: {} rows missing, {} extra, {} differing", missing, extra,
                     differing);
}

}  // namespace

void VerifyInChild(const std::string& config_file, const std::string& pipeline,
                   std::stop_token stop) {
  const ChildResult result = RunChild({.command = {"/proc/self/exe", "-c", config_file, "--json",
                                                   "verify", pipeline, "--rows", "1"},
                                       .timeout = kMost},
                                      std::move(stop));
  if (result.end == ChildResult::End::kStopped) return;
  const Json told = Json::parse_or_null(result.output);
  const bool is_result = told.is_object() && told.contains("equal");
  if (result.end == ChildResult::End::kExited && result.code == 0 && is_result) return;
  if (is_result) {
    const bool is_pair = told.at("pipelines").at(0).contains("between");
    throw StopError(
        Differences(told),
        fmt::format("`syncline verify {0}` shows them, {1}", pipeline,
                    is_pair ? "the right state written on one side, with a new stamp, mends them"
                            : fmt::format("`syncline repair {}` mends them", pipeline)));
  }
  throw StopError(
      fmt::format("the comparison has ended with {} {}",
                  result.end == ChildResult::End::kExited ? "exit code" : "signal", result.code),
      "what it told on stderr says why");
}

}  // namespace syncline::cli
