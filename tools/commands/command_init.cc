#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include "capture/check/check_source.h"
#include "engine/base/error.h"
#include "engine/base/private_folder.h"
#include "tools/commands/commands.h"
#include "tools/config/config_draft.h"
#include "tools/config/expansion.h"

namespace syncline::cli {
namespace {

struct InitOptions {
  std::string url;
  std::string to;
  std::string output;
};

// A file that is there is never written over, whoever makes it at the same moment. The new one is
// for this user alone: somebody may write a password into it.
void WriteNewFile(const std::filesystem::path& file, const std::string& text) {
  const int fd = MakePrivateFile(file);
  if (fd < 0 && errno == EEXIST) {
    throw UsageError(fmt::format("{} is there already and is left as it is", file.string()),
                     "-o FILE writes another one");
  }
  const bool written =
      fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int problem = errno;
  if (fd >= 0) close(fd);
  if (!written) {
    throw EnvironmentError(
        fmt::format("cannot write {}: {}", file.string(), std::strerror(problem)),
        "-o FILE writes to another place");
  }
}

// Relative SQLite paths on the command line are relative to here, in the file to its folder.
std::string UrlForFile(const std::string& url, const std::filesystem::path& file) {
  constexpr std::string_view kScheme = "sqlite:";
  if (url.rfind(kScheme, 0) != 0) return url;
  const std::filesystem::path path = url.substr(kScheme.size());
  const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
  if (path.is_absolute() || folder == std::filesystem::current_path()) return url;
  return std::string(kScheme) + std::filesystem::absolute(path).string();
}

DraftDatabase DraftOf(const std::string& url, const std::string& name,
                      const std::filesystem::path& file, std::vector<std::string>& variables) {
  DraftAddress address = WithoutSecrets(UrlForFile(url, file), name);
  variables.insert(variables.end(), address.variables.begin(), address.variables.end());
  return {name, std::move(address.url)};
}

int Init(const Invocation& invocation, const InitOptions& options) {
  const std::filesystem::path file =
      options.output.empty() ? invocation.config_file : std::filesystem::path(options.output);
  if (std::filesystem::exists(file)) WriteNewFile(file, {});  // throws before anything is asked
  DraftDatabase source{"shop", "postgresql://reader:${SHOP_PASSWORD}@localhost/shop"};
  DraftDatabase target{"mirror", "sqlite:mirror.db"};
  Dialect dialect = sql::DatabaseUrl::Parse("postgresql://localhost/shop").dialect;
  std::vector<CatalogueTable> tables;
  std::map<TableName, capture::Guarantee> promises;
  std::vector<std::string> variables;  // that the file refers to, and that have to be set
  if (!options.url.empty()) {
    const sql::DatabaseUrl url = ParseAddress(options.url);
    source = DraftOf(options.url, NameForUrl(url.display), file, variables);
    dialect = url.dialect;
    tables = ReadCatalogue({source.name, url});
    promises = capture::GuaranteesOf(url, DraftedTables(dialect, tables));
  }
  if (!options.to.empty()) {
    const std::string name = NameForUrl(ParseAddress(options.to).display);
    target = DraftOf(options.to, name == source.name ? name + "-copy" : name, file, variables);
  }
  const Draft draft = DraftConfig(source, target, dialect, tables, promises);
  WriteNewFile(file, draft.text);
  if (invocation.json) {
    invocation.Print(
        {{"file", file.string()}, {"tables", draft.tables}, {"left_out", draft.left_out}});
    return 0;
  }
  Terminal out = invocation.Out();
  out.Line(fmt::format("wrote {}: {} tables{}", file.string(), draft.tables,
                       draft.left_out == 0
                           ? std::string()
                           : fmt::format(", {} left out (it says why)", draft.left_out)));
  for (const std::string& variable : variables) {
    out.Line(fmt::format("set {} in the environment: the file does not hold it", variable));
  }
  out.Line("next: syncline check");
  return 0;
}

}  // namespace

void AddInit(Command& app, const Invocation& invocation) {
  auto options = std::make_shared<InitOptions>();
  Command& command =
      app.AddCommand("init", "Write a configuration, from a live database if there is one");
  command.AddOption("url", options->url, "The source's address; its tables are looked up")
      .Type("URL");
  command.AddOption("--to", options->to, "The target's address").Type("URL");
  command
      .AddOption("-o,--output", options->output,
                 "The file to write, instead of the one that -c names")
      .Type("FILE");
  command.Footer(
      R"(Proposes a key for every table, and a cursor column or another way to capture it. Tables
that cannot be captured stand there as comments, with the reason. Never writes over a file.

  syncline init                                   a commented example
  syncline init postgresql://reader@localhost/shop --to sqlite:mirror.db)");
  command.Runs([&invocation, options] { return Init(invocation, *options); });
}

}  // namespace syncline::cli
