#include "engine/sql/postgres/link/postgres_refusal.h"

#include <fmt/format.h>

namespace syncline::sql {
namespace {

using Kind = Refusal::Kind;

// 'invalid input syntax for type integer: "4711a"' -> 'invalid input syntax for type integer'.
std::string WithoutQuotedPart(std::string_view message) {
  const size_t first = message.find('"');
  const size_t last = message.rfind('"');
  if (first == last) return std::string(message);
  std::string rest(message.substr(0, first));
  rest += message.substr(last + 1);
  while (rest.ends_with(' ') || rest.ends_with(':')) rest.pop_back();
  if (const size_t gap = rest.find("  "); gap != std::string::npos) rest.erase(gap, 1);
  return rest;
}

std::string OfValue(const PostgresReport& report, std::string_view column) {
  const std::string where = column.empty() ? "" : fmt::format("column {}: ", column);
  if (report.code == "22021") return where + "text that is not valid UTF-8 or holds a zero byte";
  if (report.code == "22P05") {
    return where + "text with a character that the database's encoding lacks";
  }
  return where + WithoutQuotedPart(report.message);
}

// The server's own functions that report a row which a policy refuses, and what RAISE is given:
// unlike its messages, their names are not translated.
constexpr std::string_view kChecksPolicies = "ExecWithCheckOptions";
constexpr std::string_view kRaises = "exec_stmt_raise";

// Codes by which a trigger asks for another try: a lost connection, a deadlock, a lock, a server
// that has no room or stops.
bool MayGoAway(std::string_view code) {
  return code.starts_with("08") || code.starts_with("40") || code.starts_with("53") ||
         code.starts_with("55") || code.starts_with("57") || code.starts_with("58") ||
         code.starts_with("25");
}

}  // namespace

std::optional<Refusal> PostgresRefusal(const PostgresReport& report, std::string_view column) {
  Refusal refusal{.kind = Kind::kRule,
                  .reason = {},
                  .table = report.table,
                  .column = report.column.empty() ? std::string(column) : report.column,
                  .constraint = report.constraint};
  const std::string& code = report.code;
  if (code.starts_with("22") || code == "54000") {
    refusal.kind = Kind::kValue;
    refusal.reason = OfValue(report, refusal.column);
  } else if (code == "23502") {
    refusal.kind = Kind::kNotNull;
    refusal.reason = fmt::format("NOT NULL column {} holds NULL", refusal.column);
  } else if (code == "23503" || code == "23001") {
    refusal.kind = Kind::kForeignKey;
    refusal.reason =
        fmt::format("foreign key {} of table {} is not met", report.constraint, report.table);
  } else if (code == "23505") {
    refusal.kind = Kind::kUnique;
    refusal.reason = fmt::format("unique key {} is taken by another row", report.constraint);
  } else if (code == "23514" && report.constraint.empty()) {
    refusal.reason = "no partition of the table takes the row";
  } else if (code == "23514") {
    refusal.reason = fmt::format("violates CHECK {}", report.constraint);
  } else if (code == "23P01") {
    refusal.reason =
        fmt::format("exclusion constraint {} is taken by another row", report.constraint);
  } else if (code.starts_with("23")) {
    refusal.reason = fmt::format("violates constraint {}", report.constraint);
  } else if (code == "42501" && report.routine == kChecksPolicies) {
    refusal.reason = "a policy of the table's row security refuses the row";
  } else if (code == "P0001" || (report.routine == kRaises && !MayGoAway(code))) {
    refusal.reason = "a trigger or function of the target raises an exception";
  } else {
    return std::nullopt;
  }
  return refusal;
}

}  // namespace syncline::sql
