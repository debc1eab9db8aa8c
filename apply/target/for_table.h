#pragma once

#include <string>

#include "engine/base/error.h"
#include "engine/model/schema.h"

namespace syncline::apply {

// Runs `body` on the calling thread; an error that leaves it names the table, and the database's
// own code, by which refusals are looked up.
template <typename Body>
decltype(auto) ForTable(const TableName& table, Body&& body) {
  try {
    return body();
  } catch (Error& error) {
    const std::string code = error.code().empty() ? "" : " (code " + error.code() + ")";
    error.AddContext("table " + table.ToString() + code);
    throw;
  }
}

}  // namespace syncline::apply
