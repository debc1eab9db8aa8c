#pragma once

#include <string>

#include "apply/rules/table_mapping.h"
#include "capture/plan/deletes.h"
#include "tools/config/yaml_map.h"

namespace syncline::cli {

// What becomes of a row on the target that is gone at the source. Plain value type.
struct OnDeleteChoice {
  apply::OnDelete action = apply::OnDelete::kDelete;
  std::string flag;  // kFlag: the target's column
};

// `deletes`, how deletions are found at the source, and `on_delete`, what they do to the target: a
// word, or a mapping where there is more to say. A key that is not there leaves its value as it is;
// so does one that cannot be understood, which is a mistake. `zone` is that of a cron in `deletes`.
void ReadDeletes(YamlMap& map, const std::string& zone, capture::Deletes& deletes,
                 Mistakes& mistakes);
void ReadOnDelete(YamlMap& map, OnDeleteChoice& choice, Mistakes& mistakes);

}  // namespace syncline::cli
