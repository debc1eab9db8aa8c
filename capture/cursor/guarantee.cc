#include "capture/cursor/guarantee.h"

namespace syncline::capture {

std::string_view NameOf(GuaranteeClass kind) {
  switch (kind) {
    case GuaranteeClass::kExact:
      return "exact";
    case GuaranteeClass::kBounded:
      return "bounded";
    case GuaranteeClass::kEachLook:
      return "as of each look";
    case GuaranteeClass::kBestEffort:
      return "best-effort";
    case GuaranteeClass::kRefused:
      return "refused";
  }
  return "";
}

std::optional<GuaranteeClass> GuaranteeClassNamed(std::string_view name) {
  for (const GuaranteeClass kind :
       {GuaranteeClass::kExact, GuaranteeClass::kBounded, GuaranteeClass::kEachLook,
        GuaranteeClass::kBestEffort, GuaranteeClass::kRefused}) {
    if (NameOf(kind) == name) return kind;
  }
  return {};
}

}  // namespace syncline::capture
