#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/replica/append.h"
#include "broker/replica/transaction_check.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/protocol/api.h"
#include "common/protocol/messages/produce.h"

/// The transactional records of a Produce request (KIP-98, KIP-890).
namespace ottla::api {

struct TransactionalProducer {
  std::string transactional_id;
  ProducerId id;
  ProducerEpoch epoch;
};

/// Whose transaction the request's records belong to; nullopt: none of them to any. Errors, for the
/// request as a whole: TransactionalIdAuthorizationFailed (it does not say whose),
/// InvalidProducerIdMapping (several producers').
[[nodiscard]] Result<std::optional<TransactionalProducer>> transactional_producer(
    const protocol::ProduceRequest& request);

/// The question to the coordinator, and to which of `append`'s partitions its answers belong.
[[nodiscard]] std::pair<replica::TransactionCheck, std::vector<std::size_t>> transaction_check(
    TransactionalProducer producer, const replica::AppendRequest& append,
    protocol::ApiVersion version);

/// What the client is told of records that were not verified.
[[nodiscard]] Error unverified_error(ErrorCode of_verification, protocol::ApiVersion version);

}  // namespace ottla::api
