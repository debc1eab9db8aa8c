#include "apply/conflict_images.h"

#include <vector>

#include "apply/row_image.h"
#include "engine/base/check.h"
#include "engine/model/value_text.h"

namespace syncline::apply {

ConflictImages::ConflictImages(sql::Session& session, const TablePlan& plan,
                               const TargetShape& shape)
    : session_(session),
      plan_(plan),
      shape_(shape),
      upserts_(ImageUpsertSql(shape)),
      deletes_(ImageDeleteSql(shape)) {}

Conflict ConflictImages::Of(const WriteTask& task, uint32_t number, ConflictType type,
                            bool source_won) const {
  const RowChange& change = task.changes[number];
  std::vector<Column> key;
  for (const uint32_t column : plan_.key) key.push_back(plan_.columns[column]);
  Conflict conflict{.table = shape_.table,
                    .key = RowImage(key, change.key),
                    .type = type,
                    .rule = plan_.conflict,
                    .source_won = source_won,
                    .offset = change.offset,
                    .source_version = ToText(change.version)};
  if (!task.deletion) conflict.source_row = RowImage(plan_.columns, TargetRow(plan_, change.row));
  return conflict;
}

void ConflictImages::Add(const WriteTask& task, std::span<const uint32_t> numbers,
                         std::span<Conflict> conflicts) {
  const auto found =
      session_.QueryEach(task.deletion ? deletes_ : upserts_, task.Pointers(numbers));
  for (size_t i = 0; i < found.size(); ++i) {
    SYNCLINE_CHECK(found[i].has_value());
    conflicts[i].target_row = RowImage(shape_.columns, *found[i]);
    if (plan_.cursor) conflicts[i].target_version = found[i]->at(*plan_.cursor);
    if (plan_.cursor_fallback && !conflicts[i].target_version) {
      conflicts[i].target_version = found[i]->at(*plan_.cursor_fallback);
    }
  }
}

}  // namespace syncline::apply
