#include "apply/plan/moment_fit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>

#include "engine/base/error.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"
#include "engine/sql/sql_dialect.h"
#include "engine/sql/time_zone.h"

namespace syncline::apply {
namespace {

using sql::Times;
using sql::TimesIn;

// One side of a column.
struct Side {
  Times times = Times::kNone;
  std::string zone;  // of kLocal
  std::string type;  // for people
  TableName table;
  std::string column;

  bool is_local() const { return times == Times::kLocal; }
  std::string clock() const { return is_local() ? zone : "UTC"; }
  std::string Tell() const {
    if (is_local()) return fmt::format("{}, local time of {}", type, zone);
    const bool has_zone = type.find("with time zone") != type.npos || type.starts_with("tstz");
    return has_zone ? type : type + ", read as UTC";
  }
};

std::string TypeName(const Column& column) {
  return column.native_type.empty() ? "of any type" : column.native_type;
}

// The statement that gives a local column its time zone; empty: of arrays and ranges there is none.
std::string AlterSql(const Side& side, Type type, Dialect dialect) {
  const bool has_zones = sql::ForDialect(dialect, sql::IfPostgres{true}, sql::IfSqlite{false});
  if (!has_zones) return "";
  if (type != Type::kDate && type != Type::kTimestamp) return "";
  const sql::Sql name = sql::Quote(side.column);
  return fmt::format("ALTER TABLE {} ALTER COLUMN {} TYPE timestamptz USING {}{} AT TIME ZONE {}",
                     sql::Quote(side.table).text(), name.text(), name.text(),
                     type == Type::kDate ? "::timestamp" : "",
                     sql::TextLiteral(side.zone, dialect).text());
}

class MomentFit {
 public:
  MomentFit(const ApplyPlan& plan, const TargetTimes& target, const LocalTimes& local)
      : plan_(plan), target_(target), local_(local) {}

  void Check() {
    for (uint32_t i = 0; i < plan_.columns.size(); ++i) CheckColumn(i);
    if (target_.flag && is_typed()) CheckFlag(*target_.flag);
  }

  std::vector<std::string> Assumptions() {
    std::vector<std::string> all;
    for (uint32_t i = 0; i < plan_.columns.size(); ++i) {
      std::string assumed = Assumption(i);
      if (!assumed.empty()) all.push_back(std::move(assumed));
    }
    return all;
  }

 private:
  // A source whose columns hold texts and numbers that stand for moments, whatever they are
  // declared as; and a target whose columns hold moments.
  bool is_from_file() const {
    return !sql::DialectOf(plan_.schema->dialect).can().has_typed_values;
  }
  bool is_typed() const { return sql::DialectOf(target_.dialect).can().has_typed_values; }

  // Whether the column's values decide which of two rows is the later one.
  bool IsStamp(uint32_t i) const {
    const bool compares =
        plan_.conflict == ConflictRule::kLatestWins || plan_.conflict == ConflictRule::kPrefer;
    return compares && plan_.IsCursor(i);
  }

  const std::string& SourceZone() {
    if (source_zone_.empty())
      source_zone_ = local_.zone.empty() ? local_.source_zone() : local_.zone;
    return source_zone_;
  }

  const std::string& TargetZone() {
    if (target_zone_.empty()) target_zone_ = local_.zone.empty() ? target_.zone() : local_.zone;
    return target_zone_;
  }

  Times SourceTimes(uint32_t i, bool is_stamp) const {
    const Column& to = target_.columns[i];
    const Times times = TimesIn(plan_.schema->columns[plan_.take[i]]);
    if (!is_from_file() && times != Times::kNone) return times;
    if (is_from_file() && (is_stamp || times == Times::kZoned)) return Times::kZoned;
    // A value that becomes a moment is one in UTC; of a date the day is copied that is written.
    const bool becomes_moment = is_typed() && to.type == Type::kTimestamp;
    if (!is_from_file()) return becomes_moment ? Times::kZoned : Times::kNone;
    // What is in a file is as the table's `zone` says, or else digits of a zone that nobody knows.
    const bool is_timed = times == Times::kLocal || (MayBeText(i) && TimesIn(to) != Times::kNone);
    if (is_timed && !local_.zone.empty()) return Times::kLocal;
    return becomes_moment && times == Times::kNone ? Times::kZoned : Times::kNone;
  }

