#include <sqlite3.h>

#include "engine/sql/declared_type.h"

namespace syncline::sql {

bool IsSqliteKeyword(const std::string& word) {
  return ::sqlite3_keyword_check(word.c_str(), static_cast<int>(word.size())) != 0;
}

}  // namespace syncline::sql
