#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "capture/cursor/stored_cursor.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/base/nearest.h"
#include "tools/commands/log_commands.h"
#include "tools/status/pipeline_status.h"
#include "tools/support/log_line.h"
#include "tools/support/stop_signals.h"

namespace syncline::cli {
namespace {

constexpr size_t kReadEntries = 1'000;

struct LogCatOptions {
  std::string source;
  ChangeFilter filter;
  std::optional<uint64_t> from, to, limit;
  bool follow = false;
};

class Cat {
 public:
  Cat(const Invocation& invocation, const LogCatOptions& options, const Config& config)
      : invocation_(invocation),
        options_(options),
        source_(ChooseSource(config, options.source)),
        log_(OpenLog(config, source_, clock_)),
        out_(invocation.Out()),
        logger_(invocation.NewLogger()) {}

  int Run() {
    std::optional<StopSignals> signals;
    if (options_.follow) signals.emplace();
    RefuseUnknownTable();
    if (ShowBase()) ShowFrames(signals ? signals->token() : std::stop_token());
    if (shown_ == 0 && !options_.follow) ExplainSilence();
    return 0;
  }

 private:
  bool is_filtered() const {
    return !options_.filter.table.empty() || !options_.filter.key.empty();
  }
  Offset from() const { return Offset(options_.from.value_or(0)); }

  // The tables that the log has changes of, or will have.
  std::set<TableName> Tables() {
    std::set<TableName> tables;
    if (const auto last = log_->Last()) tables = capture::TablesOf(last->cursor);
    if (log_->begin() > Offset(0)) {
      for (const TableName& table : log_->OpenBase()->Tables()) tables.insert(table);
    }
    const auto is_wanted = [&](const TableName& table) {
      return PassesTable(options_.filter, table);
    };
    if (std::ranges::any_of(tables, is_wanted)) return tables;
    log_->Seek(log_->begin());  // one that is captured no more
    while (const std::optional<Frame> frame = log_->NextHeader()) {
      for (const auto& table : frame->tables) tables.insert(table->table);
    }
    return tables;
  }

  void RefuseUnknownTable() {
    if (options_.filter.table.empty()) return;
    std::vector<std::string> names;
    for (const TableName& table : Tables()) {
      if (PassesTable(options_.filter, table)) return;
      names.push_back(table.ToString());
      names.push_back(table.name);
    }
    throw UsageError(fmt::format("the log of {} has no table \"{}\"{}", source_,
                                 options_.filter.table, DidYouMean(options_.filter.table, names)),
                     names.empty() ? "it has none yet" : "it has: " + Listed(Tables()));
  }

  static std::string Listed(const std::set<TableName>& tables) {
    std::vector<std::string> names;
    for (const TableName& table : tables) names.push_back(table.ToString());
    return fmt::format("{}", fmt::join(names, ", "));
  }

  // What is folded is the last state of each row. False: there is nothing more to show.
  bool ShowBase() {
    if (log_->begin() == Offset(0) || from() >= log_->begin()) return true;
    const auto base = log_->OpenBase();
    const BaseInfo info = base->info();
    if (!is_filtered() && !options_.from) {
      logger_->Info("older changes are folded, --from 0 shows what is left of them before={}",
                    info.as_of.value());
      return true;
    }
    logger_->Info("older changes are folded, of each row the last state is shown before={}",
                  info.as_of.value());
    for (auto entries = base->Next(kReadEntries); !entries.empty();
         entries = base->Next(kReadEntries)) {
      for (BaseEntry& entry : entries) {
        if (entry.offset < from() || IsBehind(entry.offset)) continue;
        const Frame frame = FrameOf(std::move(entry));
        if (!Show({frame, 0, &info})) return false;
      }
    }
    return true;
  }

  void ShowFrames(const std::stop_token& stop) {
    log_->Seek(std::max(log_->begin(), from()));
    while (!stop.stop_requested()) {
      if (const std::optional<Frame> frame = log_->Next()) {
        if (!ShowFrame(*frame)) return;
        if (options_.follow) out_.Flush();
      } else if (!options_.follow || !log_->Wait(std::chrono::seconds(1), stop)) {
        return;
      }
    }
  }

  bool ShowFrame(const Frame& frame) {
    for (size_t index = 0; index < frame.changes.size(); ++index) {
      const LoggedChange logged{frame, index};
      if (logged.offset() < from()) continue;
      if (IsBehind(logged.offset()) || !Show(logged)) return false;
    }
    return true;
  }

  bool IsBehind(Offset offset) const { return options_.to && offset >= Offset(*options_.to); }

