#include "capture/cursor/capture_cursor.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/json.h"

namespace syncline::capture {
namespace {

using Kind = sql::TableInfo::Kind;

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

std::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kTable:
      return "table";
    case Kind::kPartitioned:
      return "partitioned";
    case Kind::kView:
      return "view";
    case Kind::kForeign:
      return "foreign";
  }
  return "";
}

Kind KindNamed(std::string_view name) {
  for (const Kind kind : {Kind::kTable, Kind::kPartitioned, Kind::kView, Kind::kForeign}) {
    if (name == KindName(kind)) return kind;
  }
  throw std::invalid_argument("kind");
}

Json ReconciledToJson(const CaptureCursor::Table::Reconciled& reconciled) {
  Json json{{"begun", reconciled.begun_us}, {"under_way", reconciled.under_way}};
  if (reconciled.after) json["after"] = ToHex(reconciled.after->bytes());
  if (reconciled.rows != 0) json["rows"] = reconciled.rows;
  if (reconciled.gone != 0) json["gone"] = reconciled.gone;
  if (reconciled.counted) json["counted"] = *reconciled.counted;
  return json;
}

CaptureCursor::Table::Reconciled ReconciledFromJson(const Json& json) {
  CaptureCursor::Table::Reconciled reconciled;
  reconciled.begun_us = json.at("begun").get<int64_t>();
  reconciled.under_way = json.at("under_way").get<bool>();
  if (json.contains("after"))
    reconciled.after = Row::FromBytes(FromHex(json.at("after").get<std::string>()));
  reconciled.rows = json.value("rows", uint64_t{0});
  reconciled.gone = json.value("gone", uint64_t{0});
  if (json.contains("counted")) reconciled.counted = json.at("counted").get<uint64_t>();
  return reconciled;
}

Json TableToJson(const TableName& name, const CaptureCursor::Table& table) {
  Json json;
  json["schema"] = name.schema;
  json["name"] = name.name;
  json["loaded"] = table.loaded;
  json["definition"] = table.definition;
  if (table.method != CaptureMethod::kCursor) json["capture"] = std::string(NameOf(table.method));
  if (table.guarantee) {
    json["guarantee"] = std::string(NameOf(table.guarantee->kind));
    json["reason"] = table.guarantee->reason;
    if (!table.guarantee->remedy.empty()) json["remedy"] = table.guarantee->remedy;
  }
  if (table.after) json["after"] = ToHex(table.after->bytes());
  if (!table.seen.is_null()) {
    Row row;
    row.Append(table.seen);
    json["seen"] = ToHex(row.bytes());
  }
  if (!table.forms.empty()) json["forms"] = table.forms.names();
  if (table.reconciled) json["reconciled"] = ReconciledToJson(*table.reconciled);
  for (const auto& [key, bytes] : table.too_large) json["too_large"][ToHex(key)] = bytes;
  for (const auto& [key, row] : table.unreadable) {
    json["unreadable"][ToHex(key)] = {row.why, row.key_is_known};
  }
  if (table.owes_deletions) json["replaced"] = true;
  if (table.renamed) json["renamed"] = true;
  if (table.kind) json["kind"] = std::string(KindName(*table.kind));
  return json;
}

// The mark stands on a line of its own: it is long where there are many columns or partitions, and
// stays as it is while the rest goes on with every poll.
std::string TableText(const TableName& name, const CaptureCursor::Table& table) {
  std::string text = TableToJson(name, table).dump();
  if (const TableMark& mark = table.mark; mark != TableMark()) {
    text.back() = ',';
    Json parts{mark.object, mark.files, mark.columns};
    if (!mark.labels.empty()) parts.push_back(mark.labels);
    text += "\n\"mark\":" + parts.dump() + "}";
  }
  return text;
}

