#pragma once

#include <string>
#include <string_view>

#include "engine/model/row.h"
#include "engine/model/value.h"

namespace syncline {

// Appends a key column's value in a form whose bytewise order is the order of numbers, times, texts
// and bytes, within composite keys too; different values have different forms. So a table that is
// loaded in key order appends to the RowIndex instead of scattering over it, and the index can be
// walked in key order. (Decimals and other texts are ordered by their text.) Private to engine/log.
//
// A value is its type (one byte), then
//   a number: 0x80 + n and the n significant bytes of a number that is not negative, big endian;
//   0x7f - n and those of its complement, complemented, for a negative one. n is 0 to 8. a double:
//   its eight bytes, big endian, with the sign bit flipped, or all bits if it was set a text: its
//   bytes, 0x00 as 0x00 0xff; then 0x00 0x01
void AppendOrdered(ValueView value, std::string& out);

// The values that were written one after the other, as a row. Throws DamageError.
Row ReadOrdered(std::string_view bytes);

}  // namespace syncline
