#include "engine/base/json.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace syncline {
namespace {

constexpr size_t kDepthMax = 500;

// Takes what nlohmann's parser meets. Parents of the value that comes next are open, from the
// outside in.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(Json& root) : next_(&root) {}

  bool null() override { return Take({}); }
  bool boolean(bool value) override { return Take(value); }
  bool number_integer(number_integer_t value) override { return Take(value); }
  bool number_unsigned(number_unsigned_t value) override { return Take(value); }
  bool number_float(number_float_t value, const string_t&) override { return Take(value); }
  bool string(string_t& value) override { return Take(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return Open(Json::object()); }
  bool key(string_t& name) override {
    next_ = &(*open_.back())[std::string_view(name)];
    return true;
  }
  bool end_object() override { return Close(); }
  bool start_array(size_t) override { return Open(Json::array()); }
  bool end_array() override { return Close(); }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& error) override {
    error_ = error.what();
    return false;
  }
  const std::string& error() const { return error_; }

 private:
  Json& Put(Json value) {
    if (!open_.empty() && open_.back()->is_array())
      return open_.back()->emplace_back(std::move(value));
    return *next_ = std::move(value);
  }
  bool Take(Json value) {
    Put(std::move(value));
    return true;
  }
  bool Open(Json value) {
    if (open_.size() == kDepthMax) {
      error_ = "nested too deeply";
      return false;
    }
    open_.push_back(&Put(std::move(value)));
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  Json* next_;
  std::vector<Json*> open_;
  std::string error_;
};

bool IsPlain(const std::string& text) {
  return std::ranges::all_of(text,
                             [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

template <typename T>
std::string DumpValue(const T& value, Json::Form form) {
  using nlohmann::json;
  try {
    return json(value).dump(-1, ' ', form == Json::Form::kAscii,
                            form == Json::Form::kStrict ? json::error_handler_t::strict
                                                        : json::error_handler_t::replace);
  } catch (const json::exception& error) {
    throw JsonError(error.what());
  }
}

void WriteText(const std::string& text, std::string& out, Json::Form form) {
  if (!IsPlain(text)) {
    out += DumpValue(text, form);
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

template <typename Number>
void WriteInteger(Number number, std::string& out) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

}  // namespace

Json::Json(std::string text) : value_(std::move(text)) {}

Json::Json(std::initializer_list<Json> list) {
  const bool is_object = std::ranges::all_of(list, [](const Json& pair) {
    return pair.is_array() && pair.size() == 2 && pair.begin()->is_string();
  });
  *this = is_object ? object() : array();
  for (const Json& element : list) {
    if (is_object) {
      (*this)[std::string_view(std::get<std::string>(element.begin()->value_))] =
          element.at(1);
    } else {
      push_back(element);
    }
  }
}

Json::Json(const Json& other) { *this = other; }
Json::Json(Json&& other) noexcept : value_(std::exchange(other.value_, Value())) {}

Json& Json::operator=(const Json& other) {
  if (this == &other) return *this;
  value_ = std::visit(
      []<typename T>(const T& value) -> Value {
        if constexpr (std::is_same_v<T, ArrayPointer>)
          return std::make_unique<Array>(*value);
        else if constexpr (std::is_same_v<T, MembersPointer>)
          return std::make_unique<Members>(*value);
        else
          return value;
      },
      other.value_);
  return *this;
}

Json& Json::operator=(Json&& other) noexcept {
  // The other may lie within this.
  Value taken = std::exchange(other.value_, Value());
  value_ = std::move(taken);
  return *this;
}

Json::~Json() = default;

Json Json::array() {
  Json json;
  json.value_ = std::make_unique<Array>();
  return json;
}

Json Json::object() {
  Json json;
  json.value_ = std::make_unique<Members>();
  return json;
}

Json Json::parse(std::string_view text) {
  Json json;
  Builder builder(json);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder))
    throw JsonError(builder.error());
  return json;
}

Json Json::parse_or_null(std::string_view text) {
  try {
    return parse(text);
  } catch (const JsonError&) {
    return {};
  }
}

std::string Json::dump(Form form) const {
  std::string out;
  Write(out, form);
  return out;
}

void Json::Write(std::string& out, Form form) const {
  const char* before = "";
  if (const auto* elements = std::get_if<ArrayPointer>(&value_)) {
    out += '[';
    for (const Json& element : **elements) {
      out += std::exchange(before, ",");
      element.Write(out, form);
    }
    out += ']';
  } else if (const auto* members = std::get_if<MembersPointer>(&value_)) {
    out += '{';
    for (const Member& member : **members) {
      out += std::exchange(before, ",");
      WriteText(member.name, out, form);
      out += ':';
      member.value.Write(out, form);
    }
    out += '}';
  } else if (const auto* text = std::get_if<std::string>(&value_)) {
    WriteText(*text, out, form);
  } else if (const auto* number = std::get_if<uint64_t>(&value_)) {
    WriteInteger(*number, out);
  } else if (const auto* negative = std::get_if<int64_t>(&value_)) {
    WriteInteger(*negative, out);
  } else if (const auto* fraction = std::get_if<double>(&value_)) {
    out += DumpValue(*fraction, form);
  } else if (const auto* truth = std::get_if<bool>(&value_)) {
    out += *truth ? "true" : "false";
  } else {
    out += "null";
  }
}

void Json::ThrowIsNot(const char* what) const {
  throw JsonError(std::string(what) +
                  " is expected in place of this JSON: " + dump(Form::kAscii).substr(0, 60));
}

size_t Json::size() const {
  if (const auto* elements = std::get_if<ArrayPointer>(&value_)) return (*elements)->size();
  return items().size();
}

const Json* Json::begin() const {
  const auto* elements = std::get_if<ArrayPointer>(&value_);
  return elements ? (*elements)->data() : nullptr;
}

Json& Json::back() {
  if (!is_array() || empty()) ThrowIsNot("an array with an element");
  return std::get<ArrayPointer>(value_)->back();
}

Json& Json::emplace_back(Json element) {
  if (is_null()) *this = array();
  if (!is_array()) ThrowIsNot("an array");
  return std::get<ArrayPointer>(value_)->emplace_back(std::move(element));
}

const Json::Members& Json::items() const {
  static const Members kNone;
  const auto* members = std::get_if<MembersPointer>(&value_);
  return members ? **members : kNone;
}

const Json* Json::find(std::string_view name) const {
  const auto found = std::ranges::find(items(), name, &Member::name);
  return found == items().end() ? nullptr : &found->value;
}

const Json& Json::at(std::string_view name) const {
  const Json* found = find(name);
  if (!found) throw JsonError("a JSON value has no member \"" + std::string(name) + "\"");
  return *found;
}

const Json& Json::Element(size_t index) const {
  if (!is_array() || index >= size()) ThrowIsNot("a longer array");
  return begin()[index];
}

Json& Json::operator[](std::string_view name) {
  if (is_null()) *this = object();
  if (!is_object()) ThrowIsNot("an object");
  Members& members = *std::get<MembersPointer>(value_);
  const auto found = std::ranges::find(members, name, &Member::name);
  return found != members.end() ? found->value
                                : members.emplace_back(Member{std::string(name), {}}).value;
}

void Json::erase(std::string_view name) {
  if (!is_object()) return;
  std::erase_if(*std::get<MembersPointer>(value_),
                [&](const Member& member) { return member.name == name; });
}

void Json::update(Json other) {
  if (!other.is_object()) other.ThrowIsNot("an object");
  for (Member& member : *std::get<MembersPointer>(other.value_)) {
    (*this)[std::string_view(member.name)] = std::move(member.value);
  }
}

void Json::SortMembers() {
  if (const auto* elements = std::get_if<ArrayPointer>(&value_)) {
    for (Json& element : **elements) element.SortMembers();
  } else if (const auto* members = std::get_if<MembersPointer>(&value_)) {
    std::ranges::sort(**members, {}, &Member::name);
    for (Member& member : **members) member.value.SortMembers();
  }
}

bool Json::Member::operator==(const Member& other) const = default;

bool Json::operator==(const Json& other) const {
  if (is_array() && other.is_array())
    return *std::get<ArrayPointer>(value_) == *std::get<ArrayPointer>(other.value_);
  if (is_object() && other.is_object()) return items() == other.items();
  return value_ == other.value_;
}

}  // namespace syncline
