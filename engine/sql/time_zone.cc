#include "engine/sql/time_zone.h"

#include <algorithm>
#include <cctype>
#include <iterator>

#include "engine/sql/sql_dialect.h"

namespace syncline::sql {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower;
}

// Whether two zones that the server knows show the same time in every hour from 1970 to 2037.
// Looked at is each midnight of UTC, and each hour of the days on which the first one is set
// forward or back; the server stops at the first that differs.
bool ShowTheSame(Session& session, const std::string& a, const std::string& b) {
  const auto differs = session.Query(
      "SELECT 1 FROM (SELECT pg_catalog.to_timestamp(86400.0 * "
      "pg_catalog.generate_series(0, 24836)) AS day) AS days, "
      "LATERAL (SELECT day + hour * interval '1 hour' AS moment FROM pg_catalog.generate_series(0, "
      "CASE WHEN pg_catalog.timezone($1::text, day + interval '24 hours') - "
      "pg_catalog.timezone($1::text, day) = interval '24 hours' THEN 0 ELSE 23 END) AS hour) AS h "
      "WHERE pg_catalog.timezone($1::text, moment) <> pg_catalog.timezone($2::text, moment) "
      "LIMIT 1",
      {a, b});
  return differs.rows.empty();
}

// One that no server calls invalid: a name, or an offset such as +00:00.
bool LooksLikeAZone(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("/_+-:<>").find(c) != std::string_view::npos;
  });
}

}  // namespace

std::string ConfiguredZone(Session& session) {
  if (!DialectOf(session).can().has_time_zones) return "UTC";
  const auto found = session.Query(
      "SELECT reset_val FROM pg_catalog.pg_settings WHERE pg_catalog.lower(name) = 'timezone'");
  std::string zone = found.rows.at(0).at(0).value_or("UTC");
  if (!IsUtc(zone) && LooksLikeAZone(zone) && ShowTheSame(session, zone, "UTC")) return "UTC";
  return zone;
}

std::string OwnNameOf(const std::string& zone, Session& session) {
  const std::string own = ConfiguredZone(session);
  if (IsSameZone(zone, own)) return own;
  if (!DialectOf(session).can().has_time_zones || IsUtc(zone) || IsUtc(own)) return zone;
  // A name that the server does not know would end a transaction.
  const auto known = session.Query(
      "SELECT count(*) FROM pg_catalog.pg_timezone_names "
      "WHERE pg_catalog.lower(name) IN (pg_catalog.lower($1::text), pg_catalog.lower($2::text))",
      {zone, own});
  return known.rows.at(0).at(0) == "2" && ShowTheSame(session, zone, own) ? own : zone;
}

Times TimesIn(const Column& column) {
  switch (column.type) {
    case Type::kDate:
    case Type::kTimestamp:
      return Times::kLocal;
    case Type::kTimestampTz:
      return Times::kZoned;
    case Type::kOther:
      break;
    default:
      return Times::kNone;
  }
  const std::string_view type = column.native_type;
  if (type.starts_with("tstz")) return Times::kZoned;
  if (type.starts_with("timestamp")) {
    return type.find(" with time zone") != type.npos ? Times::kZoned : Times::kLocal;
  }
  const bool is_local = type == "date[]";
  return is_local || type.starts_with("tsrange") || type.starts_with("tsmultirange") ||
                 type.starts_with("daterange") || type.starts_with("datemultirange")
             ? Times::kLocal
             : Times::kNone;
}

bool IsUtc(std::string_view zone) {
  // The names and links of the IANA database, and what PostgreSQL calls an offset of 0.
  static constexpr std::string_view kNames[] = {
      "utc",       "uct",       "gmt",      "gmt0",     "gmt+0",  "gmt-0",  "utc0", "zulu",
      "universal", "greenwich", "<+00>+00", "<+00>-00", "+00:00", "-00:00", "0"};
  const std::string lower = Lower(zone);
  std::string_view name = lower;
  if (name.starts_with("posix/")) name.remove_prefix(6);
  if (name.starts_with("etc/")) name.remove_prefix(4);
  return std::ranges::find(kNames, name) != std::end(kNames);
}

bool IsSameZone(std::string_view a, std::string_view b) {
  return Lower(a) == Lower(b) || (IsUtc(a) && IsUtc(b));
}

}  // namespace syncline::sql
