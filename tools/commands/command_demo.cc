#include <fmt/format.h>

#include <future>
#include <thread>

#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/sql/session.h"
#include "tools/commands/commands.h"
#include "tools/config/plan.h"
#include "tools/demo/demo_folder.h"
#include "tools/demo/demo_shop.h"
#include "tools/demo/demo_writer.h"
#include "tools/service/runner.h"
#include "tools/support/duration.h"
#include "tools/support/stop_signals.h"
#include "tools/verify/compare_tables.h"

namespace syncline::cli {
namespace {

constexpr Microseconds kTick = std::chrono::milliseconds(500);
constexpr Microseconds kSample = std::chrono::milliseconds(20);

struct DemoOptions {
  std::string dir = "syncline-demo";
  uint64_t seconds = 6;
  uint64_t seed = 1;
};

// One demo, step by step. Threads: the caller's, and during LiveBusiness one for the stages and one
// for the writer.
class Demo {
 public:
  Demo(const Invocation& invocation, const DemoOptions& options)
      : invocation_(invocation),
        options_(options),
        out_(invocation.json ? stderr : stdout),
        folder_(options.dir),
        logger_(invocation.NewLogger("warn")) {}

  int Run();

 private:
  void OpenShop();
  void FirstCopy();
  void LiveBusiness();
  bool Compare();
  void WhatNext();

  void Heading(std::string_view text) { out_.Line({text, Style::kBold}); }
  void ShowBusiness(const DemoWriter& writer, StageWatch& watch, std::stop_token stop);
  void PrintTick(const DemoWriter& writer, const Activity& activity, Microseconds lag_max,
                 Microseconds since);
  Plan NewPlan() const { return MakePlan(config_, {}); }

