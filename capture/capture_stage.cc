#include "capture/capture_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "capture/polling_source.h"
#include "capture/table_plan.h"
#include "engine/base/backoff.h"
#include "engine/base/error.h"
#include "engine/sql/session.h"

namespace syncline::capture {
namespace {

constexpr int kWarnEvery = 20;   // tries, after the first
constexpr int kTriesOfOnce = 5;  // `once` is run by somebody who waits for it

std::vector<SchemaId> SchemaIds(const std::vector<TablePlan>& tables) {
  std::vector<SchemaId> ids;
  for (const TablePlan& table : tables) ids.push_back(table.schema->id());
  return ids;
}

}  // namespace

class CaptureStage::Impl {
 private:
  Error NotReady() const {
    return RetryError(fmt::format("{} is not being polled at the moment", url_.display));
  }

  // After any error of `body` everything in memory is gone, before anybody else has the turn.
  template <typename Body>
  decltype(auto) OrDisconnect(Body&& body) {
    try {
      return body();
    } catch (...) {
      was_polling_ = source_ != nullptr;
      log_failed_ = was_polling_ && source_->log_failed();
      Disconnect();
      throw;
    }
  }

  template <typename Body>
  decltype(auto) InTurn(Body&& body) {
    std::unique_lock<std::mutex> turn;
    if (options_.node) turn = std::unique_lock(*options_.node->turn);
    return OrDisconnect([&] {
      if (options_.node) options_.node->settle();
      if (!source_) Connect();
      return body();
    });
  }

 public:
  Impl(sql::DatabaseUrl url, std::vector<TableSpec> specs, CaptureOptions options, ChangeLog& log,
       Clock& clock, std::shared_ptr<spdlog::logger> logger)
      : url_(std::move(url)),
        specs_(std::move(specs)),
        options_(std::move(options)),
        log_(log),
        clock_(clock),
        logger_(std::move(logger)),
        pace_(options_.every),
        backoff_(options_.retry) {
    Connect();
  }

  void Run(std::stop_token stop) {
    logger_->info("capture starts source={} tables={} offset={} cursor=\"{}\"", url_.display,
                  specs_.size(), log_.next().value(), DescribeCursor(log_.cursor()));
    while (!stop.stop_requested()) {
      if (options_.orders != nullptr) options_.orders->WaitWhileHeld(clock_, stop);
      if (stop.stop_requested()) break;
      try {
        const std::optional<Microseconds> rest = InTurn([&] { return Step(stop); });
        if (!rest) break;
        if (rest->count() > 0) Rest(*rest, stop);
      } catch (const Error& error) {
        React(error, stop);
      }
    }
    logger_->info("capture stops source={} offset={} polls={} changes={}", url_.display,
                  log_.next().value(), stats_.polls.load(), stats_.changes_logged.load());
  }

  const CaptureStats& stats() const { return stats_; }

  void PollNow(const RowKeys& again) {
    OrDisconnect([&] {
      if (!source_) Connect();
      if (source_->loading()) throw NotReady();
      source_->Poll({again});
    });
  }

  std::shared_ptr<const TableSchema> Schema(const TableName& table) {
    if (!source_) OrDisconnect([&] { Connect(); });
    return source_->Schema(table);
  }

 private:
  void Connect() {
    session_ = OpenSession();
    if (const std::string identity = session_->Identity(); identity != log_.info().source) {
      throw StopError(fmt::format("{} is now {}, and the log belongs to {}", url_.display, identity,
                                  log_.info().source),
                      "correct the source's URL, or capture this database into a log of its own");
    }
    std::vector<TablePlan> tables = PlanTables(*session_, specs_);
    std::vector<SchemaId> schemas = SchemaIds(tables);
    if (const auto error = std::exchange(unexplained_, std::nullopt)) {
      if (schemas == schemas_) throw *error;
      logger_->info("the source's tables have changed, going on with them as they are now");
    }
    schemas_ = std::move(schemas);
    source_ = std::make_unique<PollingSource>(
        *session_, [this] { return OpenSession(); }, std::move(tables), options_, log_, clock_,
        stats_, *logger_);
  }

  std::unique_ptr<sql::Session> OpenSession() const {
    return sql::Session::Open(url_, {.read_only = true});
  }

  void Disconnect() {
    source_.reset();
    session_.reset();
  }

  // One range or one poll; how long to rest then, or nothing when there is nothing left to do.
  std::optional<Microseconds> Step(const std::stop_token& stop) {
    if (source_->loading()) {
      if (!options_.once) RefuseOrders();
      source_->LoadRange(stop);
      GoneOn();
      Progressed({});
      return Microseconds(0);
    }
    const WallTime began = clock_.Now();
    const Microseconds started = clock_.Monotonic();
    const bool found = Poll();
    GoneOn();
    Progressed(began);
    if (options_.once) return {};
    return pace_.Rest(clock_.Monotonic() - started, found);
  }

