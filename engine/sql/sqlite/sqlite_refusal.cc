#include "engine/sql/sqlite/sqlite_refusal.h"

#include <fmt/format.h>
#include <sqlite3.h>

namespace syncline::sql {
namespace {

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

std::optional<Refusal> SqliteRefusal(int code, std::string_view message) {
  const std::string place(FailedPart(message));
  switch (code) {
    case SQLITE_CONSTRAINT_NOTNULL:
      return Refusal{.kind = Refusal::Kind::kNotNull,
                     .reason = fmt::format("NOT NULL column {} holds NULL", ColumnOf(place)),
                     .column = ColumnOf(place)};
    case SQLITE_CONSTRAINT_CHECK:
      return Refusal{.kind = Refusal::Kind::kRule,
                     .reason = fmt::format("violates CHECK {}", place),
                     .constraint = place};
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return Refusal{.kind = Refusal::Kind::kUnique,
                     .reason = fmt::format("unique key {} is taken by another row", place),
                     .constraint = place};
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return Refusal{.kind = Refusal::Kind::kForeignKey, .reason = "a foreign key is not met"};
    case SQLITE_CONSTRAINT_TRIGGER:
      return Refusal{.kind = Refusal::Kind::kRule, .reason = "a trigger of the target refuses it"};
    default:
      break;
  }
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return Refusal{.kind = Refusal::Kind::kValue, .reason = std::string(message)};
    case SQLITE_TOOBIG:
      return Refusal{.kind = Refusal::Kind::kValue, .reason = "larger than SQLite allows"};
    default:
      return std::nullopt;
  }
}

}  // namespace syncline::sql
