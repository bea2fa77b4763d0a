#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "common/base/error.h"

namespace ottla::api {

/// Adds every error code of a response, each once; what holds none says None.
template <class Message>
void collect_errors(const Message& message, std::vector<ErrorCode>& into);

namespace internal {

template <class Rows>
void collect_from_rows(const Rows& rows, std::vector<ErrorCode>& into) {
  if constexpr (requires { rows.has_value(); }) {
    if (rows) collect_from_rows(*rows, into);
  } else {
    for (const auto& row : rows) collect_errors(row, into);
  }
}

}  // namespace internal

template <class Message>
void collect_errors(const Message& message, std::vector<ErrorCode>& into) {
  const auto add = [&into](ErrorCode error) {
    if (std::find(into.begin(), into.end(), error) == into.end()) into.push_back(error);
  };
  if constexpr (requires { message.error_code; }) add(message.error_code);
// Under these names responses hold what has an error of its own.
#define OTTLA_COLLECT(name)                                                                  \
  if constexpr (requires { message.name.begin(); } || requires { message.name->begin(); }) { \
    internal::collect_from_rows(message.name, into);                                         \
  }
  OTTLA_COLLECT(coordinators)
  OTTLA_COLLECT(entries)
  OTTLA_COLLECT(filter_results)
  OTTLA_COLLECT(groups)
  OTTLA_COLLECT(markers)
  OTTLA_COLLECT(matching_acls)
  OTTLA_COLLECT(members)
  OTTLA_COLLECT(partition_errors)
  OTTLA_COLLECT(partition_responses)
  OTTLA_COLLECT(partition_result)
  OTTLA_COLLECT(partitions)
  OTTLA_COLLECT(replica_election_results)
  OTTLA_COLLECT(responses)
  OTTLA_COLLECT(results)
  OTTLA_COLLECT(topics)
  OTTLA_COLLECT(transaction_states)
#undef OTTLA_COLLECT
}

}  // namespace ottla::api
