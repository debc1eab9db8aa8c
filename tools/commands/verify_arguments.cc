#include "tools/commands/verify_arguments.h"

#include <fmt/format.h>

#include <optional>

#include "engine/base/error.h"
#include "tools/support/duration.h"

namespace syncline::cli {

void VerifyArguments::AddTo(Command& command) {
  command.AddOption("--table", table, "Only this table, as the source names it").Type("T");
  command.AddOption("--wait", wait, "How long to wait for a target that does not move")
      .ShowsDefault()
      .Type("DURATION");
  command.AddOption("--by", by, "Compare all rows, or sums of them that PostgreSQL servers make")
      .OneOf({"rows", "sums"});
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
