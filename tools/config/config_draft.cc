#include "tools/config/config_draft.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <regex>

#include "engine/base/printable.h"
#include "engine/sql/dialect.h"
#include "engine/sql/sql_dialect.h"
#include "engine/sql/url_secrets.h"
#include "tools/config/config_keys.h"
#include "tools/config/expansion.h"
#include "tools/config/table_advice.h"

namespace syncline::cli {
namespace {

// A line of the file with what the table of keys says of it, in a column of their own.
std::string Commented(const std::string& line, const ConfigKey& key, std::string_view indent = "") {
  std::string comment(key.brief);
  if (key.form == Form::kWord) comment += fmt::format(": {}", fmt::join(key.Words(), " | "));
  return fmt::format("{:<34} # {}{}\n", line, indent, comment);
}

// The file up to the tables, and which keys each of them may have.
std::string Head(const DraftDatabase& source, const std::string& source_url,
                 const DraftDatabase& target, const std::string& target_url,
                 const std::string& cursor) {
  std::string text = "# Syncline's configuration. `syncline check` tells what is wrong with it.\n" +
                     Commented("log: ./syncline-log", *FindKey("log", Place::kTop)) + "\n" +
                     Commented("databases:", *FindKey("databases", Place::kTop)) +
                     fmt::format("  {}: {}\n  {}: {}\n\ndefaults:\n", source.name, source_url,
                                 target.name, target_url);
  for (const std::string_view name : {"every", "cursor", "conflict", "deletes"}) {
    const ConfigKey& key = *FindKey(name, Place::kDefaults);
    const std::string value(key.usual.empty() ? std::string_view(cursor) : key.usual);
    text += Commented(fmt::format("  {}: {}", name, value), key);
  }
  text += fmt::format("\npipelines:\n  {}-to-{}:\n    from: {}\n    to: {}\n", source.name,
                      target.name, source.name, target.name);
  text += Commented("    tables:", *FindKey("tables", Place::kPipeline));
  for (const ConfigKey& key : ConfigKeys()) {
    if (!key.IsAt(Place::kTable) || key.brief.empty()) continue;
    text += Commented(fmt::format("      # {}: {}", key.name, key.example), key, "  ");
  }
  return text;
}

// As the file has to name the table: a * of its name is none of a glob.
std::string NameInFile(const TableName& table) {
  const auto part = [](const std::string& name) {
    const bool plain = name.find_first_of("*?") == std::string::npos;
    return plain ? TableName{"", name}.ToString() : sql::Quote(name).ToString();
  };
  const std::string name = part(table.name);
  return YamlText(table.schema.empty() ? name : part(table.schema) + "." + name);
}

bool IsNameLetter(unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; }

// A name out of a catalogue as a value of the file, where ${..} would be replaced.
std::string NameAsValue(std::string_view name) {
  std::string text;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name.substr(i).starts_with("${")) text += '$';
    text += name[i];
  }
  return YamlText(text);
}

// An address, in which ${NAME} may stand.
std::string UrlText(const std::string& url) {
  static const std::regex kPlain(
      R"re([A-Za-z][A-Za-z0-9_.+@/?=&%:-]*(\$\{[A-Za-z0-9_]+\}[A-Za-z0-9_.+@/?=&%:-]*)*)re");
  return std::regex_match(url, kPlain) && url.back() != ':' ? url : YamlText(url);
}

// The cursor column that most tables would use.
std::string CommonCursor(const std::vector<TableAdvice>& advices) {
  std::map<std::string, int> counts;
  for (const TableAdvice& advice : advices) {
    if (advice.problem.empty() && !advice.cursor.empty()) ++counts[advice.cursor];
  }
  auto best = std::max_element(counts.begin(), counts.end(),
                               [](const auto& a, const auto& b) { return a.second < b.second; });
  return best == counts.end() ? "updated_at" : best->first;
}

TableAdvice Advise(const CatalogueTable& table, Dialect dialect) {
  TableAdvice advice = AdviseTable(table.info, dialect);
  if (!table.unreadable.empty()) advice.problem = table.unreadable;
  return advice;
}

// What is promised says more than what the catalogue's entry alone lets fear.
void Heed(const capture::Guarantee& promise, const sql::TableInfo& table, Dialect dialect,
          TableAdvice& advice) {
  if (!promise.worse_than_bounded()) return;
  if (promise.kind == capture::GuaranteeClass::kRefused)
    advice = AdviseWithoutCursor(table, dialect);
  if (advice.capture != capture::CaptureMethod::kCursor) return;
  const std::string text =
      fmt::format("{}: {}; {}", capture::NameOf(promise.kind), promise.reason, promise.remedy);
  if (promise.kind == capture::GuaranteeClass::kRefused) {
    advice.problem = text;
  } else {
    advice.caution = text;
  }
}

