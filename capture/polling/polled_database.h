#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/plan/capture_plan.h"
#include "capture/plan/table_spec.h"
#include "capture/polling/source.h"
#include "engine/sql/database_mark.h"
#include "engine/sql/database_url.h"
#include "engine/sql/session.h"

namespace syncline::capture {

// A database that is polled: connects with PollingSources. Plans the tables anew with each of them,
// and is patient with a database that is being made anew. Threads: one, as SourceConnector says.
class PolledDatabase : public SourceConnector {
 public:
  PolledDatabase(sql::DatabaseUrl url, std::vector<TableSpec> specs, SourceRequest request);

  const std::string& name() const override { return url_.display; }
  size_t tables() const override { return specs_.size(); }
  std::unique_ptr<Source> Connect(const std::optional<Error>& unexplained) override;
  // Somebody is writing another file over it.
  bool MayGoAway(const Error& error) const override;

 private:
  std::vector<CapturePlan> PlanOrWait(sql::Session& session, const sql::DatabaseMark& database);
  std::unique_ptr<sql::Session> OpenSession() const;

  const sql::DatabaseUrl url_;
  const std::vector<TableSpec> specs_;
  const SourceRequest request_;
  bool was_connected_ = false;
  std::vector<SchemaId> schemas_;  // as of the last Connect
};

// What a stage is to capture.
SourceMaker Polled(sql::DatabaseUrl url, std::vector<TableSpec> tables);

}  // namespace syncline::capture
