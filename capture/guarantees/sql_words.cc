#include "capture/guarantees/sql_words.h"

#include <algorithm>

namespace syncline::capture {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool IsNameStart(char c) {
  const char lower = Lower(c);
  return (lower >= 'a' && lower <= 'z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool IsNameLetter(char c) { return IsNameStart(c) || (c >= '0' && c <= '9') || c == '$'; }

class Scan {
 public:
  Scan(std::string_view text, const WordRules& rules) : text_(text), rules_(rules) {}

  std::vector<std::string> Words() && {
    while (at_ < text_.size()) Next();
    return std::move(words_);
  }

 private:
  std::string_view Two() const { return text_.substr(at_, 2); }

  void Next() {
    const char c = text_[at_];
    if (IsSpace(c)) {
      ++at_;
    } else if (Two() == "--") {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (Two() == "/*") {
      Comment();
    } else if (c == '\'' || c == '"' || (rules_.has_bracket_names && (c == '`' || c == '['))) {
      Quoted(c);
    } else if (rules_.has_dollar_texts && Lower(c) == 'e' && at_ + 1 < text_.size() &&
               text_[at_ + 1] == '\'') {
      Escaped();
    } else if (rules_.has_dollar_texts && c == '$') {
      Dollars();
    } else if (IsNameLetter(c)) {
      const size_t begin = at_;
      while (at_ < text_.size() && IsNameLetter(text_[at_])) ++at_;
      words_.push_back(LowerName(text_.substr(begin, at_ - begin)));
    } else {
      const size_t length = Two() == ":=" ? 2 : 1;
      words_.emplace_back(text_.substr(at_, length));
      at_ += length;
    }
  }

  void Comment() {
    int depth = 0;
    do {
      if (Two() == "/*" && (depth == 0 || rules_.comments_nest)) {
        ++depth;
        at_ += 2;
      } else if (Two() == "*/") {
        --depth;
        at_ += 2;
      } else {
        ++at_;
      }
    } while (depth > 0 && at_ < text_.size());
    if (depth > 0) words_.emplace_back(kOpaqueWord);
  }

  void Quoted(char open) {
    const char close = open == '[' ? ']' : open;
    std::string word(1, open == '\'' ? '\'' : '"');
    for (++at_; at_ < text_.size(); ++at_) {
      const bool closes = text_[at_] == close;
      if (closes && (open == '[' || at_ + 1 == text_.size() || text_[at_ + 1] != close)) break;
      at_ += closes ? 1 : 0;
      word += text_[at_];
    }
    const bool is_open = at_ >= text_.size();
    at_ += is_open ? 0 : 1;
    // What a backslash means depends on the session, and on what stands before the quote.
    const bool is_opaque = is_open || (rules_.has_dollar_texts && word.find('\\') != word.npos);
    words_.push_back(is_opaque ? std::string(kOpaqueWord) : std::move(word));
  }

  // E'it\'s'
  void Escaped() {
    for (at_ += 2; at_ < text_.size() && text_[at_] != '\''; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    at_ = std::min(at_ + 1, text_.size());
    words_.emplace_back(kOpaqueWord);
  }

  // $tag$ .. $tag$, or $1
  void Dollars() {
    size_t end = at_ + 1;
    if (end < text_.size() && IsNameStart(text_[end])) {
      while (end < text_.size() && IsNameLetter(text_[end]) && text_[end] != '$') ++end;
    }
    words_.emplace_back(kOpaqueWord);
    if (end >= text_.size() || text_[end] != '$') {
      ++at_;
      return;
    }
    const std::string_view tag = text_.substr(at_, end + 1 - at_);
    const size_t close = text_.find(tag, end + 1);
    at_ = close == text_.npos ? text_.size() : close + tag.size();
  }

  const std::string_view text_;
  const WordRules& rules_;
  size_t at_ = 0;
  std::vector<std::string> words_;
};

}  // namespace

std::vector<std::string> SqlWords(std::string_view text, const WordRules& rules) {
  return Scan(text, rules).Words();
}

std::string LowerName(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), Lower);
  return lower;
}

bool IsOneOf(std::string_view word, WordList list) {
  return std::ranges::find(list, word) != list.end();
}

bool Has(Words words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool Are(Words words, WordList list) { return std::ranges::equal(words, list); }

Words WithoutParentheses(Words words) {
  while (words.size() > 2 && words.front() == "(" && words.back() == ")") {
    const Words inner = words.subspan(1, words.size() - 2);
    int depth = 0;
    for (const std::string& word : inner) {
      depth += word == "(" ? 1 : word == ")" ? -1 : 0;
      if (depth < 0) return words;
    }
    words = inner;
  }
  return words;
}

}  // namespace syncline::capture
