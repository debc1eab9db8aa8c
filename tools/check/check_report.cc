#include "tools/check/check_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

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
  findings_.push_back({Level::kPass, std::move(subject), std::move(message), {}});
}

void CheckReport::Warn(std::string subject, std::string message, std::string hint) {
  findings_.push_back({Level::kWarn, std::move(subject), std::move(message), std::move(hint)});
}

void CheckReport::Fail(std::string subject, std::string message, std::string hint, Cause cause) {
  findings_.push_back(
      {Level::kFail, std::move(subject), std::move(message), std::move(hint), cause});
}

void CheckReport::Fail(std::string subject, const Error& error) {
  Fail(std::move(subject), error.message(), error.hint(), error.cause());
}

void CheckReport::Add(std::vector<capture::CheckResult> findings) {
  std::ranges::move(findings, std::back_inserter(findings_));
}

size_t CheckReport::Count(Level level) const {
  return static_cast<size_t>(std::ranges::count(findings_, level, &capture::CheckResult::level));
}

void CheckReport::Print(Terminal& terminal) const {
  for (const capture::CheckResult& finding : findings_) {
    const StyledText level(NameOf(finding.level), StyleOf(finding.level));
    terminal.Lines(level + "  " + finding.subject + ": ", finding.message);
    if (!finding.hint.empty()) terminal.Lines("      hint: ", finding.hint);
  }
  terminal.Line();
  terminal.Line(fmt::format("{} passed, {} warned, {} failed", Count(Level::kPass),
                            Count(Level::kWarn), Count(Level::kFail)));
}

Json CheckReport::ToJson() const {
  Json checks = Json::array();
  for (const capture::CheckResult& finding : findings_) {
    checks.push_back({{"result", NameOf(finding.level)},
                      {"subject", finding.subject},
                      {"message", finding.message},
                      {"hint", finding.hint}});
  }
  return {{"checks", std::move(checks)},
          {"passed", Count(Level::kPass)},
          {"warned", Count(Level::kWarn)},
          {"failed", Count(Level::kFail)}};
}

int CheckReport::exit_code() const {
  int code = 0;
  for (const capture::CheckResult& finding : findings_) {
    if (finding.level != Level::kFail) continue;
    if (finding.cause == Cause::kUsage) return 2;
    code = 3;
  }
  return code;
}

}  // namespace syncline::cli
