#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/model/row.h"
#include "engine/model/schema.h"

namespace syncline::apply {

// Rows for people, and for writing them back: one JSON object by the names of columns, of which
// `values` are parallel to `columns`. Integers and booleans are what JSON has for them, NULL is
// null, everything else its text, which loses nothing; columns of Type::kNull were left out. Bytes
// that are no UTF-8 become U+FFFD. Pure.
std::string RowImage(const std::vector<Column>& columns,
                     const std::vector<std::optional<std::string>>& values);
std::string RowImage(const std::vector<Column>& columns, const Row& row);

// The same image in ASCII, which text of every encoding can hold.
std::string AsciiImage(const std::string& image);

// The texts of `columns` in what RowImage made; nothing for NULL and for columns that it has not.
// Throws DamageError when it is no such object.
std::vector<std::optional<std::string>> ParseRowImage(const std::vector<Column>& columns,
                                                      const std::string& image);

// The same as a row whose values the database converts to the columns' types.
Row ParseRow(const std::vector<Column>& columns, const std::string& image);

}  // namespace syncline::apply
