#include "capture/plan/capture_method.h"

namespace syncline::capture {

std::string_view NameOf(CaptureMethod method) {
  switch (method) {
    case CaptureMethod::kCursor:
      return "cursor";
    case CaptureMethod::kXmin:
      return "xmin";
    case CaptureMethod::kCompare:
      return "compare";
  }
  return "";
}

std::optional<CaptureMethod> CaptureMethodNamed(std::string_view name) {
  for (const CaptureMethod method :
       {CaptureMethod::kCursor, CaptureMethod::kXmin, CaptureMethod::kCompare}) {
    if (NameOf(method) == name) return method;
  }
  return {};
}

}  // namespace syncline::capture
