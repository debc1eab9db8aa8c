#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apply/lines/lines_output.h"
#include "apply/rules/table_mapping.h"
#include "apply/target/target.h"
#include "engine/log/logged_change.h"

namespace syncline::apply {

// One change as a line, without its end; the columns of `omit` do not appear. From one thread at a
// time.
using LineMaker =
    std::function<std::string(const LoggedChange&, const std::vector<std::string>& omit)>;

// A target that gets every change of the log as a line of its own, in the log's order, deletions
// and marks included. Of tables that the pipeline does not have nothing is written, save that a
// mark stands where one of their changes closes a cut that lines were written of: so a reader knows
// when it has seen one state of the source.
//
// The lines of the log's base count when all of them were written. Threads: as Target says.
class LinesTarget : public Target {
 public:
  LinesTarget(std::shared_ptr<LinesOutput> output, std::vector<TableMapping> tables,
              std::string pipeline, LineMaker make_line);

  const std::string& name() const override { return output_->name(); }
  void Open() override { output_->Open(); }
  void Close() noexcept override { output_->Close(); }
  bool is_open() const override { return output_->is_open(); }

  // Refuses a position of another pipeline, too.
  std::optional<Progress> Resume(const LogInfo& log) override;
  void Begin(const std::optional<Progress>& from) override;
  Written Apply(TargetBatch batch, const std::optional<Progress>& from, const Progress& to,
                const Turn& turn) override;

  bool TakesEveryChange() const override { return true; }
  bool Wants(const TableName& table) const override { return omitted_.contains(table); }

 private:
  // Adds the line of a change to `lines`, if it has one.
  void Add(Frame& frame, size_t index, const BaseInfo* base, std::string& lines, Written& written);

  const std::shared_ptr<LinesOutput> output_;
  const std::string pipeline_;
  const LineMaker make_line_;
  // The pipeline's tables of the source, and the columns that it omits. Constant.
  std::map<TableName, std::vector<std::string>> omitted_;
  bool cut_open_ = false;  // lines were written of a cut that is not closed
};

// A target that is made for one stage. `output` outlives it, and is used by one target at a time.
TargetMaker LinesTargetAt(std::shared_ptr<LinesOutput> output, std::vector<TableMapping> tables,
                          LineMaker make_line);

}  // namespace syncline::apply