  // False when that was the last one to be shown.
  bool Show(const LoggedChange& logged) {
    if (!Passes(options_.filter, logged)) return true;
    out_.Line(invocation_.json ? StyledText(Dump(LineJson(logged))) : LineText(logged));
    ++shown_;
    return !options_.limit || shown_ < *options_.limit;
  }

  // Nothing was shown: why.
  void ExplainSilence();
  // Of the table, or of any; what is in the log of the key, wherever.
  struct Found {
    bool key = false;
    std::set<std::string> keys;  // "items (a, b)": tables whose keys have another number of values
    bool fits = false;
  };
  Found LookEverywhere();
  void Note(const TableSchema& schema, Found& found) const;

  const Invocation& invocation_;
  const LogCatOptions& options_;
  SystemClock clock_;
  const std::string source_;
  const std::unique_ptr<LogReader> log_;
  Terminal out_;
  const std::shared_ptr<Logger> logger_;
  uint64_t shown_ = 0;
};

void Cat::Note(const TableSchema& schema, Found& found) const {
  if (!PassesTable(options_.filter, schema.table)) return;
  if (schema.key.size() == options_.filter.key.size()) {
    found.fits = true;
    return;
  }
  std::vector<std::string> names;
  for (const uint32_t column : schema.key) names.push_back(schema.columns[column].name);
  found.keys.insert(fmt::format("{} ({})", schema.table.ToString(), fmt::join(names, ", ")));
}

Cat::Found Cat::LookEverywhere() {
  Found found;
  if (log_->begin() > Offset(0)) {
    const auto base = log_->OpenBase();
    for (auto entries = base->Next(kReadEntries); !entries.empty();
         entries = base->Next(kReadEntries)) {
      for (BaseEntry& entry : entries) {
        Note(*entry.table, found);
        const Frame frame = FrameOf(std::move(entry));
        found.key = found.key || Passes(options_.filter, {frame, 0});
      }
    }
  }
  log_->Seek(log_->begin());
  while (const std::optional<Frame> frame = log_->Next()) {
    for (const auto& schema : frame->tables) Note(*schema, found);
    for (size_t i = 0; i < frame->changes.size() && !found.key; ++i) {
      found.key = Passes(options_.filter, {*frame, i});
    }
  }
  return found;
}

void Cat::ExplainSilence() {
  const Offset begin = log_->begin(), end = log_->end();
  if (!options_.filter.key.empty()) {
    const Found found = LookEverywhere();
    if (!found.fits && !found.keys.empty()) {
      throw UsageError(fmt::format("{} values are no whole key: {}", options_.filter.key.size(),
                                   fmt::join(found.keys, ", ")),
                       "give --key once for each column of the key, in that order");
    }
    if (!found.key) {
      std::string what = fmt::format("the log of {} has no row with the key ({})", source_,
                                     fmt::join(options_.filter.key, ", "));
      if (!options_.filter.table.empty()) what += " in " + options_.filter.table;
      throw UsageError(what, begin == Offset(0)
                                 ? "values are compared as `log cat` shows them"
                                 : "values are compared as `log cat` shows them; of rows that were "
                                   "deleted in its folded part the log may know nothing any more");
    }
  }
  logger_->Info("no such change there from={} to={} log_begin={} log_end={}", from().value(),
                options_.to ? std::to_string(*options_.to) : "end", begin.value(), end.value());
}

}  // namespace

void AddLogCat(Command& log, const Invocation& invocation) {
  auto options = std::make_shared<LogCatOptions>();
  Command& cat = log.AddCommand("cat", "Show the changes in a log, or one row's history");
  cat.AddOption("source", options->source, "Source database; may be left out if there is one")
      .Type("DB");
  cat.AddOption("--table", options->filter.table, "Only changes of this table").Type("TABLE");
  cat.AddOption("--key", options->filter.key,
                "Only the row with this key; give it once for each column of the key")
      .OnceEach()
      .Type("VALUE");
  cat.AddOption("--from", options->from, "Begin at this offset").Type("N");
  cat.AddOption("--to", options->to, "End before this offset").Type("N");
  cat.AddOption("--limit", options->limit, "Show at most so many changes").Type("N").Positive();
  cat.AddFlag("--follow,-f", options->follow, "Wait for more, until it is stopped");
  cat.Footer(R"(Of changes that retention has folded the last state of each row is left. It is
shown with --table, --key or --from, and marked as folded.

  syncline log cat --limit 10
  syncline log cat shop --table public.items --key 42     one row's history
  syncline log cat shop --from 1000 --follow --json       one object a line)");
  cat.Runs([&invocation, options] {
    const Config config = invocation.Load();
    return Cat(invocation, *options, config).Run();
  });
}

}  // namespace syncline::cli
