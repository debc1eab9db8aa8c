#include "tools/check/check_lines.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "tools/status/pipeline_status.h"

namespace syncline::cli {

void CheckLines(const Config& config, const PipelinePlan& pipeline, CheckReport& report) {
  const std::string subject = fmt::format("{} -> {}", pipeline.name, pipeline.target);
  if (pipeline.lines->is_stdout()) {
    report.Pass(subject, "lines go to stdout: each run begins with the beginning of the log");
    return;
  }
  const std::filesystem::path& path = pipeline.lines->path;
  const std::filesystem::path folder = path.parent_path();
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    report.Fail(subject, fmt::format("the folder of {} does not exist", path.string()),
                fmt::format("mkdir -p {}", folder.string()), Cause::kEnvironment);
    return;
  }
  const bool is_there = std::filesystem::exists(path, error);
  bool leads_nowhere = static_cast<bool>(error);  // links in a circle, for one
  if (!is_there && !error && std::filesystem::is_symlink(path, error)) {
    const std::filesystem::path file = folder / std::filesystem::read_symlink(path, error);
    leads_nowhere = !std::filesystem::is_directory(file.parent_path(), error);
  }
  if (leads_nowhere) {
    report.Fail(subject, fmt::format("{} leads nowhere where a file can be made", path.string()),
                "name a file in a folder that is there", Cause::kUsage);
    return;
  }
  if (is_there && !std::filesystem::is_regular_file(path, error)) {
    report.Fail(subject, fmt::format("{} is no plain file", path.string()),
                "name a file, or jsonl:- for stdout", Cause::kUsage);
    return;
  }
  // The position is renamed into its place, so the folder has to be writable, too.
  if (::access(folder.c_str(), W_OK | X_OK) != 0 ||
      (is_there && ::access(path.c_str(), R_OK | W_OK) != 0)) {
    report.Fail(subject, fmt::format("{} or its folder cannot be written", path.string()),
                "give this user the right to write to both", Cause::kEnvironment);
    return;
  }
  SystemClock clock;
  const PipelineStatus status = ReadPipelineStatus(config, config.Pipeline(pipeline.name), clock);
  if (status.state == PipelineStatus::State::kTrouble) {
    report.Fail(subject, status.trouble, status.hint,
                status.exit_code == 2 ? Cause::kUsage : Cause::kEnvironment);
    return;
  }
  report.Pass(subject, is_there ? fmt::format("{} can be written", path.string())
                                : fmt::format("{} is not there and will be made", path.string()));
}

}  // namespace syncline::cli
