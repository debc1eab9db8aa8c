#include "capture/horizon/make_horizon.h"

#include "capture/horizon/ordered_commits.h"
#include "capture/horizon/transaction_ticks.h"
#include "engine/sql/dialect.h"
#include "engine/sql/for_dialect.h"

namespace syncline::capture {

std::unique_ptr<Horizon> MakeHorizon(sql::Session& session, const std::vector<CapturePlan>& tables,
                                     Microseconds margin) {
  using Made = std::unique_ptr<Horizon>;
  return sql::ForDialect(
      session.dialect(), sql::IfPostgres{[&]() -> Made {
        return std::make_unique<TransactionTicks>(session, tables, margin);
      }},
      sql::IfSqlite{[&]() -> Made { return std::make_unique<OrderedCommits>(session, margin); }});
}

}  // namespace syncline::capture
