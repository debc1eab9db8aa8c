#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "engine/base/error.h"
#include "tools/commands.h"
#include "tools/config_draft.h"

namespace syncline::cli {
namespace {

struct Options {
  std::string url;
  std::string to;
  std::string output;
};

// O_EXCL, so that a file that is there is never written over, whoever makes it at the same moment.
void WriteNewFile(const std::filesystem::path& file, const std::string& text) {
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
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
                      const std::filesystem::path& file) {
  return {name, WithoutPassword(UrlForFile(url, file), PasswordVariable(name))};
}

int Init(const Invocation& invocation, const Options& options) {
  const std::filesystem::path file =
      options.output.empty() ? invocation.config_file : std::filesystem::path(options.output);
  if (std::filesystem::exists(file)) WriteNewFile(file, {});  // throws before anything is asked
  DraftDatabase source{"shop", "postgresql://reader:${SHOP_PASSWORD}@localhost/shop"};
  DraftDatabase target{"mirror", "sqlite:mirror.db"};
  Dialect dialect = Dialect::kPostgres;
  std::vector<CatalogueTable> tables;
  if (!options.url.empty()) {
    source = DraftOf(options.url, NameForUrl(options.url), file);
    const auto url = sql::DatabaseUrl::Parse(options.url, std::filesystem::current_path());
    dialect = url.dialect;
    tables = ReadCatalogue({source.name, url});
  }
  if (!options.to.empty()) {
    sql::DatabaseUrl::Parse(options.to);  // throws for what is no URL
    const std::string name = NameForUrl(options.to);
    target = DraftOf(options.to, name == source.name ? name + "-copy" : name, file);
  }
  const Draft draft = DraftConfig(source, target, dialect, tables);
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
  for (const DraftDatabase& database : {source, target}) {
    const std::string variable = PasswordVariable(database.name);
    if (database.url.find(variable) != std::string::npos) {
      out.Line(
          fmt::format("set {} in the environment; the file does not hold the password", variable));
    }
  }
  out.Line("next: syncline check");
  return 0;
}

}  // namespace

void AddInit(CLI::App& app, const Invocation& invocation, CommandBody& body) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("init", "Write a configuration, from a live database if there is one");
  command->add_option("url", options->url, "The source: its tables are looked up")
      ->type_name("URL");
  command->add_option("--to", options->to, "The target")->type_name("URL");
  command->add_option("-o,--output", options->output, "The file to write instead of -c's")
      ->type_name("FILE");
  command->footer(
      R"(Proposes a key and a cursor column for every table; tables that cannot be captured
stand there as comments with the reason. Never writes over a file.

  syncline init                                   a commented example
  syncline init postgresql://reader@localhost/shop --to sqlite:mirror.db)");
  command->callback([&invocation, &body, options] {
    body = [&invocation, options] { return Init(invocation, *options); };
  });
}

}  // namespace syncline::cli
