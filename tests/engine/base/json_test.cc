#include "engine/base/json.h"

#include <gtest/gtest.h>

#include <limits>

namespace syncline {
namespace {

using Form = Json::Form;

std::string Again(const std::string& text) { return Json::parse(text).dump(); }

TEST(JsonTest, BracesMakeObjectsOfPairsAndArraysOfTheRest) {
  EXPECT_EQ((Json{{"name", 1}, {"of", {"a", "b"}}}).dump(), R"({"name":1,"of":["a","b"]})");
  EXPECT_EQ((Json{1, "a", nullptr, true, -2.5}).dump(), R"([1,"a",null,true,-2.5])");
  EXPECT_EQ(Json().dump(), "null");
  EXPECT_EQ(Json(std::vector<std::string>{"b", "a"}).dump(), R"(["b","a"])");
}

// Fails when a number loses a digit on its way, above all beyond the 53 bits of a double.
TEST(JsonTest, IntegersOf64BitsStayWhole) {
  for (const char* text : {"18446744073709551615", "-9223372036854775808", "9007199254740993", "0",
                           "1.5", "1e+300", "[]", "{}", R"({"b":[1,{"a":null}],"a":"\"\\"})"}) {
    EXPECT_EQ(Again(text), text);
  }
  EXPECT_EQ(Json(std::numeric_limits<uint64_t>::max()).dump(), "18446744073709551615");
  EXPECT_EQ(Json(std::numeric_limits<int64_t>::min()).get<int64_t>(),
            std::numeric_limits<int64_t>::min());
}

// Fails when a number that does not fit is converted: one of 1e300 to an integer is undefined.
TEST(JsonTest, ANumberOfAnotherKindIsNotConverted) {
  EXPECT_THROW(Json::parse("1e300").get<uint64_t>(), JsonError);
  EXPECT_THROW(Json::parse("7.5").get<int>(), JsonError);
  EXPECT_THROW(Json::parse("7.0").get<int>(), JsonError);
  EXPECT_THROW(Json::parse("-1").get<uint64_t>(), JsonError);
  EXPECT_THROW(Json::parse("18446744073709551616").get<uint64_t>(), JsonError);
  EXPECT_THROW(Json::parse("256").get<uint8_t>(), JsonError);
  EXPECT_THROW(Json::parse("true").get<int>(), JsonError);
  EXPECT_THROW(Json::parse("\"1\"").get<int>(), JsonError);
  EXPECT_EQ(Json::parse("255").get<uint8_t>(), 255);
  EXPECT_EQ(Json::parse("3").get<double>(), 3.0);
}

TEST(JsonTest, WhatIsNotThereIsToldAndNeverMade) {
  const Json json = Json::parse(R"({"a":[1,2],"b":{"c":"x"}})");
  EXPECT_THROW(json.at("c"), JsonError);
  EXPECT_THROW(json.at("a").at(2), JsonError);
  EXPECT_THROW(json.at("a").at(-1), JsonError);
  EXPECT_THROW(json.at("a").at("c"), JsonError);
  EXPECT_THROW(json.at(0), JsonError);
  EXPECT_EQ(json.find("c"), nullptr);
  EXPECT_EQ(json.at("a").find("c"), nullptr);
  EXPECT_EQ(json.at("b").value("d", std::string("none")), "none");
  EXPECT_EQ((json.at("b").get<std::map<std::string, std::string>>().at("c")), "x");
  EXPECT_EQ(json.at("a").get<std::vector<int>>(), (std::vector<int>{1, 2}));
  Json number = 1;
  EXPECT_THROW(number["a"], JsonError);
  EXPECT_THROW(number.push_back(2), JsonError);
  EXPECT_THROW(number.back(), JsonError);
}

// Fails when the first of two members of one name counts, or both stay.
TEST(JsonTest, OfTwoMembersOfOneNameTheLastOneCounts) {
  EXPECT_EQ(Again(R"({"a":1,"b":2,"a":{"c":3}})"), R"({"a":{"c":3},"b":2})");
}

// Fails when a text of a million brackets uses up the stack.
TEST(JsonTest, WhatIsNestedTooDeeplyIsRefused) {
  EXPECT_EQ(Again(std::string(500, '[') + std::string(500, ']')).size(), 1000u);
  EXPECT_THROW(Json::parse(std::string(501, '[') + std::string(501, ']')), JsonError);
  EXPECT_THROW(Json::parse(std::string(1'000'000, '[')), JsonError);
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"a":)";
  EXPECT_THROW(Json::parse(objects), JsonError);
}

TEST(JsonTest, WhatIsNoJsonIsRefused) {
  for (const char* text : {"", " ", "{", "[1,]", "{\"a\"}", "nul", "'a'", "1 2", "\"\xff\"", "[1]]",
                           "{\"a\":1,}", "NaN", "\"a\nb\""}) {
    EXPECT_THROW(Json::parse(text), JsonError) << text;
    EXPECT_TRUE(Json::parse_or_null(text).is_null()) << text;
  }
}

TEST(JsonTest, TextsThatAreNoUtf8) {
  const Json json{{"a\xff", std::string("x\0\x1f\xc3\xa4\xe2\x82", 7)}};
  EXPECT_THROW(json.dump(), JsonError);
  EXPECT_EQ(json.dump(Form::kReplace),
            "{\"a\xef\xbf\xbd\":\"x\\u0000\\u001f\xc3\xa4\xef\xbf\xbd\"}");
  EXPECT_EQ(json.dump(Form::kAscii), R"({"a\ufffd":"x\u0000\u001f\u00e4\ufffd"})");
  EXPECT_EQ(Json(std::numeric_limits<double>::infinity()).dump(), "null");
}

// Fails when a value that is assigned a part of itself is gone before it is copied.
TEST(JsonTest, AValueMayBecomeAPartOfItself) {
  Json json{{"a", {{"b", {1, 2}}}}};
  json = json.at("a");
  EXPECT_EQ(json.dump(), R"({"b":[1,2]})");
  json = std::move(json["b"]);
  EXPECT_EQ(json.dump(), "[1,2]");
  Json copy = json;
  copy.push_back(copy);
  EXPECT_EQ(copy.dump(), "[1,2,[1,2]]");
  EXPECT_EQ(json.dump(), "[1,2]");
  const Json moved = std::move(copy);
  EXPECT_TRUE(copy.is_null());  // NOLINT: what was moved from is null
  EXPECT_EQ(moved.size(), 3u);
}

TEST(JsonTest, MembersAreTakenOverErasedAndSorted) {
  Json json{{"c", 1}, {"a", {{"z", 1}, {"y", 2}}}};
  json.update(Json{{"b", {Json{{"q", 1}, {"p", 2}}}}, {"c", 3}});
  json.erase("nothing");
  EXPECT_EQ(json.dump(), R"({"c":3,"a":{"z":1,"y":2},"b":[{"q":1,"p":2}]})");
  const Json before = json;
  json.SortMembers();
  EXPECT_EQ(json.dump(), R"({"a":{"y":2,"z":1},"b":[{"p":2,"q":1}],"c":3})");
  EXPECT_FALSE(json == before);
  json.erase("a");
  EXPECT_EQ(json, Json::parse(json.dump()));
  EXPECT_FALSE(Json(1) == Json(2));
  EXPECT_EQ(Json(1), Json(uint8_t{1}));
}

}  // namespace
}  // namespace syncline
