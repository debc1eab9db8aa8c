#pragma once

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/value.h"
#include "engine/model/wire.h"

namespace syncline {

class RowShape;

// 128 bits of XXH3 over a row's bytes: the identity of a state in the RowIndex.
struct Fingerprint {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const Fingerprint&) const = default;
};

// A row is its canonical bytes: the Protobuf wire form of `message Row` in frame.proto, written in
// one way only. So equal rows have equal bytes, rows travel from the database to the log without
// being taken apart, and comparing, hashing and storing them costs what memcmp, XXH3 and memcpy
// cost. Values are read in order; access by index walks there. Plain value type.
class Row {
 public:
  Row() = default;

  // Takes bytes that were read from outside; throws DamageError when they are not the canonical
  // form of a row.
  static Row FromBytes(std::string bytes);
  // The same for a row of that shape; throws DamageError, too, when it has another one.
  static Row FromBytes(std::string bytes, const RowShape& shape);

  void Append(ValueView value);
  void Reserve(size_t bytes) { bytes_.reserve(bytes); }
  // Empty again; keeps the memory.
  void Clear() {
    bytes_.clear();
    size_ = 0;
  }

  size_t size() const { return size_; }
  const std::string& bytes() const { return bytes_; }
  ValueView operator[](size_t index) const;
  Fingerprint fingerprint() const;
  bool operator==(const Row& other) const { return bytes_ == other.bytes_; }

  // Forward over the values; the views borrow from the row.
  class Iterator {
   public:
    using value_type = ValueView;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;

    Iterator() = default;
    explicit Iterator(const char* at) : at_(at) {}
    ValueView operator*() const {
      const char* at = at_;
      return wire::ReadValue(wire::NextOfRow(at));
    }
    Iterator& operator++() {
      wire::NextOfRow(at_);
      return *this;
    }
    Iterator operator++(int) {
      Iterator old = *this;
      ++*this;
      return old;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const char* at_ = nullptr;
  };
  Iterator begin() const { return Iterator(bytes_.data()); }
  Iterator end() const { return Iterator(bytes_.data() + bytes_.size()); }

 private:
  // `accept` is asked for each value, by its number and type.
  template <typename Accept>
  static Row Checked(std::string bytes, const Accept& accept);

  std::string bytes_;
  size_t size_ = 0;
};

// The row's values at `columns`, in that order, as a row of their own (a key, for instance).
Row Project(const Row& row, const std::vector<uint32_t>& columns);

}  // namespace syncline
