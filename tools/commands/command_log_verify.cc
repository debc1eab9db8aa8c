#include <fmt/format.h>

#include "engine/base/error.h"
#include "engine/log/log_care.h"
#include "engine/log/log_catalog.h"
#include "tools/commands/log_commands.h"
#include "tools/status/pipeline_status.h"
#include "tools/support/duration.h"
#include "tools/support/stop_signals.h"

namespace syncline::cli {
namespace {

constexpr Microseconds kTellEvery = std::chrono::seconds(2);

// The first damage, with what to do about it in the very words to type.
Error WithWayOut(const Error& damage, const LogVerification& found, const Invocation& invocation,
                 const std::string& source) {
  std::string way = LogCommand(invocation, "repair", source);
  if (found.base_damaged) {
    return DamageError("the log's base, which holds what was folded: " + damage.message(),
                       "restore a backup, or capture into a new folder");
  }
  if (found.whole) {
    way = fmt::format(
        "`{} --truncate-at {}` cuts it there, keeps the damaged one beside it, and "
        "what is missing is captured again",
        way, found.whole->value());
  } else {
    way = fmt::format("`{}` says what can be saved", way);
  }
  const std::string place =
      found.whole ? fmt::format("the log is whole up to offset {} of {}: ", found.whole->value(),
                                found.end.value())
                  : std::string();
  return DamageError(place + damage.message(), way + "; or restore a backup");
}

Json VerificationJson(const std::string& source, const LogVerification& found, Microseconds took) {
  Json json = {{"source", source},
               {"log_id", found.info.id.ToString()},
               {"epoch", found.info.epoch},
               {"begin", found.begin.value()},
               {"end", found.end.value()},
               {"whole_to", nullptr},
               {"frames", found.frames},
               {"changes", found.changes},
               {"cuts", found.cuts},
               {"row_bytes", found.row_bytes},
               {"base_entries", found.base_entries},
               {"files", found.files},
               {"file_bytes", found.file_bytes},
               {"seconds", static_cast<double>(took.count()) / 1e6},
               {"finished", found.finished},
               {"damage", nullptr}};
  if (found.whole) json["whole_to"] = found.whole->value();
  if (found.damage) json["damage"] = found.damage->message();
  return json;
}

int Verify(const Invocation& invocation, const std::string& named) {
  const Config config = invocation.Load();
  const std::string source = ChooseSource(config, named);
  const StopSignals signals;
  SystemClock clock;
  const Microseconds began = clock.Monotonic();
  Microseconds told = began;
  Terminal err(stderr);
  const auto logger = invocation.NewLogger();
  const LogVerification found =
      LogOf(config, source)
          ->care()
          .Verify(clock, signals.token(), [&](const LogVerification& so_far) {
            if (clock.Monotonic() - told < kTellEvery) return;
            told = clock.Monotonic();
            if (invocation.logs_json()) {
              logger->Info("verifying source={} offset={} end={} files={}", source,
                           so_far.whole.value_or(so_far.begin).value(), so_far.end.value(),
                           so_far.files);
              return;
            }
            err.Line(fmt::format("verifying: at offset {} of {}, {} files checked",
                                 FormatCount(so_far.whole.value_or(so_far.begin).value()),
                                 FormatCount(so_far.end.value()), FormatCount(so_far.files)));
          });
  const Microseconds took = clock.Monotonic() - began;
  if (invocation.json) invocation.Print(VerificationJson(source, found, took));
  if (found.damage) throw WithWayOut(*found.damage, found, invocation, source);
  if (invocation.json) return 0;
  Terminal out = invocation.Out();
  out.Line(source + ": " +
           (found.finished ? StyledText("whole", Style::kGood)
                           : StyledText("stopped before the end", Style::kWarn)));
  out.Line(fmt::format("  offsets {} to {}, {} frames, {} changes, {} of rows",
                       FormatCount(found.begin.value()), FormatCount(found.whole->value()),
                       FormatCount(found.frames), FormatCount(found.changes),
                       FormatBytes(found.row_bytes)));
  if (found.base_entries > 0) {
    out.Line(fmt::format("  base of {} rows", FormatCount(found.base_entries)));
  }
  out.Line(fmt::format("  {} files, {}, every block", FormatCount(found.files),
                       FormatBytes(found.file_bytes)));
  out.Line(fmt::format("  in {}", FormatDuration(took)));
  return 0;
}

}  // namespace

void AddLogVerify(Command& log, const Invocation& invocation) {
  auto source = std::make_shared<std::string>();
  Command& verify = log.AddCommand(
      "verify", "Read all of a log: every frame, every change, every block of every file");
  verify.AddOption("source", *source, "Source database; may be left out if there is one")
      .Type("DB");
  verify.Footer(R"(Exit code 4 when anything is damaged or missing, with the offset up to which the
log is whole and the command that would cut it there.

  syncline log verify shop)");
  verify.Runs([&invocation, source] { return Verify(invocation, *source); });
}

}  // namespace syncline::cli
