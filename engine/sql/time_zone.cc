#include "engine/sql/time_zone.h"

#include <algorithm>
#include <cctype>
#include <iterator>

namespace syncline::sql {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower;
}

}  // namespace

std::string ConfiguredZone(Session& session) {
  if (session.dialect() != Dialect::kPostgres) return "UTC";
  const auto found = session.Query(
      "SELECT reset_val FROM pg_catalog.pg_settings WHERE pg_catalog.lower(name) = 'timezone'");
  return found.rows.at(0).at(0).value_or("UTC");
}

bool IsUtc(std::string_view zone) {
  // The names and links of the IANA database, and what PostgreSQL calls an offset of 0.
  static constexpr std::string_view kNames[] = {"utc",       "uct",      "gmt",     "gmt0",
                                                "gmt+0",     "gmt-0",    "zulu",    "universal",
                                                "greenwich", "<+00>+00", "<+00>-00"};
  const std::string lower = Lower(zone);
  std::string_view name = lower;
  if (name.starts_with("etc/")) name.remove_prefix(4);
  return std::ranges::find(kNames, name) != std::end(kNames);
}

bool IsSameZone(std::string_view a, std::string_view b) {
  return Lower(a) == Lower(b) || (IsUtc(a) && IsUtc(b));
}

}  // namespace syncline::sql
