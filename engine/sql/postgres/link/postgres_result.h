#pragma once

#include <libpq-fe.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace syncline::sql {

struct ClearResult {
  void operator()(PGresult* result) const { ::PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ClearResult>;

// A small result of a PostgreSQL server, every field as text. Copies, rows and iterators share it;
// fields borrow it. Nothing changes it, so any thread may read it.
class PostgresResult {
 public:
  class Field {
   public:
    Field(const PGresult* result, int row, int column)
        : result_(result), row_(row), column_(column) {}
    bool is_null() const { return ::PQgetisnull(result_, row_, column_) != 0; }
    // Empty for NULL, and for a row or column that the server did not send.
    const char* c_str() const;
    size_t size() const { return static_cast<size_t>(::PQgetlength(result_, row_, column_)); }

   private:
    const PGresult* result_;
    int row_, column_;
  };

  class Row {
   public:
    Row(std::shared_ptr<PGresult> result, int row) : result_(std::move(result)), row_(row) {}
    Field operator[](int column) const { return {result_.get(), row_, column}; }
    Field operator[](const char* name) const;

   private:
    std::shared_ptr<PGresult> result_;
    int row_;
  };

  class Iterator {
   public:
    Iterator(const PostgresResult* result, size_t row) : result_(result), row_(row) {}
    Row operator*() const { return (*result_)[row_]; }
    Iterator& operator++() {
      ++row_;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const PostgresResult* result_;
    size_t row_;
  };

  explicit PostgresResult(ResultPtr result) : result_(std::move(result)) {}

  size_t size() const { return static_cast<size_t>(::PQntuples(result_.get())); }
  bool empty() const { return size() == 0; }
  int columns() const { return ::PQnfields(result_.get()); }
  std::string column_name(int column) const { return ::PQfname(result_.get(), column); }
  Oid column_type(int column) const { return ::PQftype(result_.get(), column); }
  // Of a statement that writes; 0 for others.
  uint64_t affected_rows() const;

  Row operator[](size_t row) const { return {result_, static_cast<int>(row)}; }
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

 private:
  std::shared_ptr<PGresult> result_;
};

}  // namespace syncline::sql
