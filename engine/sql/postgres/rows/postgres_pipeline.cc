#include "engine/sql/postgres/rows/postgres_pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "engine/sql/postgres/rows/postgres_text.h"
#include "engine/sql/postgres/rows/postgres_types.h"

namespace syncline::sql {
namespace {

// Rows between two synchronisations. Neither side can wait for the other for ever: while rows
// cannot be sent, what has been answered is taken in.
constexpr uint32_t kChunkRows = 512;
// Handed to the network at a time; until then rows wait in libpq's memory.
constexpr size_t kQueueBytes = 64 << 10;
constexpr size_t kParametersMax = 65'535;  // of the protocol
constexpr size_t kNull = static_cast<size_t>(-1);

// Pipeline mode for the time of one call. Leaving it fails only on a lost connection.
class PipelineMode {
 public:
  explicit PipelineMode(PGconn* connection) : connection_(connection) {
    ::PQenterPipelineMode(connection_);
  }
  ~PipelineMode() { ::PQexitPipelineMode(connection_); }
  PipelineMode(const PipelineMode&) = delete;
  PipelineMode& operator=(const PipelineMode&) = delete;

 private:
  PGconn* const connection_;
};

// A type for each of the parameters $1 to the last that the statement mentions: 0 leaves it to the
// server to infer, which it cannot do for one that is skipped. What is quoted is left out: a quote
// in there is doubled (dialect.h), and so reads like an end and a new beginning.
std::vector<Oid> ParameterTypes(std::string_view sql) {
  std::vector<Oid> types;
  for (size_t at = 0; (at = sql.find_first_of("$'\"", at)) != std::string_view::npos; ++at) {
    if (sql[at] != '$') {
      at = sql.find(sql[at], at + 1);
      if (at == std::string_view::npos) break;
      continue;
    }
    size_t number = 0;
    std::from_chars(sql.data() + at + 1, sql.data() + sql.size(), number);
    if (number == 0 || number > kParametersMax) continue;
    if (number > types.size()) types.resize(number, oid::kText);
    types[number - 1] = 0;
  }
  return types;
}

// Rows that a statement changed, or a SELECT returned.
bool ChangedNothing(PGresult* result) {
  const std::string_view count = ::PQcmdTuples(result);
  return count.empty() || count == "0";
}

}  // namespace

const PostgresPipeline::Statement& PostgresPipeline::Prepare(const Sql& sql) {
  if (const auto known = statements_.find(sql); known != statements_.end()) return known->second;
  PGconn* const handle = connection_.handle();
  Statement statement;
  statement.name = fmt::format("syncline_{}", statements_.size());
  connection_.ForgetError();
  const std::vector<Oid> types = ParameterTypes(sql.text());
  connection_.Sent(::PQsendPrepare(handle, statement.name.c_str(), connection_.TextOf(sql),
                                   static_cast<int>(types.size()), types.data()));
  connection_.Await();
  connection_.Sent(::PQsendDescribePrepared(handle, statement.name.c_str()));
  const ResultPtr described = connection_.Await();
  std::vector<Oid> parameters;
  for (int i = 0; i < ::PQnparams(described.get()); ++i) {
    parameters.push_back(::PQparamtype(described.get(), i));
  }
  statement.parameters = TargetTypesOf(connection_, parameters);
  return statements_.emplace(sql, std::move(statement)).first->second;
}

void PostgresPipeline::Send(const Statement& statement, const Row& row) {
  text_.clear();
  starts_.clear();
  size_t index = 0;
  for (const ValueView value : row) {
    if (index == statement.parameters.size()) break;  // a row may have more than the statement uses
    starts_.push_back(value.is_null() ? kNull : text_.size());
    if (!value.is_null()) {
      AppendPostgresText(value, statement.parameters[index], text_);
      text_ += '\0';
    }
    ++index;
  }
  values_.clear();
  for (const size_t start : starts_) {
    values_.push_back(start == kNull ? nullptr : text_.data() + start);
  }
  connection_.Sent(::PQsendQueryPrepared(connection_.handle(), statement.name.c_str(),
                                         static_cast<int>(values_.size()), values_.data(), nullptr,
                                         nullptr, /*resultFormat=*/0));
  queued_ += text_.size();
  if (queued_ < kQueueBytes) return;
  connection_.Flush();
  queued_ = 0;
}

// One result and one end mark per row, then the synchronisation. Everything is read before an error
// is thrown, so that the connection is of use afterwards.
void PostgresPipeline::ReceiveChunk(uint32_t first, uint32_t count, const Sink& sink) {
  PGconn* const handle = connection_.handle();
  std::optional<Error> failure;
  uint32_t index = 0;
  while (true) {
    const ResultPtr result = connection_.Next();
    if (result == nullptr) {
      if (::PQstatus(handle) != CONNECTION_OK) throw failure ? *failure : connection_.LastError();
      ++index;
      continue;
    }
    switch (::PQresultStatus(result.get())) {
      case PGRES_PIPELINE_SYNC:
        if (failure) throw *failure;
        return;
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
        if (index < count) sink(first + index, result.get());
        break;
      case PGRES_PIPELINE_ABORTED:
        break;
      default:
        if (failure) break;
        failure = connection_.LastError();
        failure->AddRow(first + index);
    }
  }
}

void PostgresPipeline::Run(const Sql& sql, std::span<const Row* const> rows, const Sink& sink) {
  if (rows.empty()) return;
  const Statement& statement = Prepare(sql);
  connection_.ForgetError();
  const PipelineMode mode(connection_.handle());
  const auto size = static_cast<uint32_t>(rows.size());
  for (uint32_t first = 0; first < size; first += kChunkRows) {
    const uint32_t count = std::min(kChunkRows, size - first);
    for (uint32_t i = 0; i < count; ++i) {
      try {
        Send(statement, *rows[first + i]);
      } catch (Error& error) {
        error.AddRow(first + i);
        // What was sent before still gets its answers; without them the pipeline could not be left.
        if (::PQpipelineSync(connection_.handle()) == 1) {
          ReceiveChunk(first, i, [](uint32_t, PGresult*) {});
        }
        throw;
      }
    }
    if (::PQpipelineSync(connection_.handle()) != 1) throw connection_.LastError();
    ReceiveChunk(first, count, sink);
  }
}

std::vector<uint32_t> PostgresPipeline::ExecuteEach(const Sql& sql,
                                                    std::span<const Row* const> rows) {
  std::vector<uint32_t> unchanged;
  Run(sql, rows, [&](uint32_t index, PGresult* result) {
    if (ChangedNothing(result)) unchanged.push_back(index);
  });
  return unchanged;
}

std::vector<FirstRow> PostgresPipeline::QueryEach(const Sql& sql,
                                                  std::span<const Row* const> rows) {
  std::vector<FirstRow> found(rows.size());
  Run(sql, rows, [&](uint32_t index, PGresult* result) {
    if (::PQntuples(result) == 0) return;
    auto& fields = found[index].emplace();
    for (int i = 0; i < ::PQnfields(result); ++i) {
      if (::PQgetisnull(result, 0, i) != 0) {
        fields.emplace_back();
      } else {
        fields.emplace_back(std::in_place, ::PQgetvalue(result, 0, i), ::PQgetlength(result, 0, i));
      }
    }
  });
  return found;
}

}  // namespace syncline::sql
