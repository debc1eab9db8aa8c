#include "capture/cursor/stamp_forms.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace syncline::capture {
namespace {

using FormKind = StampForm::Kind;

// Offsets may be many; beyond so many forms another text in ISO form tells nothing new.
constexpr size_t kFormsMax = 8;

bool IsUnit(const StampForm& form) { return form.is_number() && form.kind != FormKind::kNumber; }

}  // namespace

bool StampForms::AddForm(const StampForm& form) {
  // Zero is the lowest of all numeric forms, and what is NULL is not read.
  const bool tells =
      form.kind != FormKind::kNothing && (form.kind != FormKind::kZero || form.is_text);
  if (!tells || std::ranges::find(forms_, form) != forms_.end()) return false;
  if (form.is_iso() && forms_.size() >= kFormsMax) return false;
  forms_.push_back(form);
  const Scan before = scan_;
  scan_ = ScanOf();
  return scan_ != before;
}

bool StampForms::Refuses(const StampForm& form) const {
  if (forms_.empty() || form.is_moment() || form.kind == FormKind::kNothing) return false;
  const bool all_numbers = std::ranges::all_of(forms_, &StampForm::is_number);
  return !(form.is_number() && all_numbers) && std::ranges::all_of(forms_, &StampForm::is_moment);
}

StampForms::Scan StampForms::ScanOf() const {
  const auto units = std::ranges::count_if(forms_, IsUnit);
  const bool all_numbers = std::ranges::all_of(forms_, &StampForm::is_number);
  const bool thousandfold = std::ranges::any_of(forms_, [](const StampForm& form) {
    return form.is_number() && form.kind >= FormKind::kMilliseconds &&
           form.kind <= FormKind::kNanoseconds;
  });
  // A counter may have passed through numbers that look like days or seconds.
  const bool is_counter = all_numbers && units < static_cast<int64_t>(forms_.size());
  if (all_numbers && (units <= 1 || (is_counter && !thousandfold))) return Scan::kRange;
  if (forms_.size() == 1 && forms_.front().kind != FormKind::kFar) return Scan::kRange;
  const bool all_near = std::ranges::all_of(
      forms_, [](const StampForm& form) { return form.is_iso() || IsUnit(form); });
  return all_near ? Scan::kWindow : Scan::kAll;
}

bool StampForms::are_moments() const {
  return scan_ != Scan::kRange || std::ranges::all_of(forms_, &StampForm::is_moment);
}

std::vector<std::string> StampForms::names() const {
  std::vector<std::string> names;
  for (const StampForm& form : forms_) names.push_back(NameOf(form));
  return names;
}

StampForms StampForms::Of(const std::vector<std::string>& names) {
  StampForms forms;
  for (const std::string& name : names) {
    if (const std::optional<StampForm> form = StampFormNamed(name)) forms.AddForm(*form);
  }
  return forms;
}

StampForms StampForms::OfSample(const std::vector<std::pair<StampForm, uint64_t>>& counts) {
  uint64_t moments = 0, all = 0;
  for (const auto& [form, count] : counts) {
    if (form.kind != FormKind::kNothing) all += count;
    if (form.is_moment()) moments += count;
  }
  StampForms forms;
  for (const auto& [form, count] : counts) {
    if (form.is_moment() || 10 * moments < 9 * all) forms.AddForm(form);
  }
  return forms;
}

std::string StampForms::Describe() const {
  std::vector<std::string> texts;
  for (const StampForm& form : forms_) texts.push_back(syncline::Describe(form));
  return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace syncline::capture
