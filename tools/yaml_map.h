#pragma once

#include <yaml-cpp/node/node.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncline::cli {

// What is wrong with one configuration file, gathered so that all of it is told at once.
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

// One mapping of a YAML file with known keys. The getters remember what was asked for, so that
// RefuseOthers can find the keys that nobody knows. What is wrong goes to Mistakes, never out as an
// exception; the getter then answers as if the key were not there. References in texts, `${NAME}`
// and `${file:/path}`, are replaced (expansion.h).
class YamlMap {
 public:
  // `what` names the mapping in messages: "the pipeline \"a\"". Borrows `mistakes`.
  YamlMap(const YAML::Node& node, std::string what, Mistakes& mistakes);

  bool Has(const std::string& key);
  // Whether somebody has asked for that key.
  bool Asked(std::string_view key) const;
  // Whether its value is a mapping.
  bool IsMap(std::string_view key) const;
  // The line of that key, or of the mapping if it is not there.
  int LineOf(std::string_view key) const;
  int line() const { return line_; }

  std::optional<std::string> Text(const std::string& key);
  // The same; a key that is missing is a mistake, `meaning` says what belongs there.
  std::optional<std::string> RequiredText(const std::string& key, std::string_view meaning);
  std::optional<bool> Flag(const std::string& key);
  // A list of texts; a single text is a list of one.
  std::vector<std::string> Texts(const std::string& key);
  // The mapping's own value; null when it is not there.
  YAML::Node Child(const std::string& key);

  // The mapping again, for keys that are names which the user chose.
  struct Entry {
    std::string name;
    YAML::Node value;
    int line;
  };
  const std::vector<Entry>& entries() const { return entries_; }

  // If the key is there it is a mistake: it has no place here, and `why` says where it has. It is
  // not among the valid ones.
  void Refuse(std::string_view key, std::string_view why);

  // Every key not asked for yet is a mistake that names the nearest valid one.
  void RefuseOthers();

 private:
  const Entry* Find(std::string_view key) const;
  const Entry* Ask(const std::string& key);
  std::optional<std::string> TextOf(const YAML::Node& node, const std::string& key, int line);

  std::string what_;
  Mistakes& mistakes_;
  int line_ = 0;
  std::vector<Entry> entries_;
  std::vector<std::string> asked_;
  std::vector<std::string> refused_;
};

// The line of a node, from 1.
int LineOf(const YAML::Node& node);

}  // namespace syncline::cli
