#include "tests/support/recorded_source.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "engine/log/cut_writer.h"

namespace syncline::test {

using capture::RowKeys;
using capture::Source;

void Recording::Table(SchemaPtr table, std::vector<Row> rows, size_t part) {
  Loaded loaded{std::move(table), {}};
  for (size_t first = 0; first < rows.size(); first += part) {
    const size_t end = std::min(rows.size(), first + part);
    loaded.parts.emplace_back(rows.begin() + static_cast<std::ptrdiff_t>(first),
                              rows.begin() + static_cast<std::ptrdiff_t>(end));
  }
  tables_.push_back(std::move(loaded));
}

std::optional<Row> Recording::StateOf(const TableName& table, const Row& key, size_t cuts) const {
  std::optional<Row> state;
  for (const Loaded& one : tables_) {
    if (one.table->table != table) continue;
    for (const std::vector<Row>& part : one.parts) {
      for (const Row& row : part) {
        if (Project(row, one.table->key) == key) state = row;
      }
    }
  }
  for (size_t i = 0; i < std::min(cuts, cuts_.size()); ++i) {
    for (const Step& step : cuts_[i]) {
      if (step.table->table != table) continue;
      if (step.deletion && step.row == key) state.reset();
      if (!step.deletion && Project(step.row, step.table->key) == key) state = step.row;
    }
  }
  return state;
}

void Recording::FailIfTold() {
  if (failures_.empty()) return;
  const Error error = failures_.front();
  failures_.pop_front();
  throw error;
}

RecordedSource::RecordedSource(Recording& recording, const capture::SourceRequest& request)
    : recording_(recording), request_(request) {
  unsigned long parts = 0, cuts = 0;
  const std::string& cursor = request_.log.cursor();
  if (!cursor.empty() && std::sscanf(cursor.c_str(), "recorded %lu %lu", &parts, &cuts) != 2) {
    throw DamageError("the log's cursor is not a recorded source's");
  }
  place_ = {parts, cuts};
}

size_t RecordedSource::Parts() const {
  size_t parts = 0;
  for (const auto& table : recording_.tables_) parts += table.parts.size();
  return parts;
}

std::string RecordedSource::CursorAt(const Place& place) const {
  return "recorded " + std::to_string(place.parts) + " " + std::to_string(place.cuts);
}

template <typename Body>
void RecordedSource::ToLog(Body&& body) {
  log_failed_ = true;
  body();
  log_failed_ = false;
}

bool RecordedSource::loading() const { return place_.parts < Parts(); }

void RecordedSource::LoadNext(const std::stop_token&) {
  size_t index = place_.parts;
  auto table = recording_.tables_.begin();
  for (; index >= table->parts.size(); ++table) index -= table->parts.size();
  CutWriter writer(request_.log);
  ToLog([&] {
    for (const Row& row : table->parts[index]) writer.Add(table->table, row);
  });
  recording_.FailIfTold();
  Place next = place_;
  ++next.parts;
  ToLog([&] { writer.Checkpoint(CursorAt(next)); });
  place_ = next;
}

Source::Outcome RecordedSource::Next(const std::vector<RowKeys>& again) {
  if (std::exchange(recording_.has_changed_, false)) return Outcome::kTablesChanged;
  CutWriter writer(request_.log);
  Place next = place_;
  next.cuts = recording_.cuts_.size();
  ToLog([&] {
    for (size_t cut = place_.cuts; cut < next.cuts; ++cut) {
      for (const Recording::Step& step : recording_.cuts_[cut]) {
        if (step.deletion) {
          writer.AddDeletion(step.table, step.row, Value());
        } else {
          writer.Add(step.table, step.row);
        }
      }
    }
    for (const RowKeys& rows : again) {
      const auto table = Describe(rows.table);
      if (table == nullptr) continue;
      for (const Row& key : rows.keys) {
        if (auto row = recording_.StateOf(rows.table, key, next.cuts)) {
          writer.Add(table, *std::move(row));
        } else {
          writer.AddDeletion(table, key, Value());
        }
      }
    }
  });
  recording_.FailIfTold();
  ToLog([&] { writer.Close(CursorAt(next)); });
  place_ = next;
  ++request_.stats.polls;
  return writer.stats().logged > 0 ? Outcome::kLogged : Outcome::kNothing;
}

std::shared_ptr<const TableSchema> RecordedSource::Describe(const TableName& table) const {
  for (const auto& one : recording_.tables_) {
    if (one.table->table == table) return one.table;
  }
  return nullptr;
}

namespace {

class RecordedConnector : public capture::SourceConnector {
 public:
  RecordedConnector(Recording& recording, const capture::SourceRequest& request)
      : recording_(recording), request_(request) {}

  const std::string& name() const override { return name_; }
  size_t tables() const override { return 1; }
  std::unique_ptr<Source> Connect(const std::optional<Error>& unexplained) override {
    if (unexplained) throw *unexplained;
    return std::make_unique<RecordedSource>(recording_, request_);
  }

 private:
  const std::string name_ = "recorded";
  Recording& recording_;
  const capture::SourceRequest request_;
};

}  // namespace

capture::SourceMaker Recorded(Recording& recording) {
  return [&recording](const capture::SourceRequest& request) {
    return std::make_unique<RecordedConnector>(recording, request);
  };
}

}  // namespace syncline::test
