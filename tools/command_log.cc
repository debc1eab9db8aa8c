#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "engine/base/error.h"
#include "tools/commands.h"
#include "tools/duration.h"
#include "tools/log_commands.h"
#include "tools/log_line.h"
#include "tools/log_stat.h"
#include "tools/pipeline_status.h"
#include "tools/stop_signals.h"

namespace syncline::cli {
namespace {

struct Options {
  std::string source;
  ChangeFilter filter;
  std::optional<uint64_t> from, to, limit;
  bool follow = false;
};

int List(const Invocation& invocation) {
  const Config config = invocation.Load();
  SystemClock clock;
  Json list = Json::array();
  TextTable table(
      {{"SOURCE"}, {"CHANGES", true}, {"END", true}, {"SIZE", true}, {"LAST CHANGE"}, {"FOLDER"}});
  for (const std::string& source : config.SourceNames()) {
    const std::filesystem::path folder = config.LogFolder(source);
    if (!LogMayExist(folder)) {
      list.push_back({{"source", source}, {"log_id", nullptr}});
      table.Add({source, "-", "-", "-", "no log yet", folder.string()}, Style::kDim);
      continue;
    }
    auto reader = OpenLog(config, source, clock);
    const LogStat stat = GlanceAtLog(*reader, folder);
    list.push_back(LogStatJson(source, stat));
    table.Add({source, FormatCount(stat.changes()), FormatCount(stat.end.value()),
               FormatBytes(stat.bytes_on_disk), stat.last ? FormatTime(*stat.last) : "-",
               folder.string()});
  }
  if (invocation.json) {
    invocation.Print({{"logs", std::move(list)}});
  } else {
    Terminal out = invocation.Out();
    table.Print(out);
  }
  return 0;
}

int Stat(const Invocation& invocation, const Options& options) {
  const Config config = invocation.Load();
  const std::string source = ChooseSource(config, options.source);
  SystemClock clock;
  auto reader = OpenLog(config, source, clock);
  const LogStat stat = ReadLogStat(*reader, config.LogFolder(source));
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

// Shows the changes of one frame that are asked for; false when there is nothing more to show.
bool ShowFrame(const Invocation& invocation, const Options& options, const Frame& frame,
               uint64_t& shown, Terminal& out) {
  for (size_t index = 0; index < frame.changes.size(); ++index) {
    const LoggedChange logged{frame, index};
    if (options.from && logged.offset().value() < *options.from) continue;
    if (options.to && logged.offset().value() >= *options.to) return false;
    if (!Passes(options.filter, logged)) continue;
    out.Line(invocation.json ? StyledText(Dump(LineJson(logged))) : LineText(logged));
    if (options.limit && ++shown >= *options.limit) return false;
  }
  return true;
}

int Cat(const Invocation& invocation, const Options& options) {
  std::optional<StopSignals> signals;
  if (options.follow) signals.emplace();
  const std::stop_token stop = signals ? signals->token() : std::stop_token();
  const Config config = invocation.Load();
  SystemClock clock;
  auto reader = OpenLog(config, ChooseSource(config, options.source), clock);
  reader->Seek(std::max(reader->begin(), Offset(options.from.value_or(0))));
  Terminal out = invocation.Out();
  uint64_t shown = 0;
  while (!stop.stop_requested()) {
    if (std::optional<Frame> frame = reader->Next()) {
      if (!ShowFrame(invocation, options, *frame, shown, out)) break;
      if (options.follow) out.Flush();
    } else if (!options.follow || !reader->Wait(std::chrono::seconds(1), stop)) {
      break;
    }
  }
  return 0;
}

void AddCat(CLI::App* log, const Invocation& invocation, CommandBody& body,
            std::shared_ptr<Options> options) {
  CLI::App* cat = log->add_subcommand("cat", "Show the changes in a log, or one row's history");
  cat->add_option("source", options->source, "Source database; may be left out if there is one")
      ->type_name("DB");
  cat->add_option("--table", options->filter.table, "Only this table")->type_name("TABLE");
  cat->add_option("--key", options->filter.key,
                  "Only the row with this key; once for each column of the key")
      ->expected(1)
      ->take_all()
      ->type_name("VALUE");
  cat->add_option("--from", options->from, "From this offset on")->type_name("N");
  cat->add_option("--to", options->to, "Up to, not including, this offset")->type_name("N");
  cat->add_option("--limit", options->limit, "At most so many changes")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  cat->add_flag("--follow,-f", options->follow, "Wait for more, until stopped");
  cat->footer(R"(  syncline log cat --limit 10
  syncline log cat shop --table public.items --key 42     one row's history
  syncline log cat shop --from 1000 --follow --json       one object a line)");
  cat->callback([&invocation, &body, options] {
    body = [&invocation, options] { return Cat(invocation, *options); };
  });
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

void AddLog(CLI::App& app, const Invocation& invocation, CommandBody& body) {
  auto options = std::make_shared<Options>();
  CLI::App* log = app.add_subcommand("log", "Look into the change logs");
  log->require_subcommand(1);
  log->footer("All of these work while others capture and apply.");
  log->add_subcommand("ls", "The logs and their sizes")->callback([&invocation, &body] {
    body = [&invocation] { return List(invocation); };
  });
  CLI::App* stat =
      log->add_subcommand("stat", "One log: frames, changes, bytes, times; checks its chain");
  stat->add_option("source", options->source, "Source database; may be left out if there is one")
      ->type_name("DB");
  stat->callback([&invocation, &body, options] {
    body = [&invocation, options] { return Stat(invocation, *options); };
  });
  AddCat(log, invocation, body, options);
  AddLogVerify(*log, invocation, body);
  AddLogBackup(*log, invocation, body);
  AddLogRepair(*log, invocation, body);
}

}  // namespace syncline::cli
