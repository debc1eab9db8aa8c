#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "capture/polling/source.h"
#include "engine/model/schema.h"

namespace syncline::test {

// One of the sources that the suite runs with: a table items(id, name, updated_at), to which the
// test is its user. Another source is another of these and its name in the suite's list.
class SourceUnderTest {
 public:
  virtual ~SourceUnderTest() = default;

  virtual capture::SourceMaker Maker() = 0;
  virtual std::string Identity() const = 0;  // LogInfo::source
  virtual TableName Items() const = 0;

  // What users do: each is one transaction.
  virtual void Put(int id, const std::string& name) = 0;
  virtual void Delete(int id) = 0;
  virtual void AddColumn() = 0;

  // Deviations, each with its reason.
  // A deletion is found only where it is asked for by key: nothing else tells of rows that are
  // gone.
  virtual bool SeesDeletions() const = 0;
  // A row that is written without moving what says that it is new is found only by its key.
  virtual bool CanHide() const { return false; }
  virtual void PutHidden(int /*id*/, const std::string& /*name*/) {}
};

std::unique_ptr<SourceUnderTest> MakeSourceUnderTest(std::string_view name);

}  // namespace syncline::test
