#pragma once

#include <atomic>
#include <mutex>
#include <optional>

#include "apply/state/replica_log.h"
#include "capture/capture_stage.h"
#include "capture/polling/capture_options.h"
#include "engine/base/clock.h"
#include "engine/log/key_index.h"
#include "engine/log/log_info.h"
#include "engine/log/prepared_appends.h"
#include "engine/sql/database_url.h"

namespace syncline::cli {

// A database that is both source and target: where its capture and those that apply to it meet.
// Thread-safe as ReplicaLog says; borrows everything.
class Replica : public apply::ReplicaLog {
 public:
  // `database` is the one that the log `info` is captured from; the other two are parts of that
  // log.
  Replica(sql::DatabaseUrl database, const LogInfo& info, KeyIndex& index, PreparedAppends& log,
          Clock& clock);

  // What a capture stage wants to know of it. The stage is told to the node by Attach, before
  // anybody wants a turn.
  capture::NodeOptions CaptureOptions(Microseconds max_skew, capture::AheadStamps ahead);
  void Attach(capture::CaptureStage& stage) { stage_ = &stage; }
  // From now on nobody gets a turn that has not got it.
  void Close() { closed_ = true; }
  bool closed() const { return closed_; }

  std::unique_lock<std::mutex> Turn() override;
  NodeId node() const override { return id_; }
  std::shared_ptr<const TableSchema> Schema(const TableName& table) override;
  std::vector<std::optional<IndexEntry>> Known(const TableName& table,
                                               const std::vector<Row>& keys) override;
  void Capture(const TableName& table, std::vector<Row> keys) override;
  void Prepare(FrameDraft draft, const std::string& pipeline, const std::string& token) override;
  std::optional<std::string> Applied(const std::string& pipeline) override {
    return log_.applied(pipeline);
  }
  void Confirm() override;
  void Note(const std::string& pipeline, const std::string& token) override {
    log_.NoteApplied(pipeline, token);
  }

 private:
  void Settle();

  const sql::DatabaseUrl database_;
  const NodeId id_;
  KeyIndex& index_;
  PreparedAppends& log_;
  Clock& clock_;
  capture::CaptureStage* stage_ = nullptr;
  std::atomic<bool> closed_{false};
  std::mutex turn_;
  bool settled_ = false;  // guarded by turn_; the log has no prepared frame
};

}  // namespace syncline::cli