CaptureCursor::Table TableFromJson(const Json& json) {
  CaptureCursor::Table table;
  table.loaded = json.at("loaded").get<bool>();
  table.definition = json.at("definition").get<std::string>();
  if (json.contains("capture")) {
    const auto method = CaptureMethodNamed(json.at("capture").get<std::string>());
    if (!method) throw std::invalid_argument("capture");
    table.method = *method;
  }
  if (json.contains("guarantee")) {
    // A class that a later version knows counts as none.
    if (const auto kind = GuaranteeClassNamed(json.at("guarantee").get<std::string>())) {
      table.guarantee = {*kind, json.value("reason", std::string()),
                         json.value("remedy", std::string())};
    }
  }
  if (json.contains("after"))
    table.after = Row::FromBytes(FromHex(json.at("after").get<std::string>()));
  if (json.contains("seen")) {
    const Row row = Row::FromBytes(FromHex(json.at("seen").get<std::string>()));
    if (row.size() != 1) throw std::invalid_argument("seen");
    table.seen = Value(row[0]);
  }
  if (json.contains("forms"))
    table.forms = StampForms::Of(json.at("forms").get<std::vector<std::string>>());
  if (json.contains("reconciled")) table.reconciled = ReconciledFromJson(json.at("reconciled"));
  if (json.contains("too_large")) {
    for (const auto& [key, bytes] : json.at("too_large").items()) {
      table.too_large[Row::FromBytes(FromHex(key)).bytes()] = bytes.get<uint64_t>();
    }
  }
  if (json.contains("unreadable")) {
    for (const auto& [key, row] : json.at("unreadable").items()) {
      table.unreadable[Row::FromBytes(FromHex(key)).bytes()] = {row.at(0).get<std::string>(),
                                                                row.at(1).get<bool>()};
    }
  }
  if (json.contains("mark")) {
    const Json& mark = json.at("mark");
    table.mark = {.object = mark.at(0).get<std::string>(),
                  .files = mark.at(1).get<std::string>(),
                  .columns = mark.at(2).get<std::string>()};
    if (mark.size() > 3) table.mark.labels = mark.at(3).get<std::string>();
  }
  table.owes_deletions = json.value("replaced", false);
  table.renamed = json.value("renamed", false);
  if (json.contains("kind")) table.kind = KindNamed(json.at("kind").get<std::string>());
  return table;
}

// Lists stand with one entry a line: the log stores what changes from one cursor to the next, line
// by line.
std::string OnLines(const std::vector<std::string>& entries) {
  return fmt::format("\n{}\n", fmt::join(entries, ",\n"));
}

// {} or {"name":number,..}
template <typename Number>
std::string NumbersByName(const std::map<std::string, Number>& numbers) {
  if (numbers.empty()) return "{}";
  std::vector<std::string> entries;
  for (const auto& [name, number] : numbers) {
    entries.push_back(fmt::format("{}:{}", Json(name).dump(), number));
  }
  return "{" + OnLines(entries) + "}";
}

std::string TicksText(const TickLedger& ledger) {
  std::string text =
      fmt::format(R"({{"last":{},"server_started":{})", ledger.last, ledger.server_started_us);
  if (ledger.recovered_us != 0) text += fmt::format(R"(,"recovered":{})", ledger.recovered_us);
  if (ledger.timeline != 0) text += fmt::format(R"(,"timeline":{})", ledger.timeline);
  if (ledger.snapshot_xmin != 0) text += fmt::format(R"(,"xmin":{})", ledger.snapshot_xmin);
  std::vector<std::string> ticks;
  for (const auto& [number, tick] : ledger.ticks) {
    ticks.push_back(fmt::format(R"({{"number":{},"clock":{})", number, tick.clock_us));
    if (!tick.marks.empty()) ticks.back() += R"(,"marks":)" + NumbersByName(tick.marks);
    ticks.back() += "}";
  }
  return text + R"(,"ticks":[)" + OnLines(ticks) + R"(],"running":)" +
         NumbersByName(ledger.running) + "}";
}

