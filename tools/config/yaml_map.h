#pragma once

#include <yaml-cpp/node/node.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "tools/config/config_keys.h"

namespace syncline::cli {

// What is wrong with one configuration file, gathered so that all of it is told at once. Threads:
// one.
class Mistakes {
 public:
  // `file` as the user named it.
  explicit Mistakes(std::string file) : file_(std::move(file)) {}

  // `line` counts from 1; 0 means the file as a whole.
  void Add(int line, std::string text);
  bool empty() const { return list_.empty(); }
  // Throws one UsageError with every mistake as "file:line: text", in the order of the lines; does
  // nothing when there is none.
  void ThrowIfAny();

 private:
  struct Mistake {
    int line;
    std::string text;
  };
  std::string file_;
  std::vector<Mistake> list_;
};

// One mapping of a YAML file, read by the table of keys (config_keys.h): which keys it may have,
// and what their values have to be, are those of its place. A getter asks for a key that the table
// has there, in the form that the table says. Mistakes in the file go to Mistakes, never out as an
// exception; the getter then answers as if the key were not there. References in texts, `${NAME}`
// and `${file:/path}`, are replaced (expansion.h). Borrows the mistakes. Threads: one.
class YamlMap {
 public:
  // `what` names the mapping in messages: "the pipeline \"a\"". Borrows `mistakes`.
  YamlMap(const YAML::Node& node, std::string what, Place place, Mistakes& mistakes);

  bool Has(std::string_view key) { return Ask(key) != nullptr; }
  // Has; a key that is missing is a mistake, which tells what belongs there.
  bool Require(std::string_view key);
  // Whether its value is a mapping.
  bool IsMap(std::string_view key);
  // The line of that key, or of the mapping if it is not there.
  int LineOf(std::string_view key) const;
  int line() const { return line_; }

  std::optional<std::string> Text(std::string_view key);
  std::optional<bool> Flag(std::string_view key);
  // A list of texts; a single text is a list of one.
  std::vector<std::string> Texts(std::string_view key);
  std::optional<Microseconds> Duration(std::string_view key);
  // The same of each text of a list; those that are none are left out.
  std::vector<Microseconds> Durations(std::string_view key);
  std::optional<uint64_t> Size(std::string_view key);
  std::optional<uint64_t> Number(std::string_view key);
  // One of the key's words.
  std::optional<std::string> Word(std::string_view key);
  // The mapping's own value; null when it is not there.
  YAML::Node Child(std::string_view key);
  // The mapping that is the key's value; empty when the key is not there.
  YamlMap Inside(std::string_view key);

  // It is a mistake that the value of the key is this text: it has to be what the table says.
  void Unfit(std::string_view key, std::string_view text);

  // The mapping again, for keys that are names which the user chose.
  struct Entry {
    std::string name;
    YAML::Node value;
    int line;
  };
  const std::vector<Entry>& entries() const { return entries_; }

  // If the key is there it is a mistake: `why` says so, with the key in front.
  void Refuse(std::string_view key, std::string_view why);

  // Every key that the table does not have at this place is a mistake: it belongs to another place,
  // or is unknown, and then the nearest one is named. So is one that no getter was asked for.
  void RefuseOthers();

 private:
  const Entry* Find(std::string_view key) const;
  // Find, which remembers that it was asked.
  const Entry* Ask(std::string_view key);
  // The table's entry of a key of this place, in that form. The program's own mistake if there is
  // none.
  const ConfigKey& Known(std::string_view key, Form form) const;
  std::optional<std::string> TextOf(const YAML::Node& node, std::string_view key, int line);
  std::optional<std::string> TextOf(std::string_view key);
  std::optional<Microseconds> DurationOf(const ConfigKey& key, const std::string& text);

  std::string what_;
  Place place_;
  Mistakes& mistakes_;
  int line_ = 0;
  std::vector<Entry> entries_;
  std::vector<std::string> asked_;
  std::vector<std::string> refused_;
};

// The line of a node, from 1.
int LineOf(const YAML::Node& node);

}  // namespace syncline::cli
