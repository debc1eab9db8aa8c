#include "capture/capture_cursor.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "capture/capture_stage.h"
#include "capture/tombstone_sql.h"
#include "engine/base/error.h"
#include "engine/model/value_text.h"

namespace syncline::capture {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;

std::string ToHex(const std::string& bytes) {
  std::string hex;
  for (const unsigned char byte : bytes) hex += fmt::format("{:02x}", byte);
  return hex;
}

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    unsigned byte = 0;
    const char* end = hex.data() + std::min(i + 2, hex.size());
    const auto [at, error] = std::from_chars(hex.data() + i, end, byte, 16);
    if (error != std::errc() || at != hex.data() + i + 2) throw std::invalid_argument("hex");
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

Json ReconciledToJson(const CaptureCursor::Table::Reconciled& reconciled) {
  Json json{{"begun", reconciled.begun_us}, {"under_way", reconciled.under_way}};
  if (reconciled.after) json["after"] = ToHex(reconciled.after->bytes());
  return json;
}

CaptureCursor::Table::Reconciled ReconciledFromJson(const Json& json) {
  CaptureCursor::Table::Reconciled reconciled;
  reconciled.begun_us = json.at("begun");
  reconciled.under_way = json.at("under_way").get<bool>();
  if (json.contains("after")) reconciled.after = Row::FromBytes(FromHex(json.at("after")));
  return reconciled;
}

Json TableToJson(const TableName& name, const CaptureCursor::Table& table) {
  Json json;
  json["schema"] = name.schema;
  json["name"] = name.name;
  json["loaded"] = table.loaded;
  json["definition"] = table.definition;
  if (!table.guarantee.empty()) json["guarantee"] = table.guarantee;
  if (table.after) json["after"] = ToHex(table.after->bytes());
  if (!table.seen.is_null()) {
    Row row;
    row.Append(table.seen);
    json["seen"] = ToHex(row.bytes());
  }
  if (table.reconciled) json["reconciled"] = ReconciledToJson(*table.reconciled);
  return json;
}

CaptureCursor::Table TableFromJson(const Json& json) {
  CaptureCursor::Table table;
  table.loaded = json.at("loaded").get<bool>();
  table.definition = json.at("definition").get<std::string>();
  if (json.contains("guarantee")) table.guarantee = json.at("guarantee");
  if (json.contains("after")) table.after = Row::FromBytes(FromHex(json.at("after")));
  if (json.contains("seen")) {
    const Row row = Row::FromBytes(FromHex(json.at("seen")));
    if (row.size() != 1) throw std::invalid_argument("seen");
    table.seen = Value(row[0]);
  }
  if (json.contains("reconciled")) table.reconciled = ReconciledFromJson(json.at("reconciled"));
  return table;
}

Json TicksToJson(const TickLedger& ledger) {
  Json json;
  json["last"] = ledger.last;
  json["server_started"] = ledger.server_started_us;
  if (ledger.recovered_us != 0) json["recovered"] = ledger.recovered_us;
  if (ledger.timeline != 0) json["timeline"] = ledger.timeline;
  if (ledger.snapshot_xmin != 0) json["xmin"] = ledger.snapshot_xmin;
  json["ticks"] = Json::array();
  for (const auto& [number, tick] : ledger.ticks) {
    Json entry{{"number", number}, {"clock", tick.clock_us}};
    if (!tick.marks.empty()) entry["marks"] = tick.marks;
    json["ticks"].push_back(std::move(entry));
  }
  json["running"] = Json::object();
  for (const auto& [name, tick] : ledger.running) json["running"][name] = tick;
  return json;
}

TickLedger TicksFromJson(const Json& json) {
  TickLedger ledger;
  ledger.last = json.at("last");
  ledger.server_started_us = json.at("server_started");
  if (json.contains("recovered")) ledger.recovered_us = json.at("recovered");
  if (json.contains("timeline")) ledger.timeline = json.at("timeline");
  if (json.contains("xmin")) ledger.snapshot_xmin = json.at("xmin");
  for (const Json& entry : json.at("ticks")) {
    Tick& tick = ledger.ticks[entry.at("number")];
    tick.clock_us = entry.at("clock");
    if (entry.contains("marks")) tick.marks = entry.at("marks");
  }
  for (const auto& [name, tick] : json.at("running").items()) {
    ledger.running[name] = tick;
    if (tick != 0 && !ledger.ticks.contains(tick)) throw std::out_of_range("running");
  }
  if (!ledger.ticks.contains(ledger.last)) throw std::out_of_range("last");
  return ledger;
}

std::string Moment(int64_t clock_us) { return ToText(Value(ValueView::TimestampTz(clock_us))); }

std::string DescribeTable(const TableName& name, const CaptureCursor::Table& table) {
  if (table.loaded) return name.ToString() + " loaded";
  if (!table.after) return name.ToString() + " to be loaded";
  std::string key;
  for (const ValueView value : *table.after) {
    key += (key.empty() ? "" : ", ") + (value.is_null() ? "NULL" : ToText(Value(value)));
  }
  return fmt::format("{} loading, done up to key ({})", name.ToString(), key);
}

}  // namespace