  void Rest(Microseconds rest, const std::stop_token& stop) {
    if (options_.orders != nullptr) {
      options_.orders->Sleep(clock_, rest, stop);
    } else {
      clock_.Sleep(rest, stop);
    }
  }

  void Progressed(std::optional<WallTime> polled) {
    if (options_.progressed) options_.progressed(polled, stats_.loads_running);
  }

  void GoneOn() {
    if (backoff_.tries() > 0 && options_.troubled) options_.troubled(nullptr);
    backoff_.Reset();
  }

  // Whoever gives an order is there, and is not to wait for a load that may take hours.
  void RefuseOrders() {
    if (options_.orders == nullptr) return;
    options_.orders->TakeHasty().Fail(
        RetryError(fmt::format("tables of {} are being loaded into the log", url_.display),
                   "try again when `syncline log stat` says that they are loaded"));
  }

  // Whether it found anything.
  bool Poll() {
    CaptureOrders::Taken orders;
    if (options_.orders != nullptr) orders = options_.orders->Take();
    try {
      const bool found = source_->Poll(orders.again());
      orders.Done(log_.next());
      return found;
    } catch (const Error& error) {
      orders.Fail(error);
      // Maybe it is the order that the source does not understand: it is gone with this poll.
      if (error.reaction() != Reaction::kStop || orders.again().empty() || source_->log_failed()) {
        throw;
      }
      throw RestartError(error.message(), error.hint());
    }
  }

  // Returns when the step may be tried again; the log's cursor counts.
  void React(const Error& error, const std::stop_token& stop) {
    if (stop.stop_requested() && error.reaction() == Reaction::kRetry) return;
    switch (error.reaction()) {
      case Reaction::kRetry:
        break;
      case Reaction::kRestart:
        // The log has to be opened again, and it is not ours.
        if (log_failed_) throw;
        break;
      case Reaction::kStop:
        // Perhaps a table has changed under the statements that were made for it: Connect will see.
        if (!was_polling_ || log_failed_) throw;
        unexplained_ = error;
        return;
      case Reaction::kDamage:
        throw;
    }
    if (backoff_.exhausted()) throw GivenUpError(error, backoff_.tries());
    const Microseconds wait = backoff_.Next();
    if (options_.once && !options_.retry.retries && backoff_.tries() > kTriesOfOnce) throw;
    if (options_.troubled) options_.troubled(&error);
    // Nobody knows how long it will take until there is a poll.
    if (options_.orders != nullptr && !options_.once) options_.orders->Take().Fail(error);
    if (backoff_.tries() % kWarnEvery == 1) {
      logger_->warn("capture will try again source={} tries={} wait_ms={} error=\"{}\" hint=\"{}\"",
                    url_.display, backoff_.tries(), wait.count() / 1000, error.message(),
                    error.hint());
    }
    clock_.Sleep(wait, stop);
  }

  const sql::DatabaseUrl url_;
  const std::vector<TableSpec> specs_;
  const CaptureOptions options_;
  ChangeLog& log_;
  Clock& clock_;
  const std::shared_ptr<spdlog::logger> logger_;
  CaptureStats stats_;

  // The rest belongs to the thread that runs.
  Pace pace_;
  Backoff backoff_;
  std::unique_ptr<sql::Session> session_;
  std::unique_ptr<PollingSource> source_;  // over session_
  // Of the last error: there was a source_ to read, and it came from the log.
  bool was_polling_ = false;
  bool log_failed_ = false;
  std::vector<SchemaId> schemas_;     // as of the last Connect
  std::optional<Error> unexplained_;  // kStop of a step, until Connect has looked at the tables
};

CaptureStage::CaptureStage(sql::DatabaseUrl source, std::vector<TableSpec> tables,
                           CaptureOptions options, ChangeLog& log, Clock& clock,
                           std::shared_ptr<spdlog::logger> logger)
    : impl_(std::make_unique<Impl>(std::move(source), std::move(tables), options, log, clock,
                                   std::move(logger))) {}

CaptureStage::~CaptureStage() = default;

void CaptureStage::Run(std::stop_token stop) { impl_->Run(std::move(stop)); }

const CaptureStats& CaptureStage::stats() const { return impl_->stats(); }

void CaptureStage::PollNow(const RowKeys& again) { impl_->PollNow(again); }

std::shared_ptr<const TableSchema> CaptureStage::Schema(const TableName& table) {
  return impl_->Schema(table);
}

std::string SourceIdentity(const sql::DatabaseUrl& source) {
  return sql::Session::Open(source, {.read_only = true})->Identity();
}

}  // namespace syncline::capture
