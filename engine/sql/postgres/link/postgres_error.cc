#include "engine/sql/postgres/link/postgres_error.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "engine/sql/postgres/link/postgres_refusal.h"

namespace syncline::sql {
namespace {

struct PostgresRule {
  std::string_view code;  // a SQLSTATE, or the beginning of one
  Reaction reaction;
  Cause cause;
  std::string_view hint;
};

constexpr std::string_view kIsThere =
    "Something of that name is in the database already: `syncline check` compares the tables with "
    "the configuration; give one of the two another name.";
constexpr std::string_view kOtherType =
    "A column is of another type than what comes: `syncline check` names it.";

// The first rule that fits counts.
constexpr PostgresRule kPostgresRules[] = {
    {"08", Reaction::kRetry, Cause::kEnvironment, "Syncline connects again by itself."},
    {"57P01", Reaction::kRetry, Cause::kEnvironment, "The server ended the session."},
    {"57P02", Reaction::kRetry, Cause::kEnvironment, "The server is restarting after a crash."},
    {"57P03", Reaction::kRetry, Cause::kEnvironment, "The server is starting up or shutting down."},
    {"57P05", Reaction::kRetry, Cause::kEnvironment, "idle_session_timeout ended the session."},
    {"57P04", Reaction::kStop, Cause::kEnvironment,
     "The database was dropped: correct the address, or make it anew with CREATE DATABASE."},
    {"25P03", Reaction::kRetry, Cause::kEnvironment,
     "idle_in_transaction_session_timeout ended the session."},
    {"25P04", Reaction::kRetry, Cause::kEnvironment,
     "transaction_timeout ended the session: raise it for this role: ALTER ROLE ... SET "
     "transaction_timeout."},
    {"57014", Reaction::kRetry, Cause::kEnvironment,
     "Somebody cancelled the statement, or statement_timeout did: then raise it for this role: "
     "ALTER ROLE ... SET statement_timeout."},
    {"53300", Reaction::kRetry, Cause::kEnvironment,
     "All connections that the server, the database or the role may have are in use: end idle "
     "sessions, or raise max_connections, or the CONNECTION LIMIT of the database or the role."},
    {"53100", Reaction::kRetry, Cause::kEnvironment,
     "Make room on the server's disk; Syncline goes on by itself then."},
    {"53", Reaction::kRetry, Cause::kEnvironment,
     "The server is short of memory or another resource."},
    {"40", Reaction::kRestart, Cause::kRuntime,
     "Others changed the same rows; the work starts over."},
    {"55P03", Reaction::kRestart, Cause::kRuntime,
     "Another session holds the lock (pg_stat_activity tells which); the work starts over. "
     "lock_timeout is how long it is waited for: ALTER ROLE ... SET lock_timeout."},
    {"28", Reaction::kStop, Cause::kEnvironment,
     "Check the user and the password in the address (or PGPASSWORD, ~/.pgpass), and the server's "
     "pg_hba.conf."},
    {"3D000", Reaction::kStop, Cause::kEnvironment,
     "Check the database's name in the address, or make it with CREATE DATABASE."},
    {"42501", Reaction::kStop, Cause::kEnvironment,
     "As the owner or a superuser, GRANT the missing privilege to the user in the address; where "
     "row-level security is what refuses, give the role BYPASSRLS: `syncline check` names the "
     "table and its policies."},
    {"25006", Reaction::kRetry, Cause::kEnvironment,
     "The server is a standby, or default_transaction_read_only is on (some providers set it when "
     "a disk is nearly full); Syncline goes on when it may write again. If it stays so, give the "
     "primary's address; one that names all hosts finds it by target_session_attrs=read-write."},
    {"22021", Reaction::kStop, Cause::kRuntime,
     "The text is not valid UTF-8, or holds a zero byte."},
    {"22", Reaction::kStop, Cause::kRuntime, "A value does not fit the column's type."},
    {"23", Reaction::kStop, Cause::kRuntime, "A row breaks a rule of the table."},
    {"42P07", Reaction::kStop, Cause::kRuntime, kIsThere},
    {"42701", Reaction::kStop, Cause::kRuntime, kIsThere},
    {"42710", Reaction::kStop, Cause::kRuntime, kIsThere},
    {"42704", Reaction::kStop, Cause::kRuntime,
     "A type, a collation or another object that the statement names is not in this database: make "
     "it there, in the schema that the message names; `syncline check` tells which columns need "
     "it."},
    {"42804", Reaction::kStop, Cause::kRuntime, kOtherType},
    {"42846", Reaction::kStop, Cause::kRuntime, kOtherType},
    {"42", Reaction::kStop, Cause::kRuntime,
     "What the statement names is not there (any more), or is of another kind: `syncline check` "
     "compares the tables with the configuration."},
    {"54", Reaction::kStop, Cause::kRuntime,
     "A value, a row or an index entry is larger than the server allows."},
    {"P0", Reaction::kStop, Cause::kRuntime, "A trigger or a function of the database refused it."},
    {"58030", Reaction::kRetry, Cause::kEnvironment,
     "The server's disk did not do what it was asked: see the server's log."},
    {"58", Reaction::kStop, Cause::kEnvironment,
     "The server has trouble with its files: see its log."},
    {"XX001", Reaction::kDamage, Cause::kEnvironment, "The database's own files are damaged."},
    {"XX002", Reaction::kDamage, Cause::kEnvironment,
     "An index of the database is damaged: REINDEX."},
    {"XX", Reaction::kStop, Cause::kEnvironment,
     "The server met an error of its own: see its log."},
    {"", Reaction::kStop, Cause::kRuntime, ""},
};

struct PostgresCondition {
  std::string_view code;  // a SQLSTATE
  Condition condition;
};

constexpr PostgresCondition kPostgresConditions[] = {
    {"23505", Condition::kUniqueViolation}, {"3D000", Condition::kNoSuchDatabase},
    {"3F000", Condition::kNoSuchRelation},  {"40P01", Condition::kDeadlock},
    {"42501", Condition::kNoPrivilege},     {"42704", Condition::kNoSuchObject},
    {"42883", Condition::kNoSuchObject},    {"42P01", Condition::kNoSuchRelation},
    {"42P10", Condition::kNoMatchingKey},   {"55000", Condition::kWrongState},
    {"55P03", Condition::kLockTimeout},     {"57P04", Condition::kNoSuchDatabase},
};

Condition ConditionOf(const PostgresReport& report) {
  // Of DDL that two sessions run at the same time; the server has no other name for it.
  if (report.code == "XX000" && report.message.find("tuple concurrently") != std::string::npos) {
    return Condition::kMadeByOthers;
  }
  const auto known = std::ranges::find(kPostgresConditions, report.code, &PostgresCondition::code);
  return known == std::end(kPostgresConditions) ? Condition::kOther : known->condition;
}

const PostgresRule& RuleFor(std::string_view code) {
  for (const PostgresRule& rule : kPostgresRules) {
    if (code.starts_with(rule.code)) return rule;
  }
  return kPostgresRules[std::size(kPostgresRules) - 1];
}

// 'invalid input syntax for type integer: "4711a"' -> 'invalid input syntax for type integer:
// "..."'. From the first quote to the last, as the value may hold quotes itself.
std::string WithoutQuoted(std::string_view message) {
  const size_t first = message.find('"');
  const size_t last = message.rfind('"');
  if (first == last) return std::string(message);
  return std::string(message.substr(0, first)) + "\"...\"" + std::string(message.substr(last + 1));
}

// Where a COPY failed, from its context: `COPY items, line 3, column price: "..."`. What follows
// may be the text of the row and is not looked at.
struct CopyPlace {
  uint64_t line = 0;
  std::string_view column;
};

CopyPlace PlaceIn(std::string_view context) {
  constexpr std::string_view kLine = ", line ";
  constexpr std::string_view kColumn = ", column ";
  CopyPlace place;
  const size_t at = context.find(kLine);
  if (!context.starts_with("COPY ") || at == std::string_view::npos) return place;
  const char* const end = context.data() + context.size();
  const char* const rest = std::from_chars(context.data() + at + kLine.size(), end, place.line).ptr;
  context = std::string_view(rest, static_cast<size_t>(end - rest));
  if (context.starts_with(kColumn)) {
    context.remove_prefix(kColumn.size());
    place.column = context.substr(0, context.find(": "));
  }
  return place;
}

// The function that an error came out of, as the context names it: `PL/pgSQL function public.f()
// line 3 at ..`, `SQL function "f" ..`; empty: of none.
std::string_view FunctionIn(std::string_view context) {
  constexpr std::string_view kPlpgsql = "PL/pgSQL function ";
  constexpr std::string_view kSql = "SQL function \"";
  while (!context.empty()) {
    std::string_view line = context.substr(0, context.find('\n'));
    context.remove_prefix(std::min(context.size(), line.size() + 1));
    if (line.starts_with(kPlpgsql)) {
      line.remove_prefix(kPlpgsql.size());
      return line.substr(0, line.rfind(" line "));
    }
    if (line.starts_with(kSql)) {
      line.remove_prefix(kSql.size());
      return line.substr(0, line.rfind('"'));
    }
  }
  return {};
}

bool IsNotFound(Condition condition) {
  return condition == Condition::kNoSuchRelation || condition == Condition::kNoSuchObject;
}

// A function that relies on a search_path that our sessions do not have.
std::string PathHint(std::string_view function) {
  std::string hint = "Function ";
  hint.append(function).append(
      " finds by a search_path what it names without a schema, and Syncline's sessions have none. "
      "Give it its own: ALTER FUNCTION ");
  return hint.append(function).append(
      " SET search_path = public, pg_temp; (or the schemas that it is written for). `syncline "
      "check` names all functions that may need it.");
}

}  // namespace

Error TranslatePostgresError(const PostgresReport& report, std::string_view where) {
  const PostgresRule& rule = RuleFor(report.code);
  std::string message(where);
  message += ": ";
  message += report.code.starts_with("22") ? WithoutQuoted(report.message) : report.message;
  const auto name = [&message](std::string_view what, std::string_view which) {
    if (which.empty()) return;
    message.append(", ").append(what).append(" ").append(which);
  };
  // Messages of class 23 name their objects themselves, save for the table of some.
  if (report.code.starts_with("23")) {
    name("table", report.schema.empty() ? report.table : report.schema + "." + report.table);
  }
  const std::string_view column = PlaceIn(report.context).column;
  name("column", column);
  std::string hint(rule.hint);
  const Condition condition = ConditionOf(report);
  if (IsNotFound(condition)) {
    if (const auto function = FunctionIn(report.context); !function.empty()) {
      hint = PathHint(function);
    }
  }
  Error error(rule.reaction, rule.cause, std::move(message), std::move(hint), report.code,
              condition);
  if (auto refusal = PostgresRefusal(report, column)) error.SetRefusal(*std::move(refusal));
  return error;
}

uint64_t CopyLine(const PostgresReport& report) { return PlaceIn(report.context).line; }

}  // namespace syncline::sql
