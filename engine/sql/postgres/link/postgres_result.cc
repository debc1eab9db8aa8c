#include "engine/sql/postgres/link/postgres_result.h"

#include <charconv>
#include <string_view>

namespace syncline::sql {

const char* PostgresResult::Field::c_str() const {
  const char* const text = ::PQgetvalue(result_, row_, column_);
  return text == nullptr ? "" : text;
}

PostgresResult::Field PostgresResult::Row::operator[](const char* name) const {
  return (*this)[::PQfnumber(result_.get(), name)];
}

uint64_t PostgresResult::affected_rows() const {
  const std::string_view count = ::PQcmdTuples(result_.get());
  uint64_t rows = 0;
  std::from_chars(count.data(), count.data() + count.size(), rows);
  return rows;
}

}  // namespace syncline::sql
