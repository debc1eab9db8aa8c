#include "apply/lines/lines_target.h"

#include <fmt/format.h>

#include <utility>

#include "engine/base/error.h"

namespace syncline::apply {
namespace {

constexpr size_t kWriteBytes = 1u << 20;  // at a time

bool IsAt(const std::optional<LinesPosition>& position, const std::optional<Progress>& from) {
  if (!position || !from) return position.has_value() == from.has_value();
  const Progress& at = position->at;
  return at.log_id == from->log_id && at.epoch == from->epoch && at.next == from->next &&
         at.frame_hash == from->frame_hash;
}

}  // namespace

LinesTarget::LinesTarget(std::shared_ptr<LinesOutput> output, std::vector<TableMapping> tables,
                         std::string pipeline, LineMaker make_line)
    : output_(std::move(output)), pipeline_(std::move(pipeline)), make_line_(std::move(make_line)) {
  for (TableMapping& table : tables) omitted_[table.source] = std::move(table.omit);
}

std::optional<Progress> LinesTarget::Resume(const LogInfo& log) {
  const std::optional<LinesPosition>& position = output_->position();
  if (!position) return std::nullopt;
  const Progress& at = position->at;
  if (at.pipeline != pipeline_) {
    throw UsageError(
        fmt::format("{} was written by pipeline {}, not by {}", name(), at.pipeline, pipeline_),
        "Give each pipeline a file of its own.");
  }
  if (at.log_id != log.id.ToString()) {
    throw UsageError(fmt::format("{} was written from log {}, but this log is {}", name(),
                                 at.log_id, log.id.ToString()),
                     "Use the log that it was written from, or let the pipeline write to another "
                     "file.");
  }
  if (at.next > log.SharedUpTo(at.epoch)) {
    throw DamageError(
        fmt::format("{} holds lines up to offset {} of epoch {}, and the log, of epoch {}, has not "
                    "the same changes there",
                    name(), at.next.value(), at.epoch, log.epoch),
        "The log has lost changes, or is an old copy. Restore the newest copy of it, or let the "
        "pipeline write to another file.");
  }
  return at;
}

void LinesTarget::Begin(const std::optional<Progress>& from) {
  if (!IsAt(output_->position(), from)) {
    throw RestartError(fmt::format("{} is not where it was", name()));
  }
  output_->Begin();
  cut_open_ = output_->position() && output_->position()->cut_open;
}

void LinesTarget::Add(Frame& frame, size_t index, const BaseInfo* base, std::string& lines,
                      Written& written) {
  static const std::vector<std::string> kNothing;
  LoggedChange logged{frame, index, base};
  const TableSchema* const schema = logged.schema();
  const auto table = schema != nullptr ? omitted_.find(schema->table) : omitted_.end();
  if (schema != nullptr && table == omitted_.end()) {
    if (!logged.closes_cut() || !cut_open_) return;
    frame.changes[index] = Change{.op = Op::kMark};
  }
  lines += make_line_(logged, table == omitted_.end() ? kNothing : table->second);
  lines += '\n';
  cut_open_ = base == nullptr && !logged.closes_cut();
  if (table != omitted_.end()) ++written[table->first].written;
}

Target::Written LinesTarget::Apply(TargetBatch batch, const std::optional<Progress>& from,
                                   const Progress& to, const Turn&) {
  if (!IsAt(output_->position(), from)) {
    throw RestartError(fmt::format("{} is not where it was", name()));
  }
  Written written;
  std::string lines;
  for (Frame& frame : batch.frames) {
    for (size_t index = 0; index < frame.changes.size(); ++index) {
      Add(frame, index, batch.base ? &*batch.base : nullptr, lines, written);
      if (lines.size() < kWriteBytes) continue;
      output_->Write(lines);
      lines.clear();
    }
  }
  output_->Write(lines);
  const bool is_part = batch.base && to.next < batch.base->as_of;
  if (batch.base && !is_part) cut_open_ = batch.base->cut_open;
  Progress at = to;
  at.updated_at.clear();
  output_->Commit({.at = std::move(at), .cut_open = cut_open_}, is_part);
  return written;
}

TargetMaker LinesTargetAt(std::shared_ptr<LinesOutput> output, std::vector<TableMapping> tables,
                          LineMaker make_line) {
  return [output = std::move(output), tables = std::move(tables),
          make_line = std::move(make_line)](const TargetRequest& wanted) {
    return std::make_unique<LinesTarget>(output, tables, wanted.pipeline, make_line);
  };
}

}  // namespace syncline::apply