TickLedger TicksFromJson(const Json& json) {
  TickLedger ledger;
  ledger.last = json.at("last").get<uint64_t>();
  ledger.server_started_us = json.at("server_started").get<int64_t>();
  if (json.contains("recovered")) ledger.recovered_us = json.at("recovered").get<int64_t>();
  if (json.contains("timeline")) ledger.timeline = json.at("timeline").get<uint32_t>();
  if (json.contains("xmin")) ledger.snapshot_xmin = json.at("xmin").get<uint64_t>();
  for (const Json& entry : json.at("ticks")) {
    Tick& tick = ledger.ticks[entry.at("number").get<uint64_t>()];
    tick.clock_us = entry.at("clock").get<int64_t>();
    if (entry.contains("marks")) tick.marks = entry.at("marks").get<decltype(tick.marks)>();
  }
  for (const auto& [name, number] : json.at("running").items()) {
    const auto tick = number.get<uint64_t>();
    ledger.running[name] = tick;
    if (tick != 0 && !ledger.ticks.contains(tick)) throw std::out_of_range("running");
  }
  if (!ledger.ticks.contains(ledger.last)) throw std::out_of_range("last");
  return ledger;
}

Json DatabaseToJson(const sql::DatabaseMark& mark) {
  Json json{{"body", mark.body}};
  if (mark.schema != 0) json["schema"] = mark.schema;
  if (mark.age != 0) json["age"] = mark.age;
  if (!mark.written.empty()) json["written"] = mark.written;
  return json;
}

sql::DatabaseMark DatabaseFromJson(const Json& json) {
  return {.body = json.at("body").get<std::string>(),
          .schema = json.value("schema", uint64_t{0}),
          .age = json.value("age", uint64_t{0}),
          .written = json.value("written", std::string())};
}

}  // namespace

CaptureCursor CaptureCursor::Parse(const std::string& text) {
  CaptureCursor cursor;
  if (text.empty()) return cursor;
  try {
    const Json json = Json::parse(text);
    if (const auto format = json.at("format").get<int>(); format != kFormat) {
      throw StopError(
          fmt::format("the log's cursor has format {}; this program knows {}", format, kFormat),
          "use the version of Syncline that wrote the log, or a newer one");
    }
    for (const Json& entry : json.at("tables")) {
      cursor.tables[{entry.at("schema").get<std::string>(), entry.at("name").get<std::string>()}] =
          TableFromJson(entry);
    }
    if (json.contains("ticks")) cursor.ticks = TicksFromJson(json.at("ticks"));
    if (json.contains("database")) cursor.database = DatabaseFromJson(json.at("database"));
  } catch (const Error&) {
    throw;
  } catch (const std::exception&) {
    throw DamageError(
        "the log's cursor cannot be read",
        "check the log with `syncline log verify`; capturing into a new log is always possible");
  }
  return cursor;
}

std::string CaptureCursor::ToString() const { return CursorWriter().Write(*this); }

const std::string& CursorWriter::Write(const CaptureCursor& cursor) {
  std::erase_if(entries_, [&](const auto& entry) { return !cursor.tables.contains(entry.first); });
  text_ = fmt::format(R"({{"format":{},"tables":[)", kFormat);
  const char* before = "\n";
  for (const auto& [name, table] : cursor.tables) {
    Entry& entry = entries_[name];
    if (entry.text.empty() || !(entry.table == table)) {
      entry = {table, TableText(name, table)};
    }
    text_ += std::exchange(before, ",\n");
    text_ += entry.text;
  }
  text_ += cursor.tables.empty() ? "]" : "\n]";
  if (cursor.ticks.last != 0) text_ += ",\n\"ticks\":" + TicksText(cursor.ticks);
  if (!cursor.database.body.empty()) {
    text_ += ",\n\"database\":" + DatabaseToJson(cursor.database).dump();
  }
  text_ += "}";
  return text_;
}

}  // namespace syncline::capture
