#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/polling/source.h"
#include "engine/base/error.h"
#include "engine/model/row.h"
#include "engine/model/schema.h"

namespace syncline::test {

// What a recorded source plays: what one look at it after the other finds, and how looks fail. The
// test adds to it at any time between two calls of the source; what was played stays, so that a
// source which begins again finds all that its log has not got.
class Recording {
 public:
  using SchemaPtr = std::shared_ptr<const TableSchema>;

  // Rows in one cut, which come to the log by Next.
  struct Step {
    SchemaPtr table;
    Row row;  // of a deletion its key
    bool deletion = false;
  };
  void Cut(std::vector<Step> steps) { cuts_.push_back(std::move(steps)); }
  // A table that the source has from now on, with rows that are loaded, `part` of them at a time.
  void Table(SchemaPtr table, std::vector<Row> rows, size_t part);
  // The next call that reads fails so, after it has read.
  void Fail(Error error) { failures_.push_back(std::move(error)); }
  // The tables are others: the next Next reads nothing.
  void ChangeTables() { has_changed_ = true; }

 private:
  friend class RecordedSource;

  struct Loaded {
    SchemaPtr table;
    std::vector<std::vector<Row>> parts;
  };
  // The last state of each key up to a cut; none: it was deleted.
  std::optional<Row> StateOf(const TableName& table, const Row& key, size_t cuts) const;
  void FailIfTold();

  std::vector<Loaded> tables_;
  std::vector<std::vector<Step>> cuts_;
  std::deque<Error> failures_;
  bool has_changed_ = false;
};

// A source that plays a Recording, which must outlive it. How far it has come stands in the log's
// cursor, and nowhere else.
class RecordedSource : public capture::Source {
 public:
  RecordedSource(Recording& recording, const capture::SourceRequest& request);

  bool loading() const override;
  void LoadNext(const std::stop_token& stop) override;
  Outcome Next(const std::vector<capture::RowKeys>& again = {}) override;
  std::shared_ptr<const TableSchema> Describe(const TableName& table) const override;
  bool log_failed() const override { return log_failed_; }

 private:
  // What the log's cursor says: parts of tables that are loaded, and cuts that were played.
  struct Place {
    size_t parts = 0;
    size_t cuts = 0;
  };
  size_t Parts() const;
  std::string CursorAt(const Place& place) const;
  template <typename Body>
  void ToLog(Body&& body);

  Recording& recording_;
  const capture::SourceRequest request_;
  Place place_;
  bool log_failed_ = false;
};

// For a stage.
capture::SourceMaker Recorded(Recording& recording);

}  // namespace syncline::test
