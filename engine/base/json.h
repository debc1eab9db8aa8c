#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace syncline {

// What is asked of a JSON value is not there, or is of another kind; or a text is no JSON.
class JsonError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A JSON value: a tree of values whose objects keep the order in which their members came, which
// people read. Parsing is nlohmann's, which no other header or source of the program sees.
//
// A number is an integer of 64 bits as long as it fits into one and is written without fraction and
// exponent. Whoever asks for a number of a kind that cannot hold it gets a JsonError, and never a
// converted one.
//
// In braces a list of pairs, of which each begins with a text, is an object, and each other list an
// array: Json{{"name", 1}} and Json{1, 2}. Plain value type, moved cheaply.
class Json {
 public:
  struct Member;
  using Array = std::vector<Json>;
  using Members = std::vector<Member>;

  // What becomes of texts that are no UTF-8, and of those that are not ASCII.
  enum class Form {
    kStrict,   // no UTF-8 throws JsonError
    kReplace,  // each ill-formed part becomes U+FFFD
    kAscii,    // the same, and what is not ASCII is escaped
  };

  Json() = default;
  Json(std::nullptr_t) {}
  Json(std::string text);
  Json(std::string_view text) : Json(std::string(text)) {}
  Json(const char* text) : Json(std::string(text)) {}
  template <typename T>
  requires std::is_arithmetic_v<T> Json(T number) {
    if constexpr (std::is_same_v<T, bool>) {
      value_ = number;
    } else if constexpr (std::is_floating_point_v<T>) {
      value_ = static_cast<double>(number);
    } else if (number >= 0) {
      value_ = static_cast<uint64_t>(number);
    } else {
      value_ = static_cast<int64_t>(number);
    }
  }
  template <typename T>
  Json(const std::vector<T>& elements) : Json(array()) {
    for (const auto& element : elements) push_back(Json(element));
  }
  Json(std::initializer_list<Json> list);
  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept;
  ~Json();

  static Json array();
  static Json object();

  // Of several members of one name the last one counts. Throws JsonError, also for what is nested
  // more than 500 deep.
  static Json parse(std::string_view text);
  // null, which no text but "null" is otherwise, in place of an error.
  static Json parse_or_null(std::string_view text);
  // On one line. Throws JsonError.
  std::string dump(Form form = Form::kStrict) const;

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_boolean() const { return std::holds_alternative<bool>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<ArrayPointer>(value_); }
  bool is_object() const { return std::holds_alternative<MembersPointer>(value_); }
  bool is_number_unsigned() const { return std::holds_alternative<uint64_t>(value_); }
  bool is_number_integer() const {
    return is_number_unsigned() || std::holds_alternative<int64_t>(value_);
  }

  // Throws JsonError. T: bool, an integer, double, std::string, a std::vector of these, or a
  // std::map from std::string.
  template <typename T>
  T get() const;

  // Elements of an array or members of an object; of anything else none. What begin and end go
  // through are the elements of an array.
  size_t size() const;
  bool empty() const { return size() == 0; }
  const Json* begin() const;
  const Json* end() const { return begin() + (is_array() ? size() : 0); }
  Json& back();
  // null becomes an array. Throws JsonError where this is something else.
  void push_back(Json element) { emplace_back(std::move(element)); }
  Json& emplace_back(Json element = {});

  // The members of an object; of anything else none.
  const Members& items() const;
  // nullptr: there is none, or this is no object.
  const Json* find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  const Json& at(std::string_view name) const;
  const Json& at(const char* name) const { return at(std::string_view(name)); }
  template <std::integral Index>
  const Json& at(Index index) const {
    return Element(static_cast<size_t>(index));
  }
  // What a member of that name holds, `otherwise` if there is none.
  template <typename T>
  T value(std::string_view name, T otherwise) const {
    const Json* found = find(name);
    return found ? found->get<T>() : std::move(otherwise);
  }
  // The member of that name, which is made if there is none; null becomes an object. Throws
  // JsonError where this is something else.
  Json& operator[](std::string_view name);
  Json& operator[](const char* name) { return (*this)[std::string_view(name)]; }
  template <std::integral Index>
  Json& operator[](Index index) {
    return const_cast<Json&>(Element(static_cast<size_t>(index)));
  }
  void erase(std::string_view name);
  // Takes over the members of another object.
  void update(Json other);
  // Brings the members of all objects within this into the order of their names.
  void SortMembers();

  bool operator==(const Json& other) const;

 private:
  // Owned; copied with the value.
  using ArrayPointer = std::unique_ptr<Array>;
  using MembersPointer = std::unique_ptr<Members>;
  using Value = std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string,
                             ArrayPointer, MembersPointer>;

  const Json& Element(size_t index) const;
  void Write(std::string& out, Form form) const;
  [[noreturn]] void ThrowIsNot(const char* what) const;

  Value value_;
};

struct Json::Member {
  std::string name;
  Json value;
  bool operator==(const Member& other) const;
};

namespace json_detail {
template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};
}  // namespace json_detail

template <typename T>
T Json::get() const {
  if constexpr (std::is_same_v<T, Json>) {
    return *this;
  } else if constexpr (std::is_same_v<T, double>) {
    if (const auto* number = std::get_if<double>(&value_)) return *number;
    if (is_number_unsigned()) return static_cast<double>(std::get<uint64_t>(value_));
    if (is_number_integer()) return static_cast<double>(std::get<int64_t>(value_));
    ThrowIsNot("a number");
  } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string>) {
    if (const auto* found = std::get_if<T>(&value_)) return *found;
    ThrowIsNot(std::is_same_v<T, bool> ? "true or false" : "a text");
  } else if constexpr (std::is_integral_v<T>) {
    if (const auto* number = std::get_if<uint64_t>(&value_)) {
      if (std::in_range<T>(*number)) return static_cast<T>(*number);
    } else if (const auto* negative = std::get_if<int64_t>(&value_)) {
      if (std::in_range<T>(*negative)) return static_cast<T>(*negative);
    }
    ThrowIsNot("an integer of that size");
  } else if constexpr (json_detail::IsVector<T>::value) {
    if (!is_array()) ThrowIsNot("an array");
    T elements;
    for (const Json& element : *this) elements.push_back(element.get<typename T::value_type>());
    return elements;
  } else {
    if (!is_object()) ThrowIsNot("an object");
    T map;
    for (const Member& member : items())
      map[member.name] = member.value.template get<typename T::mapped_type>();
    return map;
  }
}

}  // namespace syncline
