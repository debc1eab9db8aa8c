#pragma once

#include <rocksdb/db.h>
#include <rocksdb/table_properties.h>

#include <memory>
#include <optional>
#include <string>

#include "engine/base/offset.h"
#include "engine/model/row.h"

namespace syncline {

// How much of the log the files of the "index" family tell about. It is not a record of its own,
// which could come apart from the entries and would make the key ranges of all files overlap:
// every file carries, as a property, the head of its entry with the greatest offset. Entries reach
// the files in the order of the frames, so whatever came before the greatest offset is there too.
// Private to engine/log.
struct IndexExtent {
  Offset end;        // behind the last change that the files tell about; 0: there is none
  Fingerprint last;  // of that change
  bool operator==(const IndexExtent&) const = default;

  // Nothing if a file does not say, because a program wrote it that kept no such property. What is
  // in memtables does not count. Throws as ToError.
  static std::optional<IndexExtent> Read(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family);
};

// For the options of the "index" family: makes its files say their extent.
std::shared_ptr<rocksdb::TablePropertiesCollectorFactory> NewIndexExtentCollectorFactory();

}  // namespace syncline
