#include "tools/config_draft.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <regex>

#include "engine/base/printable.h"
#include "engine/sql/dialect.h"
#include "engine/sql/url_secrets.h"
#include "tools/expansion.h"
#include "tools/table_advice.h"

namespace syncline::cli {
namespace {

constexpr const char* kHead =
    R"(# Syncline's configuration. `syncline check` tells what is wrong with it.
log: ./syncline-log                # a folder; one log per source below it

databases:                         # ${{NAME}} takes a secret from the environment
  {}: {}
  {}: {}

defaults:
  every: 200ms                     # from one poll to the next: 200ms, 5s, 1m, 2h
  cursor: {}               # the column that every insert and update of a row moves forward
  conflict: latest_wins            # when somebody else changed the target: latest_wins | source_wins | target_wins
  deletes: none

pipelines:
  {}:
    from: {}
    to: {}
    tables:                        # names or globs; each may have:
      # to: other_name             #   the target's table
      # key: [id]                  #   where the catalogue has no key
      # cursor: changed_at         #   another one than in defaults
      # columns: {{id: source_id}}   #   other names on the target
      # omit: [internal_note]      #   columns that stay at the source
      # where: "category < 50"     #   only these rows
      # create: false              #   do not make the target's table
      # new_columns: pause         #   what the source gets later: evolve (adds it) | ignore | pause
      # changed_columns: keep      #   what it drops or retypes: pause | keep (the target's stays as it is)
)";

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
    if (advice.problem.empty()) ++counts[advice.cursor];
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
void Heed(const capture::Guarantee& promise, TableAdvice& advice) {
  if (!promise.worse_than_bounded()) return;
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
  if (advice.cursor != common_cursor) {
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
    if (promise != promises.end()) Heed(promise->second, advice);
  }
  const std::string cursor = CommonCursor(advices);
  Draft draft;
  draft.text = fmt::format(kHead, source.name, UrlText(source.url), target.name,
                           UrlText(target.url), NameAsValue(cursor),
                           source.name + "-to-" + target.name, source.name, target.name);
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
    draft.text += dialect == Dialect::kPostgres
                      ? "      public.items: {}\n      \"public.order_*\": {}\n"
                      : "      items: {}\n      \"order_*\": {}\n";
  }
  return draft;
}

}  // namespace syncline::cli
