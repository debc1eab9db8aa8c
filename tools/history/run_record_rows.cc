#include "tools/history/run_record_rows.h"

#include <fmt/format.h>

#include <charconv>
#include <functional>
#include <map>

#include "engine/base/error.h"
#include "engine/model/frame.h"

namespace syncline::cli {
namespace {

Error NotOurs(const std::string& what) {
  return DamageError(
      "runs.db is not a history of runs as Syncline writes it: " + what,
      "move it away; it is made anew, and no sync needs what it holds but for pauses: "
      "`syncline pause` sets them again");
}

template <typename Number>
Number Read(const Field& text) {
  Number number = 0;
  const std::string& digits = text.value_or("");
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    throw NotOurs("it holds something else where a number belongs");
  }
  return number;
}

}  // namespace

int64_t NumberOf(const Field& text) { return Read<int64_t>(text); }

WallTime TimeOf(const Field& text) {
  const WallTime time{Microseconds(Read<int64_t>(text))};
  if (!IsWriteTime(time)) throw NotOurs("it holds a time that no clock shows");
  return time;
}

RunRecord RunOf(const std::vector<Field>& row) {
  const auto number = [&](size_t i) { return Read<uint64_t>(row[i]); };
  const auto text = [&](size_t i) { return row[i].value_or(""); };
  return {.id = Read<int64_t>(row[0]),
          .pipeline = text(1),
          .kind = text(2),
          .state = RunStateOf(text(3)).value_or(RunState::kFailed),
          .started = TimeOf(row[5]),
          .ended = row[6] ? std::optional(TimeOf(row[6])) : std::nullopt,
          .scheduled = row[7] ? std::optional(TimeOf(row[7])) : std::nullopt,
          .missed = number(8),
          .counts = {.polls = number(9),
                     .captured = number(10),
                     .applied = number(11),
                     .written = number(12),
                     .newer = number(13),
                     .conflicts = number(14),
                     .refused = number(15)},
          .error = text(16)};
}

void CheckIsOurs(sql::Session& session) {
  const std::map<std::string, std::string, std::less<>> columns = {
      {"processes", "id,started"},
      {"runs",
       "id,pipeline,kind,state,process,started,ended,scheduled,missed,polls,captured,applied,"
       "written,newer,conflicts,refused,error"},
      {"paused", "pipeline,since"},
      {"firings", "pipeline,kind,at"},
      {"incidents", "pipeline,kind,since,error"},
      {"work", "part,name,process,once,since,ended"}};
  const auto objects = session.Query(
      "SELECT type, name, sql LIKE 'CREATE VIRTUAL%' FROM sqlite_master WHERE type <> 'index'");
  for (const auto& object : objects.rows) {
    const std::string name = object.at(1).value_or("");
    if (object.at(0) != "table" || object.at(2) == "1") {
      throw NotOurs(fmt::format("{} {} is in it", object.at(0).value_or("something"), name));
    }
    const auto known = columns.find(name);
    if (known == columns.end()) continue;
    const auto found = session.Query(
        "SELECT group_concat(name, ',') || ',', max(hidden) FROM "
        "(SELECT name, hidden FROM pragma_table_xinfo($1) ORDER BY cid)",
        {name});
    const bool is_ours = found.rows.at(0).at(0).value_or("").starts_with(known->second + ",");
    if (!is_ours || found.rows.at(0).at(1) != "0") {
      throw NotOurs(fmt::format("table {} has other columns", name));
    }
  }
}

}  // namespace syncline::cli