CaptureCursor CaptureCursor::Parse(const std::string& text) {
  CaptureCursor cursor;
  if (text.empty()) return cursor;
  try {
    const Json json = Json::parse(text);
    if (const int format = json.at("format"); format != kFormat) {
      throw StopError(
          fmt::format("the log's cursor has format {}; this program knows {}", format, kFormat),
          "use the version of Syncline that wrote the log, or a newer one");
    }
    for (const Json& entry : json.at("tables")) {
      cursor.tables[{entry.at("schema"), entry.at("name")}] = TableFromJson(entry);
    }
    if (json.contains("ticks")) cursor.ticks = TicksFromJson(json.at("ticks"));
  } catch (const Error&) {
    throw;
  } catch (const std::exception&) {
    throw DamageError(
        "the log's cursor cannot be read",
        "check the log with `syncline log verify`; capturing into a new log is always possible");
  }
  return cursor;
}

std::string CaptureCursor::ToString() const {
  Json json;
  json["format"] = kFormat;
  json["tables"] = Json::array();
  for (const auto& [name, table] : tables) json["tables"].push_back(TableToJson(name, table));
  if (ticks.last != 0) json["ticks"] = TicksToJson(ticks);
  return json.dump();
}

std::map<std::string, std::string> Guarantees(const std::string& cursor) {
  std::map<std::string, std::string> guarantees;
  try {
    for (const auto& [name, table] : CaptureCursor::Parse(cursor).tables) {
      if (!table.guarantee.empty()) guarantees[name.ToString()] = table.guarantee;
    }
  } catch (const Error&) {
    // Capture itself will say so.
  }
  return guarantees;
}

std::string DescribeCursor(const std::string& text) {
  if (text.empty()) return "nothing read yet";
  try {
    const CaptureCursor cursor = CaptureCursor::Parse(text);
    std::string out;
    for (const auto& [name, table] : cursor.tables) {
      if (IsTombstoneTable(name)) continue;
      out += (out.empty() ? "" : "; ") + DescribeTable(name, table);
    }
    const TickLedger& ledger = cursor.ticks;
    if (ledger.server_started_us == 0) return out;  // no PostgreSQL: nothing to tell of sessions
    out +=
        fmt::format("; tick {} at {}", ledger.last, Moment(ledger.ticks.at(ledger.last).clock_us));
    if (ledger.running.empty()) return out + ", no transaction was running";
    uint64_t oldest = ledger.last;
    for (const auto& [name, tick] : ledger.running) oldest = std::min(oldest, tick);
    return out + fmt::format(", {} transactions were running, the oldest of them since {}",
                             ledger.running.size(),
                             oldest == 0 ? "before the first tick"
                                         : Moment(ledger.ticks.at(oldest).clock_us));
  } catch (const Error& error) {
    return error.message();
  }
}

}  // namespace syncline::capture