  // Whether a column of a file that is not declared as one of times may hold them as texts.
  bool MayBeText(uint32_t i) const {
    const Type type = plan_.schema->columns[plan_.take[i]].type;
    return type == Type::kText || type == Type::kOther || type == Type::kNull;
  }

  // In words; empty: of this column nothing is assumed.
  std::string Assumption(uint32_t i) {
    const Column& from = plan_.schema->columns[plan_.take[i]];
    const Column& to = target_.columns[i];
    const Times source = TimesIn(from), target = TimesIn(to);
    if (!is_from_file()) {
      const bool becomes_stamp = !is_typed() && plan_.IsCursor(i);
      if (!becomes_stamp || source != Times::kLocal || sql::IsUtc(SourceZone())) return "";
      return fmt::format(
          "column {} holds local times of {}, and as the cursor of another pipeline "
          "the file's would be read as UTC",
          to.name, SourceZone());
    }
    if (!is_typed() || IsStamp(i) || !local_.zone.empty()) return "";
    if (target == Times::kZoned && source != Times::kZoned &&
        (source == Times::kLocal || MayBeText(i))) {
      return fmt::format("column {} has no time zone at the source: what names none is read as UTC",
                         from.name);
    }
    if (source != Times::kLocal || to.type != Type::kTimestamp || sql::IsUtc(TargetZone())) {
      return "";
    }
    return fmt::format(
        "column {} has no time zone at the source: of what names one, and of numbers, the target "
        "gets the time in UTC, and not in {}",
        from.name, TargetZone());
  }

  Times TimesOnTarget(uint32_t i, bool is_stamp) const {
    const Column& column = target_.columns[i];
    const bool is_text = !is_typed() || column.type == Type::kText;
    return is_text && is_stamp ? Times::kZoned : TimesIn(column);
  }

  struct Clash {
    Side source, target;
  };

  // Nothing where the column's values are one moment on both sides, or are copied as they stand.
  std::optional<Clash> FindClash(uint32_t i, bool is_stamp) {
    const Column& from = plan_.schema->columns[plan_.take[i]];
    const Column& to = target_.columns[i];
    Side source{SourceTimes(i, is_stamp), "", TypeName(from), plan_.schema->table, from.name};
    Side target{TimesOnTarget(i, is_stamp), "", TypeName(to), plan_.target, to.name};
    if (source.times == Times::kNone || target.times == Times::kNone) return {};
    // A SQLite column keeps the time zone that a text names, whatever it is declared as.
    if (!is_typed() && !source.is_local()) return {};
    if (source.times == target.times && !is_stamp) return {};
    if (source.is_local()) source.zone = SourceZone();
    if (target.is_local()) target.zone = TargetZone();
    const bool is_same = sql::IsSameZone(source.clock(), target.clock());
    const bool must_be_utc = is_stamp && local_.two_way;
    if (is_same && (!must_be_utc || sql::IsUtc(source.clock()))) return {};
    return Clash{std::move(source), std::move(target)};
  }

  void CheckColumn(uint32_t i) {
    const std::optional<Clash> clash = FindClash(i, IsStamp(i));
    if (!clash) return;
    const bool is_stamp = IsStamp(i);
    const bool may_win = is_stamp && !local_.two_way && !FindClash(i, false);
    Refuse(*clash, i, is_stamp, may_win);
  }

  // It is set from the cursor, where that is a time, or else from the clock.
  void CheckFlag(const Column& flag) {
    const Times times = TimesIn(flag);
    if (times == Times::kNone) return;
    const Times cursor = plan_.cursor ? TimesIn(target_.columns[*plan_.cursor]) : Times::kNone;
    if (times == (cursor == Times::kNone ? Times::kZoned : cursor)) return;
    if (sql::IsUtc(TargetZone())) return;
    throw UsageError(
        fmt::format("column {} of {} is {}, and the times of deletions that `on_delete` sets it to "
                    "are {}: in a database whose time zone is {} they would be other moments",
                    flag.name, plan_.target.ToString(), flag.native_type,
                    times == Times::kLocal ? "in UTC" : "without a time zone", TargetZone()),
        times == Times::kLocal
            ? "Let it be a timestamptz, a boolean or an integer; or state what the table's columns "
              "without a time zone hold, if that is UTC: `zone: UTC`."
            : "Let it be without a time zone like the cursor column, a boolean or an integer; or "
              "state what the table's columns without a time zone hold, if that is UTC: `zone: "
              "UTC`.");
  }

