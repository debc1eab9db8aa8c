#include "tools/check_report.h"

#include <fmt/format.h>

#include <algorithm>

namespace syncline::cli {
namespace {

using Level = CheckReport::Level;

std::string_view NameOf(Level level) {
  switch (level) {
    case Level::kPass:
      return "pass";
    case Level::kWarn:
      return "warn";
    case Level::kFail:
      return "fail";
  }
  return "";
}

Style StyleOf(Level level) {
  if (level == Level::kPass) return Style::kGood;
  return level == Level::kWarn ? Style::kWarn : Style::kBad;
}

}  // namespace

void CheckReport::Pass(std::string subject, std::string message) {
  entries_.push_back({{Level::kPass, std::move(subject), std::move(message), {}}, Cause::kRuntime});
}

void CheckReport::Warn(std::string subject, std::string message, std::string hint) {
  entries_.push_back(
      {{Level::kWarn, std::move(subject), std::move(message), std::move(hint)}, Cause::kRuntime});
}

void CheckReport::Fail(std::string subject, std::string message, std::string hint, Cause cause) {
  entries_.push_back(
      {{Level::kFail, std::move(subject), std::move(message), std::move(hint)}, cause});
}

void CheckReport::Fail(std::string subject, const Error& error) {
  Fail(std::move(subject), error.message(), error.hint(), error.cause());
}

void CheckReport::Add(std::vector<capture::Finding> findings, Cause cause) {
  for (capture::Finding& finding : findings) entries_.push_back({std::move(finding), cause});
}

size_t CheckReport::Count(Level level) const {
  return static_cast<size_t>(
      std::count_if(entries_.begin(), entries_.end(),
                    [level](const Entry& entry) { return entry.finding.level == level; }));
}

void CheckReport::Print(Terminal& terminal) const {
  for (const Entry& entry : entries_) {
    const capture::Finding& finding = entry.finding;
    terminal.Line(fmt::format("{}  {}: {}",
                              terminal.Paint(StyleOf(finding.level), NameOf(finding.level)),
                              finding.subject, finding.message));
    if (!finding.hint.empty()) terminal.Line("      hint: " + finding.hint);
  }
  terminal.Line(fmt::format("\n{} passed, {} warned, {} failed", Count(Level::kPass),
                            Count(Level::kWarn), Count(Level::kFail)));
}

Json CheckReport::ToJson() const {
  Json checks = Json::array();
  for (const Entry& entry : entries_) {
    checks.push_back({{"result", NameOf(entry.finding.level)},
                      {"subject", entry.finding.subject},
                      {"message", entry.finding.message},
                      {"hint", entry.finding.hint}});
  }
  return {{"checks", std::move(checks)},
          {"passed", Count(Level::kPass)},
          {"warned", Count(Level::kWarn)},
          {"failed", Count(Level::kFail)}};
}

int CheckReport::exit_code() const {
  int code = 0;
  for (const Entry& entry : entries_) {
    if (entry.finding.level != Level::kFail) continue;
    if (entry.cause == Cause::kUsage) return 2;
    code = 3;
  }
  return code;
}

}  // namespace syncline::cli
