#include "tools/commands/verify_arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "engine/base/error.h"
#include "tools/support/duration.h"

namespace syncline::cli {

void VerifyArguments::AddTo(CLI::App& command) {
  command.add_option("--table", table, "Only this table, as the source names it")->type_name("T");
  command.add_option("--wait", wait, "How long to wait for a target that does not move")
      ->capture_default_str()
      ->type_name("DURATION");
  command.add_option("--by", by, "Compare all rows, or sums of them that PostgreSQL servers make")
      ->check(CLI::IsMember({"rows", "sums"}));
}

Verification::Options VerifyArguments::ToOptions() const {
  Verification::Options options;
  const std::optional<Microseconds> duration = ParseDuration(wait);
  if (!duration)
    throw UsageError(fmt::format("--wait must be {}, not \"{}\"", kDurationForms, wait));
  options.wait = *duration;
  if (!by.empty()) {
    options.by = by == "sums" ? TableComparison::By::kSums : TableComparison::By::kRows;
  }
  return options;
}

}  // namespace syncline::cli