  // What to do, one of several. `may_win`: where the source always wins, nothing is in the way.
  std::vector<std::string> Ways(const Clash& clash, uint32_t i, bool may_win) const {
    const auto& [source, target] = clash;
    const bool two_way = local_.two_way;
    const bool is_alike = sql::IsSameZone(source.clock(), target.clock());
    const std::string again =
        two_way ? ", and then move the folders of both logs away (they are made anew)"
                : ", and then, unless all of the log was applied before, move its folder away (it "
                  "is made anew)";
    std::vector<std::string> ways;
    const auto alter = [&](const Side& side, Type type, Dialect dialect, const std::string& place,
                           const std::string& then) {
      if (!side.is_local()) return;
      if (sql::IsUtc(side.zone) && !is_alike) return;
      const std::string statement = AlterSql(side, type, dialect);
      if (!statement.empty()) ways.push_back(fmt::format("{} run: {}{}", place, statement, then));
    };
    alter(source, plan_.schema->columns[plan_.take[i]].type, plan_.schema->dialect, "at the source",
          again);
    alter(target, target_.columns[i].type, target_.dialect, "on the target", two_way ? again : "");
    ways.emplace_back(
        "if the columns without a time zone hold UTC, whatever the database says, state it: `zone: "
        "UTC` for the table, or ALTER DATABASE .. SET timezone = 'UTC'");
    if (source.is_local() && target.is_local() && !is_alike) {
      ways.push_back(fmt::format("if both sides hold times of one zone, `zone: {}` for the table",
                                 sql::IsUtc(source.zone) ? target.zone : source.zone));
    }
    if (may_win) ways.emplace_back("if nobody else writes to the target, `conflict: source_wins`");
    return ways;
  }

  [[noreturn]] void Refuse(const Clash& clash, uint32_t i, bool is_stamp, bool may_win) const {
    const auto& [source, target] = clash;
    const std::string why =
        sql::IsSameZone(source.clock(), target.clock())
            ? "in two directions stamps without a time zone are read as UTC, or the row that wins "
              "may be the older one"
        : is_stamp ? "which of two rows is the later one cannot be told by such stamps"
                   : "its values would be other moments there";
    throw UsageError(
        fmt::format(
            "column {} of {} is {} at the source, and column {} of {} is {} on the target: {}",
            source.column, source.table.ToString(), source.Tell(), target.column,
            target.table.ToString(), target.Tell(), why),
        fmt::format("One of these: {}", fmt::join(Ways(clash, i, may_win), "; or ")));
  }

  const ApplyPlan& plan_;
  const TargetTimes& target_;
  const LocalTimes& local_;
  std::string source_zone_, target_zone_;  // as far as they were asked for
};

}  // namespace

TargetTimes TimesOf(sql::Session& target, const ApplyPlan& plan, const sql::TableInfo& info) {
  TargetTimes times{
      .dialect = target.dialect(), .columns = plan.columns, .flag = {}, .zone = [&target] {
        return sql::ConfiguredZone(target);
      }};
  for (Column& column : times.columns) {
    const sql::ColumnInfo* const found = info.Find(column.name, target.dialect());
    if (found == nullptr) continue;
    column = found->column;
    if (found->generated) column.type = Type::kNull;  // the source's values do not get there
  }
  if (const sql::ColumnInfo* flag = info.Find(plan.flag, target.dialect()))
    times.flag = flag->column;
  return times;
}

void RefuseOtherMoments(const ApplyPlan& plan, const TargetTimes& target, const LocalTimes& local) {
  MomentFit(plan, target, local).Check();
}

std::vector<std::string> AssumedMoments(const ApplyPlan& plan, const TargetTimes& target,
                                        const LocalTimes& local) {
  return MomentFit(plan, target, local).Assumptions();
}

}  // namespace syncline::apply
