#include "tools/support/log_line.h"

#include <fmt/format.h>

#include "engine/model/value_text.h"
#include "tools/support/duration.h"

namespace syncline::cli {
namespace {

// Strings in quotes, so that NULL and an empty text differ.
std::string Shown(ValueView value) {
  if (value.is_null()) return "NULL";
  if (value.type() == Type::kText || value.type() == Type::kOther || value.type() == Type::kJson) {
    return "\"" + Printable(value.as_string()) + "\"";
  }
  return Printable(ToText(value));
}

std::string NodeText(NodeId node) { return fmt::format("{:016x}", node); }

// The time, and where a user made the state.
std::string ClockText(const RowClock& clock) {
  return fmt::format("{}@{}", ToText(ValueView::TimestampTz(clock.time)), NodeText(clock.origin));
}

}  // namespace

std::string_view OpName(Op op) {
  switch (op) {
    case Op::kUpsert:
      return "upsert";
    case Op::kDelete:
      return "delete";
    case Op::kMark:
      return "mark";
  }
  return "";
}

bool PassesTable(const ChangeFilter& filter, const TableName& table) {
  return filter.table.empty() || table.ToString() == filter.table || table.name == filter.table;
}

bool Passes(const ChangeFilter& filter, const LoggedChange& logged) {
  if (filter.table.empty() && filter.key.empty()) return true;
  const TableSchema* schema = logged.schema();
  if (schema == nullptr) return false;
  if (!PassesTable(filter, schema->table)) return false;
  if (filter.key.empty()) return true;
  const Row key = KeyOf(*schema, logged.change());
  if (key.size() != filter.key.size()) return false;
  size_t index = 0;
  for (ValueView value : key) {
    if (value.is_null() || ToText(value) != filter.key[index++]) return false;
  }
  return true;
}

Json LineJson(const LoggedChange& logged) {
  const Change& change = logged.change();
  const TableSchema* schema = logged.schema();
  Json json = {{"offset", logged.offset().value()}, {"op", OpName(change.op)}};
  json["table"] = schema ? Json(schema->table.ToString()) : Json();
  json["key"] = schema ? KeyJson(*schema, KeyOf(*schema, change)) : Json();
  json["row"] = change.op == Op::kUpsert ? RowJson(*schema, change.row) : Json();
  json["version"] = ToJson(change.version);
  json["previous"] = change.previous ? ToJson(*change.previous) : Json();
  if (change.lineage) {
    json["clock"] = ClockText(change.lineage->clock);
    // The node that it was applied from.
    json["via"] = change.lineage->via == 0 ? Json() : Json(NodeText(change.lineage->via));
  }
  json["closes_cut"] = logged.closes_cut();
  json["frame"] = logged.base ? Json() : Json(logged.frame.header.base.value());
  json["written_at"] = logged.base ? Json() : Json(FormatTime(logged.frame.header.written_at));
  if (logged.base) json["folded_at"] = logged.base->as_of.value();
  return json;
}

std::string LineWithout(const LoggedChange& logged, const std::vector<std::string>& omit) {
  Json json = LineJson(logged);
  for (const std::string& column : omit) {
    if (json["row"].is_object()) json["row"].erase(column);
  }
  return Dump(json);
}

StyledText LineText(const LoggedChange& logged) {
  const Change& change = logged.change();
  const TableSchema* schema = logged.schema();
  StyledText text(fmt::format("{:>8}", logged.offset().value()), Style::kBold);
  text += " ";
  text += {logged.base ? "folded" : FormatTime(logged.frame.header.written_at), Style::kDim};
  text += fmt::format(" {}", OpName(change.op));
  if (schema != nullptr) {
    text += " ";
    text += {schema->table.ToString(), Style::kGood};
    size_t index = 0;
    for (ValueView value : change.row) {
      const size_t column = change.op == Op::kUpsert ? index : schema->key[index];
      text += fmt::format(" {}={}", schema->columns[column].name, Shown(value));
      ++index;
    }
  }
  if (change.previous) {
    text += {fmt::format("  after {}", Shown(*change.previous)), Style::kDim};
  }
  if (change.lineage) {
    const char* by = change.lineage->via == 0 ? "by a user" : "applied";
    text += {fmt::format("  {}, clock {}", by, ClockText(change.lineage->clock)), Style::kDim};
  }
  if (logged.base) {
    text += {fmt::format("  older states were folded at offset {}", logged.base->as_of.value()),
             Style::kDim};
  }
  if (logged.closes_cut()) text += {"  | cut", Style::kDim};
  return text;
}

}  // namespace syncline::cli
