#pragma once

#include <libpq-fe.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/model/row.h"

namespace syncline::sql {

// Turns the messages of COPY .. TO STDOUT (FORMAT binary) into rows. The hot path of capture: no
// allocation per value. Format: PostgreSQL manual, "COPY", section "Binary Format"; the fields as
// each type's send function writes them. Belongs to the session's thread.
class BinaryDecoder {
 public:
  // One type per column of the query. The types that ReadsBinary refuses arrive as text: jsonb
  // becomes kJson, all others kOther.
  // `has_size`: behind these stands a bigint that is not the row's.
  explicit BinaryDecoder(std::vector<Oid> types, bool has_size = false)
      : types_(std::move(types)), has_size_(has_size) {}
  BinaryDecoder(const BinaryDecoder&) = delete;
  BinaryDecoder& operator=(const BinaryDecoder&) = delete;

  // Takes one message and calls `sink(row)` for every row in it. The server sends whole rows;
  // throws RestartError for bytes that are not.
  template <typename Sink>
  void Decode(std::string_view message, const Sink& sink) {
    at_ = message.data();
    end_ = at_ + message.size();
    if (!started_) ReadHeader();
    while (at_ != end_ && NextRow()) sink(row_);
  }

  // What stood behind the row that `sink` has at hand.
  int64_t size() const { return size_; }

 private:
  void ReadHeader();
  bool NextRow();  // false at the trailer
  void AppendField(Oid type, std::string_view field);
  void AppendNumeric(std::string_view field);
  std::string_view Take(size_t size);
  [[noreturn]] static void Malformed();

  const std::vector<Oid> types_;
  const bool has_size_;
  int64_t size_ = 0;
  bool started_ = false;
  const char* at_ = nullptr;  // of the message at hand
  const char* end_ = nullptr;
  Row row_;
  std::string numeric_;  // reused
};

}  // namespace syncline::sql
