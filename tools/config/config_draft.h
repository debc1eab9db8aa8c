#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "capture/cursor/guarantee.h"
#include "tools/config/plan.h"

namespace syncline::cli {

// What `syncline init` writes. Pure.

struct DraftDatabase {
  std::string name;
  std::string url;  // as it is to stand in the file
};

// A name for the database behind a URL: its database or file name, made of the characters that
// names may have.
std::string NameForUrl(const std::string& url);

// An address as it is to stand in a file.
struct DraftAddress {
  std::string url;                     // each secret is a reference, such as ${SHOP_PASSWORD}
  std::vector<std::string> variables;  // which have to be set for it; none that `url` named itself
};

// `url` of the database of that name, without its secrets.
DraftAddress WithoutSecrets(const std::string& url, const std::string& database);

struct Draft {
  std::string text;
  size_t tables = 0;
  size_t left_out = 0;  // tables that cannot be captured as they are; in the text as comments
};

// The tables as the draft will have them captured, of those that can be.
std::vector<capture::TableSpec> DraftedTables(Dialect dialect,
                                              const std::vector<CatalogueTable>& tables);

// A commented configuration for one pipeline. Without tables: an example to fill in. `promises`
// says what polling promises for DraftedTables, as far as that is known: where it is worse than
// bounded, a comment beside the table tells.
Draft DraftConfig(const DraftDatabase& source, const DraftDatabase& target, Dialect dialect,
                  const std::vector<CatalogueTable>& tables,
                  const std::map<TableName, capture::Guarantee>& promises = {});

// A name or text as it stands in YAML: plain where that is safe, else in double quotes.
std::string YamlText(std::string_view text);

}  // namespace syncline::cli
