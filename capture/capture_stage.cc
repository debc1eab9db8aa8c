#include "capture/capture_stage.h"
#include "capture/cursor/stored_cursor.h"
#include "capture/polling/capture_options.h"
#include "capture/polling/capture_orders.h"
#include "capture/polling/capture_stats.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/base/backoff.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/sql/session.h"

namespace syncline::capture {
namespace {

constexpr int kWarnEvery = 20;   // tries, after the first
constexpr int kTriesOfOnce = 5;  // `once` is run by somebody who waits for it
// Tables that change again and again are not to keep a step from ever ending.
constexpr int kPlansInARow = 20;
constexpr Microseconds kLoadPatience = std::chrono::seconds(5);

}  // namespace

class CaptureStage::Impl {
 private:
  using Outcome = Source::Outcome;

  Error NotReady() const {
    return RetryError(fmt::format("{} is not being polled at the moment", connector_->name()));
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
  Impl(const SourceMaker& make_source, CaptureOptions options, CaptureLog& log, Clock& clock,
       std::shared_ptr<Logger> logger)
      : options_(std::move(options)),
        log_(log),
        clock_(clock),
        logger_(std::move(logger)),
        connector_(make_source({options_, log_, clock_, stats_, *logger_})),
        pace_(options_.every),
        backoff_(options_.retry) {
    Connect();
  }

  void Run(std::stop_token stop) {
    logger_->Info("capture starts source={} tables={} offset={} cursor=\"{}\"", connector_->name(),
                  connector_->tables(), log_.next().value(), DescribeCursor(log_.cursor()));
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
    logger_->Info("capture stops source={} offset={} polls={} changes={}", connector_->name(),
                  log_.next().value(), stats_.polls.load(), stats_.changes_logged.load());
  }

  const CaptureStats& stats() const { return stats_; }

  void PollNow(const RowKeys& again) {
    OrDisconnect([&] {
      if (!source_) Connect();
      if (source_->loading()) throw NotReady();
      for (int tries = 1; PollOnce({again}) == Outcome::kTablesChanged; ++tries) {
        if (tries == kPlansInARow || source_->loading()) throw NotReady();
      }
    });
  }

  std::shared_ptr<const TableSchema> Schema(const TableName& table) {
    if (!source_) OrDisconnect([&] { Connect(); });
    return source_->Describe(table);
  }

 private:
  void Connect() {
    source_ = connector_->Connect(unexplained_);
    unexplained_.reset();
  }

  // Where the tables have changed nothing was read, and they are planned anew.
  Outcome PollOnce(const std::vector<RowKeys>& again) {
    const Outcome outcome = source_->Next(again);
    if (outcome != Outcome::kTablesChanged) return outcome;
    Disconnect();
    logger_->Info("the source's tables have changed, going on with them as they are now");
    Connect();
    return outcome;
  }

  void Disconnect() { source_.reset(); }

  // One range or one poll; how long to rest then, or nothing when there is nothing left to do.
  std::optional<Microseconds> Step(const std::stop_token& stop) {
    if (source_->loading()) {
      if (!options_.once) RefuseOrders();
      source_->LoadNext(stop);
      GoneOn();
      Progressed({});
      return Microseconds(0);
    }
    const WallTime began = clock_.Now();
    const Microseconds started = clock_.Monotonic();
    const std::optional<bool> found = Poll(stop);
    if (!found) return Microseconds(0);
    GoneOn();
    Progressed(began);
    if (options_.once) {
      if (const auto refused = source_->refused()) throw *refused;
      return {};
    }
    return pace_.Rest(clock_.Monotonic() - started, *found);
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
    const std::optional<Error> refused = source_->refused();
    const bool news = backoff_.tries() > 0 || refused.has_value() != is_refused_;
    if (news && options_.troubled) options_.troubled(refused ? &*refused : nullptr);
    is_refused_ = refused.has_value();
    backoff_.Reset();
  }

  // Whoever gives an order is there, and is not to wait for a load that may take hours.
  void RefuseOrders() {
    if (options_.orders == nullptr) return;
    options_.orders->TakeHasty().Fail(BeingLoaded());
  }

  Error BeingLoaded() const {
    return RetryError(fmt::format("tables of {} are being loaded into the log", connector_->name()),
                      "try again when `syncline log stat` says that they are loaded");
  }

  // Whether it found anything; nothing: it did not come to that, since tables have to be loaded.
  std::optional<bool> Poll(const std::stop_token& stop) {
    CaptureOrders::Taken orders;
    if (options_.orders != nullptr) orders = options_.orders->Take();
    const Microseconds patience = clock_.Monotonic() + kLoadPatience;
    try {
      for (int tries = 1;; ++tries) {
        const Outcome outcome = PollOnce(orders.again());
        if (outcome != Outcome::kTablesChanged) {
          orders.Done(log_.next());
          return outcome == Outcome::kLogged;
        }
        // Whoever gave an order can wait for a small table.
        while (source_->loading() && clock_.Monotonic() < patience && !stop.stop_requested()) {
          source_->LoadNext(stop);
        }
        if (source_->loading() || tries == kPlansInARow) {
          orders.Fail(BeingLoaded());
          return {};
        }
      }
    } catch (const Error& error) {
      orders.Fail(error);
      // Maybe it is the order that the source does not understand: it is gone with this poll.
      if (error.reaction() != Reaction::kStop || orders.again().empty() || source_->log_failed()) {
        throw;
      }
      throw error.WithReaction(Reaction::kRestart);
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
        if (connector_->MayGoAway(error)) break;
        // Perhaps a table has changed under the statements that were made for it: Connect will see.
        if (!was_polling_ || log_failed_) {
          unexplained_.reset();
          throw;
        }
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
    if (backoff_.tries() % kWarnEvery == 1 || error.message() != warned_of_) {
      warned_of_ = error.message();
      logger_->Warn("capture will try again source={} tries={} wait_ms={} error=\"{}\" hint=\"{}\"",
                    connector_->name(), backoff_.tries(), wait.count() / 1000, error.message(),
                    error.hint());
    }
    clock_.Sleep(wait, stop);
  }

  const CaptureOptions options_;
  CaptureLog& log_;
  Clock& clock_;
  const std::shared_ptr<Logger> logger_;
  CaptureStats stats_;

  // The rest belongs to the thread that runs.
  const std::unique_ptr<SourceConnector> connector_;
  Pace pace_;
  Backoff backoff_;
  std::unique_ptr<Source> source_;
  // Of the last error: there was a source_ to read, and it came from the log.
  bool was_polling_ = false;
  bool log_failed_ = false;
  bool is_refused_ = false;           // as told by options_.troubled
  std::string warned_of_;             // the last error that was told
  std::optional<Error> unexplained_;  // kStop of a step, until Connect has looked at the tables
};

CaptureStage::CaptureStage(const SourceMaker& make_source, CaptureOptions options, CaptureLog& log,
                           Clock& clock, std::shared_ptr<Logger> logger)
    : impl_(
          std::make_unique<Impl>(make_source, std::move(options), log, clock, std::move(logger))) {}

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
