#include "tools/control/log_order.h"

#include <string>
#include <utility>

#include "engine/model/value_text.h"

namespace syncline::cli {
namespace {

// Of keys in one order, which is one line; and what a key takes besides its text.
constexpr size_t kPortionBytes = 32u << 10;
constexpr size_t kPerKeyBytes = 8;

Json Parse(std::string_view line) { return Json::parse_or_null(line); }

Error NoOrder() {
  return UsageError("the log's writer does not know this order",
                    "use the same version of syncline on both sides");
}

// A member of that name that is a text; empty if there is none.
std::string TextIn(const Json& json, const char* name) {
  const Json* member = json.find(name);
  return member && member->is_string() ? member->get<std::string>() : std::string();
}

Row KeyOf(const Json& text) {
  if (!text.is_string()) throw NoOrder();
  const std::optional<Value> bytes = FromText(Type::kBytes, text.get<std::string>());
  if (!bytes) throw NoOrder();
  return Row::FromBytes(std::string(bytes->view().as_string()));
}

std::vector<capture::RowKeys> RowsOf(const Json& order) {
  std::vector<capture::RowKeys> rows;
  const Json* named = order.find("rows");
  if (!named || !named->is_array()) throw NoOrder();
  for (const Json& table : *named) {
    if (!table.is_object()) throw NoOrder();
    const Json* keys = table.find("keys");
    if (!keys || !keys->is_array()) throw NoOrder();
    capture::RowKeys& some = rows.emplace_back();
    some.table = {TextIn(table, "schema"), TextIn(table, "table")};
    for (const Json& key : *keys) some.keys.push_back(KeyOf(key));
  }
  return rows;
}

Json TableOf(const TableName& table) {
  return {{"schema", table.schema}, {"table", table.name}, {"keys", Json::array()}};
}

Error ErrorOf(const Json& answer) {
  const Json error = answer.value("error", Json());
  std::string message = TextIn(error, "message");
  if (message.empty()) message = "the writer's answer cannot be read";
  const std::string hint = TextIn(error, "hint");
  switch (error.is_object() ? NumberIn(error, "exit_code") : 0) {
    case 2:
      return UsageError(message, hint);
    case 3:
      return EnvironmentError(message, hint);
    case 4:
      return DamageError(message, hint);
    default:
      return StopError(message, hint);
  }
}

}  // namespace

LogOrder ParseOrder(std::string_view line) {
  const Json order = Parse(line);
  const std::string what = TextIn(order, "do");
  if (what == "poll") return {};
  if (what == "recapture")
    return {.kind = LogOrder::Kind::kPoll, .into = {}, .rows = RowsOf(order)};
  if (what != "backup") throw NoOrder();
  const std::string into = TextIn(order, "into");
  // A zero byte would end the name early.
  if (!std::filesystem::path(into).is_absolute() || into.find('\0') != into.npos) throw NoOrder();
  return {.kind = LogOrder::Kind::kBackup, .into = into, .rows = {}};
}

std::vector<Json> RecaptureOrders(const std::vector<capture::RowKeys>& rows) {
  std::vector<Json> portions;
  size_t bytes = kPortionBytes;
  for (const capture::RowKeys& table : rows) {
    if (table.keys.empty()) {
      if (portions.empty()) portions.push_back(Json::array());
      portions.back().push_back(TableOf(table.table));
      continue;
    }
    bool named = false;
    for (const Row& key : table.keys) {
      const std::string text = ToText(ValueView::Bytes(key.bytes()));
      if (bytes + text.size() > kPortionBytes) {
        portions.push_back(Json::array());
        bytes = 0;
        named = false;
      }
      if (!named) {
        portions.back().push_back(TableOf(table.table));
        named = true;
      }
      portions.back().back()["keys"].push_back(text);
      bytes += text.size() + kPerKeyBytes;
    }
  }
  std::vector<Json> orders;
  for (Json& portion : portions) {
    orders.push_back({{"do", "recapture"}, {"rows", std::move(portion)}});
  }
  return orders;
}

Json ErrorAnswer(const Error& error) {
  return {{"error",
           {{"message", error.message()},
            {"hint", error.hint()},
            {"code", error.code()},
            {"exit_code", error.exit_code()}}}};
}

Json DoneIn(std::string_view answer) {
  const Json json = Parse(answer);
  if (const Json* done = json.find("done"); done && done->is_object()) return *done;
  throw ErrorOf(json);
}

uint64_t NumberIn(const Json& done, const char* name) {
  const Json* member = done.find(name);
  return member && member->is_number_unsigned() ? member->get<uint64_t>() : 0;
}

}  // namespace syncline::cli
