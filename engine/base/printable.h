#pragma once

#include <string>
#include <string_view>

namespace syncline {

// Text from anywhere (names, values, the words of a server) as it may be shown to people: nothing
// in it moves a cursor, begins a line or turns the order of what is read. Control characters (C0,
// DEL, C1), what ends a line or a paragraph (U+2028, U+2029), and the marks that turn the direction
// of writing (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069) become \n, \t, \x1b or
// \u202e; bytes that are no UTF-8 become \xff. Everything else stays as it is, backslashes too, so
// that what was printable once is not changed by another time.
std::string Printable(std::string_view text);

// For a text of JSON that is valid: the same characters, where JSON lets them stand as they are,
// as \u001b or \u202e. Whoever reads the JSON gets the same values.
std::string PrintableJson(std::string_view json);

}  // namespace syncline
