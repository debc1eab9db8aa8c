#include "apply/write/conflict_images.h"

#include <vector>

#include "apply/state/row_image.h"
#include "engine/base/error.h"
#include "engine/model/value_text.h"

namespace syncline::apply {

ConflictImages::ConflictImages(sql::Session& session, const ApplyPlan& plan,
                               const TargetShape& shape)
    : session_(session),
      plan_(plan),
      shape_(shape),
      upserts_(ImageUpsertSql(shape)),
      deletes_(ImageDeleteSql(shape)) {}

// Nothing where the cursor is omitted: its value is not the target's to have.
std::string ConflictImages::VersionText(const RowChange& change) const {
  return plan_.cursor && !change.version.is_null() ? ToText(change.version) : "";
}

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
                    .source_version = VersionText(change)};
  if (!task.deletion) conflict.source_row = RowImage(plan_.columns, TargetRow(plan_, change.row));
  return conflict;
}

void ConflictImages::Add(const WriteTask& task, std::span<const uint32_t> numbers,
                         std::span<Conflict> conflicts) {
  const auto found =
      session_.QueryEach(task.deletion ? deletes_ : upserts_, task.Pointers(numbers));
  for (size_t i = 0; i < found.size(); ++i) {
    if (!found[i]) throw RestartError("a row that was locked cannot be seen any more");
    conflicts[i].target_row = RowImage(shape_.columns, *found[i]);
    if (plan_.cursor) conflicts[i].target_version = found[i]->at(*plan_.cursor);
    if (plan_.cursor_fallback && !conflicts[i].target_version) {
      conflicts[i].target_version = found[i]->at(*plan_.cursor_fallback);
    }
  }
}

}  // namespace syncline::apply
