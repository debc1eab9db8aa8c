#include <fmt/format.h>

#include "engine/base/error.h"
#include "engine/log/log_care.h"
#include "engine/log/log_catalog.h"
#include "tools/commands/commands.h"
#include "tools/commands/log_commands.h"
#include "tools/status/log_stat.h"
#include "tools/status/pipeline_status.h"
#include "tools/support/duration.h"

namespace syncline::cli {
namespace {

struct LogOptions {
  std::string source;
};

int List(const Invocation& invocation) {
  const Config config = invocation.Load();
  SystemClock clock;
  Json list = Json::array();
  TextTable table(
      {{"SOURCE"}, {"CHANGES", true}, {"END", true}, {"SIZE", true}, {"LAST CHANGE"}, {"FOLDER"}});
  for (const std::string& source : config.SourceNames()) {
    const LogRef log = config.Log(source);
    if (!log->MayExist()) {
      list.push_back({{"source", source}, {"log_id", nullptr}});
      table.Add({source, "-", "-", "-", "no log yet", log->Describe()}, Style::kDim);
      continue;
    }
    auto reader = OpenLog(config, source, clock);
    const LogStat stat = GlanceAtLog(*reader, log->care().BytesUsed());
    list.push_back(LogStatJson(source, stat));
    table.Add({source, FormatCount(stat.changes()), FormatCount(stat.end.value()),
               FormatBytes(stat.bytes_on_disk), stat.last ? FormatTime(*stat.last) : "-",
               log->Describe()});
  }
  if (invocation.json) {
    invocation.Print({{"logs", std::move(list)}});
  } else {
    Terminal out = invocation.Out();
    table.Print(out);
  }
  return 0;
}

int Stat(const Invocation& invocation, const LogOptions& options) {
  const Config config = invocation.Load();
  const std::string source = ChooseSource(config, options.source);
  SystemClock clock;
  auto reader = OpenLog(config, source, clock);
  const LogStat stat = ReadLogStat(*reader, config.Log(source)->care().BytesUsed());
  if (invocation.json) {
    invocation.Print(LogStatJson(source, stat));
    return 0;
  }
  Terminal out = invocation.Out();
  auto line = [&](std::string_view name, const std::string& value) {
    out.Line(StyledText(fmt::format("{:<8}", name), Style::kBold) + " " + value);
  };
  line("source", fmt::format("{} ({})", source, stat.info.source));
  line("log", fmt::format("{}, epoch {}", stat.info.id.ToString(), stat.info.epoch));
  line("offsets", fmt::format("{} to {} ({} changes)", FormatCount(stat.begin.value()),
                              FormatCount(stat.end.value()), FormatCount(stat.changes())));
  line("frames", fmt::format("{}, chain unbroken", FormatCount(stat.frames)));
  if (stat.stored_bytes > 0) {
    line("bytes",
         fmt::format("{}, stored in {} ({:.1f} times smaller)", FormatBytes(stat.bytes),
                     FormatBytes(stat.stored_bytes),
                     static_cast<double>(stat.bytes) / static_cast<double>(stat.stored_bytes)));
  }
  line("cuts", fmt::format("{}{}", FormatCount(stat.cuts), stat.cut_open ? ", one is open" : ""));
  if (stat.first) line("first", FormatTime(*stat.first));
  if (stat.last) line("last", FormatTime(*stat.last));
  line("on disk", FormatBytes(stat.bytes_on_disk));
  if (!stat.cursor.empty()) line("cursor", stat.cursor);
  if (stat.base) {
    line("base",
         fmt::format("{} rows as of offset {}, {}", FormatCount(stat.base->entries),
                     FormatCount(stat.base->as_of.value()), FormatTime(stat.base->written_at)));
  }
  for (const Consumer& consumer : stat.consumers) {
    const uint64_t behind = stat.end > consumer.next ? stat.end - consumer.next : 0;
    line("consumer", fmt::format("{} at {}, {} behind", consumer.name,
                                 FormatCount(consumer.next.value()), FormatCount(behind)));
  }
  return 0;
}

}  // namespace

std::string ChooseSource(const Config& config, const std::string& named) {
  const std::vector<std::string> sources = config.SourceNames();
  if (named.empty()) {
    if (sources.size() == 1) return sources.front();
    throw UsageError(fmt::format("which log? {} has {} sources", config.file, sources.size()),
                     fmt::format("name one of: {}", fmt::join(sources, ", ")));
  }
  for (const std::string& source : sources) {
    if (source == named) return named;
  }
  config.Database(named);  // throws for a name that nobody knows
  throw UsageError(fmt::format("no pipeline reads from \"{}\", so it has no log", named),
                   fmt::format("sources: {}", fmt::join(sources, ", ")));
}

std::string LogCommand(const Invocation& invocation, std::string_view command,
                       const std::string& source) {
  const bool usual = invocation.config_file == kDefaultConfigFile;
  return fmt::format("syncline {}log {} {}",
                     usual ? "" : fmt::format("-c {} ", invocation.config_file.string()), command,
                     source);
}

void AddLog(Command& app, const Invocation& invocation) {
  auto options = std::make_shared<LogOptions>();
  Command& log = app.AddCommand("log", "Look into the change logs");
  log.NeedsCommand();
  log.Footer("All of these but `repair` work while others capture and apply.");
  log.AddCommand("ls", "List the logs and their sizes").Runs([&invocation] {
    return List(invocation);
  });
  Command& stat =
      log.AddCommand("stat", "Show one log: frames, changes, bytes, times; checks its chain");
  stat.AddOption("source", options->source, "Source database; may be left out if there is one")
      .Type("DB");
  stat.Runs([&invocation, options] { return Stat(invocation, *options); });
  AddLogCat(log, invocation);
  AddLogVerify(log, invocation);
  AddLogBackup(log, invocation);
  AddLogRepair(log, invocation);
}

}  // namespace syncline::cli
