#include "engine/sql/refusal.h"

#include <fmt/format.h>
#include <sqlite3.h>

namespace syncline::sql {
namespace {

using Kind = Refusal::Kind;

// 'invalid input syntax for type integer: "4711a"' -> 'invalid input syntax for type integer'.
std::string WithoutQuoted(std::string_view message) {
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
  return where + WithoutQuoted(report.message);
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

// What stands after "constraint failed: " in a message of SQLite.
std::string_view FailedPart(std::string_view message) {
  constexpr std::string_view kMark = "constraint failed: ";
  const size_t at = message.find(kMark);
  return at == std::string_view::npos ? std::string_view() : message.substr(at + kMark.size());
}

// items.name -> name
std::string ColumnOf(std::string_view place) {
  return std::string(place.substr(place.rfind('.') + 1));
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

std::optional<Refusal> SqliteRefusal(int code, std::string_view message) {
  const std::string place(FailedPart(message));
  switch (code) {
    case SQLITE_CONSTRAINT_NOTNULL:
      return Refusal{.kind = Kind::kNotNull,
                     .reason = fmt::format("NOT NULL column {} holds NULL", ColumnOf(place)),
                     .column = ColumnOf(place)};
    case SQLITE_CONSTRAINT_CHECK:
      return Refusal{.kind = Kind::kRule,
                     .reason = fmt::format("violates CHECK {}", place),
                     .constraint = place};
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return Refusal{.kind = Kind::kUnique,
                     .reason = fmt::format("unique key {} is taken by another row", place),
                     .constraint = place};
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return Refusal{.kind = Kind::kForeignKey, .reason = "a foreign key is not met"};
    case SQLITE_CONSTRAINT_TRIGGER:
      return Refusal{.kind = Kind::kRule, .reason = "a trigger of the target refuses it"};
    default:
      break;
  }
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return Refusal{.kind = Kind::kValue, .reason = std::string(message)};
    case SQLITE_TOOBIG:
      return Refusal{.kind = Kind::kValue, .reason = "larger than SQLite allows"};
    default:
      return std::nullopt;
  }
}

}  // namespace syncline::sql
