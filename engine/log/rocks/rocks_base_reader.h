#pragma once

#include <functional>
#include <memory>

#include "engine/log/base_reader.h"

namespace rocksdb {
class Iterator;
}

namespace syncline {

// The schema of that id; null: it is not there.
using FindSchema = std::function<std::shared_ptr<const TableSchema>(SchemaId)>;

// The base as `entries` shows it, which iterates over the base family and needs `owner` to live.
// `failures` counts the bases that did not add up, one after the other. Private to engine/log.
std::unique_ptr<BaseReader> ReadBase(std::shared_ptr<void> owner,
                                     std::unique_ptr<rocksdb::Iterator> entries,
                                     FindSchema find_schema, std::shared_ptr<int> failures);

}  // namespace syncline