std::string TableLine(const sql::TableInfo& info, const TableAdvice& advice,
                      const std::string& common_cursor) {
  const std::string name = NameInFile(info.name);
  std::string options;
  if (info.primary_key.empty()) {
    std::vector<std::string> key;
    for (const std::string& column : advice.key) key.push_back(NameAsValue(column));
    options = fmt::format("key: [{}]", fmt::join(key, ", "));
  }
  if (advice.capture != capture::CaptureMethod::kCursor) {
    options +=
        fmt::format("{}capture: {}", options.empty() ? "" : ", ", capture::NameOf(advice.capture));
  } else if (advice.cursor != common_cursor) {
    options += fmt::format("{}cursor: {}", options.empty() ? "" : ", ", NameAsValue(advice.cursor));
  }
  std::string line = fmt::format("      {}: {{{}}}", name, options);
  if (!advice.caution.empty()) line += "  # " + Printable(advice.caution);
  return line + "\n";
}

// "MY_SHOP_PASSWORD" for "my-shop_password".
std::string Variable(const std::string& text) {
  std::string name;
  for (char c : text) {
    const auto letter = static_cast<unsigned char>(c);
    name += std::isalnum(letter) ? static_cast<char>(std::toupper(letter)) : '_';
  }
  if (std::isdigit(static_cast<unsigned char>(name[0]))) name.insert(name.begin(), '_');
  return name;
}

}  // namespace

std::string YamlText(std::string_view text) {
  const bool plain =
      !text.empty() && (std::isalpha(static_cast<unsigned char>(text[0])) || text[0] == '_') &&
      std::all_of(text.begin(), text.end(),
                  [](unsigned char c) {
                    return IsNameLetter(c) || c == '.' || c == '/' || c == '@' || c == '?' ||
                           c == '=' || c == '&' || c == '%' || c == '$' || c == ':' || c == '+';
                  }) &&
      text.back() != ':';
  static constexpr std::string_view kReserved[] = {"true", "false", "yes", "no", "on",
                                                   "off",  "null",  "y",   "n"};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (plain &&
      std::find(std::begin(kReserved), std::end(kReserved), lower) == std::end(kReserved)) {
    return std::string(text);
  }
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return PrintableJson(out + "\"");  // YAML has the same escapes
}

std::string NameForUrl(const std::string& url) {
  std::string path = url.substr(0, url.find_first_of("?#"));
  path = path.substr(path.find(':') + 1);
  const size_t authority = path.rfind("//", 0) == 0 ? path.find('/', 2) : 0;
  path = authority == std::string::npos ? "" : path.substr(authority);
  path = path.substr(path.find_last_of('/') + 1);
  if (url.rfind("sqlite:", 0) == 0) path = path.substr(0, path.find_last_of('.'));
  std::string name;
  for (char c : path) name += IsNameLetter(static_cast<unsigned char>(c)) ? c : '-';
  name.erase(0, name.find_first_not_of('-'));
  return name.empty() ? "source" : name;
}

DraftAddress WithoutSecrets(const std::string& url, const std::string& database) {
  DraftAddress draft;
  size_t copied = 0;
  for (const sql::UrlSecret& secret : sql::SecretsIn(url)) {
    if (HasReference(url.substr(secret.begin, secret.end - secret.begin))) continue;
    draft.variables.push_back(Variable(database + "_" + secret.name));
    draft.url += url.substr(copied, secret.begin - copied);
    draft.url += "${" + draft.variables.back() + "}";
    copied = secret.end;
  }
  draft.url += url.substr(copied);
  return draft;
}

std::vector<capture::TableSpec> DraftedTables(Dialect dialect,
                                              const std::vector<CatalogueTable>& tables) {
  std::vector<capture::TableSpec> specs;
  for (const CatalogueTable& table : tables) {
    const TableAdvice advice = Advise(table, dialect);
    if (!advice.problem.empty()) continue;
    capture::TableSpec& spec = specs.emplace_back();
    spec.table = table.info.name;
    spec.key = advice.key;
    spec.cursor = advice.cursor;
    spec.method = advice.capture;
  }
  return specs;
}

Draft DraftConfig(const DraftDatabase& source, const DraftDatabase& target, Dialect dialect,
                  const std::vector<CatalogueTable>& tables,
                  const std::map<TableName, capture::Guarantee>& promises) {
  std::vector<TableAdvice> advices;
  for (const CatalogueTable& table : tables) {
    TableAdvice& advice = advices.emplace_back(Advise(table, dialect));
    const auto promise = promises.find(table.info.name);
    if (promise != promises.end()) Heed(promise->second, table.info, dialect, advice);
  }
  const std::string cursor = CommonCursor(advices);
  Draft draft;
  draft.text = Head(source, UrlText(source.url), target, UrlText(target.url), NameAsValue(cursor));
  for (size_t i = 0; i < tables.size(); ++i) {
    if (advices[i].problem.empty()) {
      draft.text += TableLine(tables[i].info, advices[i], cursor);
      ++draft.tables;
    } else {
      draft.text += fmt::format("      # {}: {{}}  # left out: {}\n",
                                NameInFile(tables[i].info.name), Printable(advices[i].problem));
      ++draft.left_out;
    }
  }
  if (tables.empty()) {
    draft.text += sql::DialectOf(dialect).can().has_schemas
                      ? "      public.items: {}\n      \"public.order_*\": {}\n"
                      : "      items: {}\n      \"order_*\": {}\n";
  }
  return draft;
}

}  // namespace syncline::cli
