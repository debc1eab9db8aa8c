#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "capture/polling/capture_options.h"
#include "capture/polling/capture_orders.h"
#include "capture/polling/capture_stats.h"
#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/base/logger.h"
#include "engine/log/capture_log.h"
#include "engine/model/schema.h"

namespace syncline::capture {

// One connection with a source, which brings what is there into a log. Begins where the log's
// cursor says; has no other state that outlives it.
//
// Call order: LoadNext while loading() says so; then Next, again and again, but LoadNext first
// whenever loading() says so. After any exception, and after kTablesChanged, the object is thrown
// away; the log then knows where the next one begins. log_failed is asked after an exception.
//
// Threads: one.
//
// Errors say what is to become of them (Reaction). kStop out of LoadNext or Next may come of a
// table that has changed: SourceConnector::Connect finds out.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  // True: a part of a table that is new to the log has to be loaded before the next cut.
  virtual bool loading() const = 0;
  // Loads a part and makes it durable together with the place where the next one begins. The cut
  // stays open.
  virtual void LoadNext(const std::stop_token& stop) = 0;

  enum class Outcome {
    kNothing,        // there was nothing to log
    kLogged,         // something was logged
    kTablesChanged,  // nothing was read: tables are others than they were
  };
  // Reads all that is new, as of one moment, and closes the cut (invariants 1 and 3). In the same
  // cut the rows named by `again` are read, by their keys, whatever else says that they are not
  // new; those that are not there are logged as deleted where that can be known.
  virtual Outcome Next(const std::vector<RowKeys>& again = {}) = 0;

  // The table as it is captured; null: it is not.
  virtual std::shared_ptr<const TableSchema> Describe(const TableName& table) const = 0;

  // What keeps some of it out of the log until a person has looked; none: nothing. Next goes on.
  virtual std::optional<Error> refused() const { return std::nullopt; }
  // The Error that is on its way came from the log, not from the source.
  virtual bool log_failed() const = 0;
};

// How a stage comes to a source, again and again.
//
// Threads: one.
class SourceConnector {
 public:
  SourceConnector() = default;
  SourceConnector(const SourceConnector&) = delete;
  SourceConnector& operator=(const SourceConnector&) = delete;
  virtual ~SourceConnector() = default;

  // Its name for people, without secrets.
  virtual const std::string& name() const = 0;
  virtual size_t tables() const = 0;

  // A source that can be read. Throws with a hint when it is not the log's, or when what is to be
  // captured cannot be. `unexplained` ended the one before: it is thrown again if the tables are as
  // they were then, for then they do not explain it.
  virtual std::unique_ptr<Source> Connect(const std::optional<Error>& unexplained) = 0;

  // Whether an error that says kStop may go away nevertheless, of a source that could be read.
  virtual bool MayGoAway(const Error&) const { return false; }
};

// For whom a source is connected. Everything is borrowed.
struct SourceRequest {
  const CaptureOptions& options;
  CaptureLog& log;
  Clock& clock;
  CaptureStats& stats;
  Logger& logger;
};
using SourceMaker = std::function<std::unique_ptr<SourceConnector>(const SourceRequest&)>;

}  // namespace syncline::capture
