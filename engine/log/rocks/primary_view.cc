#include "engine/log/rocks/primary_view.h"

#include "engine/log/store/rocks_options.h"

namespace syncline {

PrimaryView::PrimaryView(LogStore& store, LogEnd& end, std::atomic<int>& readers)
    : store_(store), end_(end), readers_(readers) {
  ++readers_;
}

PrimaryView::~PrimaryView() { --readers_; }

std::unique_ptr<rocksdb::Iterator> PrimaryView::NewIterator() {
  return std::unique_ptr<rocksdb::Iterator>(
      store_.db().NewIterator(rocks::ScanOptions(), store_.frames()));
}

LogView::BaseSight PrimaryView::OpenBase() {
  return {nullptr, std::unique_ptr<rocksdb::Iterator>(
                       store_.db().NewIterator(rocks::ScanOptions(), store_.base()))};
}

}  // namespace syncline