  const Invocation& invocation_;
  const DemoOptions& options_;
  StopSignals signals_;  // before any thread
  SystemClock clock_;
  Terminal out_;
  DemoFolder folder_;
  std::shared_ptr<Logger> logger_;
  Config config_;
  Shop shop_;
  Json result_;
};

int Demo::Run() {
  OpenShop();
  FirstCopy();
  LiveBusiness();
  const bool equal = Compare();
  if (invocation_.json) invocation_.Print(result_);
  if (!equal) {
    throw DamageError("the two databases differ",
                      "this is a bug; please report it with the folder " + options_.dir);
  }
  WhatNext();
  return 0;
}

void Demo::OpenShop() {
  folder_.WriteConfig();
  config_ = LoadConfig(folder_.config_file());
  config_.EndWaits(signals_.grace());
  std::mt19937_64 random(options_.seed);
  auto session = sql::Session::Open(config_.Database("shop").url, {.create = true});
  shop_ = MakeShop(*session, random);
  Heading("A shop in SQLite");
  out_.Line(fmt::format("  {}: {} customers, {} products, {} orders with {} lines",
                        folder_.shop().string(), FormatCount(shop_.customers),
                        FormatCount(shop_.prices.size()), FormatCount(shop_.orders),
                        FormatCount(shop_.lines)));
  out_.Line();
  result_["folder"] = options_.dir;
}

void Demo::FirstCopy() {
  Heading("Its first copy");
  out_.Flush();
  Runner runner(NewPlan(), {.once = true}, clock_, logger_);
  const Microseconds began = clock_.Monotonic();
  runner.Run(signals_.token());
  const Microseconds took = std::max(clock_.Monotonic() - began, Microseconds(1));
  const uint64_t rows = runner.watch().Look().applies.at("shop-to-mirror").rows_written;
  out_.Line(fmt::format("  {} rows captured into the log and applied to mirror.db in {} ms",
                        FormatCount(rows), took.count() / 1000));
  out_.Line();
  result_["first_copy"] = {{"rows", rows}, {"seconds", static_cast<double>(took.count()) / 1e6}};
}

// A line about twice a second; its lag is the longest that was seen since the line before.
void Demo::ShowBusiness(const DemoWriter& writer, StageWatch& watch, std::stop_token stop) {
  const Microseconds began = clock_.Monotonic();
  const Microseconds length = std::chrono::seconds(options_.seconds);
  Microseconds since{0}, lag_max{0}, next_line = kTick;
  while (since < length && clock_.Sleep(std::min(kSample, length - since), stop)) {
    since = clock_.Monotonic() - began;
    const Activity activity = watch.Look();
    for (const auto& [pipeline, apply] : activity.applies) {
      lag_max = std::max(lag_max, apply.lag.value_or(Microseconds(0)));
    }
    if (since < next_line || !activity.captures.contains("shop")) continue;
    PrintTick(writer, activity, lag_max, since);
    lag_max = Microseconds(0);
    next_line += kTick;
  }
  result_["live"] = {{"seconds", static_cast<double>(since.count()) / 1e6}};
}

void Demo::PrintTick(const DemoWriter& writer, const Activity& activity, Microseconds lag_max,
                     Microseconds since) {
  const CaptureActivity& capture = activity.captures.at("shop");
  auto found = activity.applies.find("shop-to-mirror");
  const ApplyActivity apply = found != activity.applies.end() ? found->second : ApplyActivity{};
  const double seconds = static_cast<double>(since.count()) / 1e6;
  out_.Line(fmt::format("  {:>5.1f} s {:>9} {:>9} {:>9} {:>9} {:>9.0f}/s {:>9} {:>10} {:>7} {:>8}",
                        seconds, FormatCount(writer.transactions()), FormatCount(writer.rows()),
                        FormatCount(capture.changes_logged), FormatCount(apply.rows_written),
                        static_cast<double>(apply.rows_written) / seconds,
                        capture.log_end ? FormatCount(capture.log_end->value()) : "-",
                        FormatCount(apply.next.value()),
                        apply.behind ? FormatCount(*apply.behind) : "-",
                        fmt::format("{} ms", lag_max.count() / 1000)));
}

void Demo::LiveBusiness() {
  Heading(fmt::format("Business for {} s, synced while it happens", options_.seconds));
  out_.Line({fmt::format("  {:>7} {:>9} {:>9} {:>9} {:>9} {:>11} {:>9} {:>10} {:>7} {:>8}", "time",
                         "commits", "writes", "captured", "applied", "rate", "log end", "mirror at",
                         "behind", "lag"),
             Style::kDim});
  DemoWriter writer(config_.Database("shop").url, shop_, options_.seed, clock_);
  Runner runner(NewPlan(), {}, clock_, logger_);
  std::stop_source end;
  std::stop_callback forward(signals_.token(), [&end] { end.request_stop(); });
  // What either thread throws ends both, and comes out of get().
  auto in_thread = [&end](auto body) {
    return std::async(std::launch::async, [&end, body] {
      std::stop_token stop = end.get_token();
      try {
        body(stop);
      } catch (...) {
        end.request_stop();
        throw;
      }
    });
  };
  auto stages = in_thread([&runner](std::stop_token stop) { runner.Run(stop); });
  auto business = in_thread([&writer](std::stop_token stop) { writer.Run(stop); });
  ShowBusiness(writer, runner.watch(), end.get_token());
  end.request_stop();
  business.get();
  stages.get();
  // The last poll of the stages came before the writer's last commit.
  Runner(NewPlan(), {.once = true}, clock_, logger_).Run({});
  out_.Line();
  result_["live"]["commits"] = writer.transactions();
  result_["live"]["writes"] = writer.rows();
}

bool Demo::Compare() {
  Heading("Both sides compared, row by row and column by column");
  auto source = sql::Session::Open(config_.Database("shop").url, {.read_only = true});
  auto target = sql::Session::Open(config_.Database("mirror").url, {.read_only = true});
  const Plan plan = NewPlan();
  bool all_equal = true;
  Json tables = Json::array();
  for (const apply::TableMapping& mapping : plan.pipelines.front().tables) {
    const Comparison found =
        CompareTables(DescribeSide(*source, mapping.source), DescribeSide(*target, mapping.target));
    all_equal = all_equal && found.equal();
    const StyledText verdict =
        found.equal() ? StyledText("equal", Style::kGood)
                      : StyledText(fmt::format("{} differ, {} missing, {} too many",
                                               found.differing, found.missing, found.extra),
                                   Style::kBad);
    out_.Line(
        fmt::format("  {:<12} {:>7} rows  ", mapping.source.ToString(), FormatCount(found.rows)) +
        verdict);
    tables.push_back({{"table", mapping.source.ToString()},
                      {"rows", found.rows},
                      {"differing", found.differing},
                      {"missing", found.missing},
                      {"extra", found.extra}});
  }
  result_["tables"] = std::move(tables);
  result_["equal"] = all_equal;
  return all_equal;
}

void Demo::WhatNext() {
  const std::string command =
      fmt::format("{} -c {}", invocation_.program, folder_.config_file().string());
  out_.Line();
  Heading("What to try next");
  out_.Line(fmt::format("  {} status", command));
  out_.Line(fmt::format("  {} log cat --table orders --key 1", command));
  out_.Line(fmt::format("  {} replay shop-to-mirror --into sqlite:{}", command,
                        (folder_.path() / "rebuilt.db").string()));
  out_.Line(
      fmt::format("  {} run      # then change {} with sqlite3", command, folder_.shop().string()));
}

}  // namespace

void AddDemo(Command& app, const Invocation& invocation) {
  auto options = std::make_shared<DemoOptions>();
  Command& command = app.AddCommand("demo", "Sync a small shop while it changes; needs no server");
  command.AddOption("--dir", options->dir, "The folder for its files").ShowsDefault().Type("DIR");
  command.AddOption("--seconds", options->seconds, "For how many seconds the shop changes")
      .ShowsDefault()
      .InRange(1, 3600)
      .Type("N");
  command.AddOption("--seed", options->seed, "Another number makes another shop and other business")
      .ShowsDefault()
      .Type("N");
  command.Footer(
      R"(Makes a shop in one SQLite file, copies it into a second one, lets a writer change
it while the changes are synced, and compares both files at the end. What an
earlier demo left in the folder is replaced. Exits with 4 if the files differ.

  syncline demo --seconds 20 --dir /tmp/demo)");
  command.Runs([&invocation, options] { return Demo(invocation, *options).Run(); });
}

}  // namespace syncline::cli
