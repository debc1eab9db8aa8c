#pragma once

#include <array>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace syncline::sql {

// Text that may be run as SQL. It consists of literals of the program, and of what Quote, Literal
// and DeclaredType (dialect.h) make of names, values and types that come from elsewhere. A
// std::string does not become one, so text from a catalogue, a log or a row cannot be pasted into a
// statement. Value type; a literal is not copied.
class Sql {
 public:
  constexpr Sql() = default;

  // A string literal, or a constant array of characters.
  template <size_t kSize>
  consteval Sql(const char (&literal)[kSize]) : literal_(literal, kSize - 1) {
    for (const char c : literal_) {
      if (c == '\0') throw "a literal of SQL holds a zero byte";
    }
  }

  // SQL that the operator has written into the configuration, to be run as it stands. Throws
  // UsageError for text with a zero byte.
  static Sql OfOperator(std::string text);

  bool empty() const { return text().empty(); }
  std::string_view text() const { return composed_ ? std::string_view(composed_->text) : literal_; }
  // Ended by a zero byte.
  const char* c_str() const { return text().data(); }
  std::string ToString() const { return std::string(text()); }

  // A quoted name that is too long for PostgreSQL, which would cut it; empty: there is none.
  std::string_view long_name() const {
    return composed_ ? std::string_view(composed_->long_name) : std::string_view();
  }

  Sql& operator+=(const Sql& other);
  friend Sql operator+(Sql a, const Sql& b) { return std::move(a += b); }
  friend bool operator==(const Sql& a, const Sql& b) { return a.text() == b.text(); }
  template <std::convertible_to<std::string_view> Text>
  friend bool operator==(const Sql& a, const Text& b) {
    return a.text() == std::string_view(b);
  }
  friend auto operator<=>(const Sql& a, const Sql& b) { return a.text() <=> b.text(); }

 private:
  friend struct SqlMaker;

  struct Composed {
    std::string text;
    std::string long_name;
  };

  std::string_view literal_ = "";
  std::optional<Composed> composed_;  // counts instead of the literal
};

// The format of a statement, checked when the program is compiled: {} or {0} stand for one of so
// many arguments, {{ and }} for braces.
template <size_t kArguments>
class SqlFormat {
 public:
  template <size_t kSize>
  consteval SqlFormat(const char (&text)[kSize]) : text_(text, kSize - 1) {
    std::array<bool, kArguments + 1> used{};
    size_t next = 0;
    for (size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] == '\0') throw "a format of SQL holds a zero byte";
      if (text_[i] != '{' && text_[i] != '}') continue;
      if (i + 1 < text_.size() && text_[i + 1] == text_[i]) {
        ++i;
        continue;
      }
      if (text_[i] == '}') throw "a lone } in a format of SQL";
      size_t index = 0;
      const size_t first = ++i;
      for (; i < text_.size() && text_[i] >= '0' && text_[i] <= '9'; ++i) {
        index = index * 10 + static_cast<size_t>(text_[i] - '0');
      }
      if (i == text_.size() || text_[i] != '}') throw "a { that nothing closes";
      if (i == first) index = next++;
      if (index >= kArguments) throw "a format of SQL names an argument that is not there";
      used[index] = true;
    }
    for (size_t i = 0; i < kArguments; ++i) {
      if (!used[i]) throw "a format of SQL leaves out an argument";
    }
  }
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

// An argument of Format: SQL, or an integer. Borrows the former.
class SqlArgument {
 public:
  SqlArgument(const Sql& sql) : sql_(&sql) {}
  template <std::integral Number>
  requires(!std::same_as<Number, bool> && !std::same_as<Number, char>) SqlArgument(Number number)
      : number_(static_cast<uint64_t>(number)), negative_(std::cmp_less(number, 0)) {}

  void AppendTo(Sql& sql) const;

 private:
  const Sql* sql_ = nullptr;
  uint64_t number_ = 0;
  bool negative_ = false;  // the number is that of a signed one
};

Sql FormatArguments(std::string_view format, std::span<const SqlArgument> arguments);

template <typename... Arguments>
Sql Format(SqlFormat<sizeof...(Arguments)> format, const Arguments&... arguments) {
  const std::array<SqlArgument, sizeof...(Arguments)> list{SqlArgument(arguments)...};
  return FormatArguments(format.text(), list);
}

Sql Join(std::span<const Sql> parts, const Sql& separator);
// The same of integers.
template <std::ranges::input_range Numbers>
requires std::integral<std::ranges::range_value_t<Numbers>> Sql JoinNumbers(const Numbers& numbers,
                                                                            const Sql& separator) {
  std::vector<Sql> parts;
  for (const auto number : numbers) parts.push_back(Format("{}", number));
  return Join(parts, separator);
}

}  // namespace syncline::sql
