#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <variant>

#include "broker/transaction/transaction_image.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/env/clock.h"

/// What each request makes of a transactional id: Kafka 3.9's checks in Kafka's order, without
/// anything around them. docs/transactions.md has the table.
namespace ottla::transaction {

/// Who a producer says it is.
struct Producer {
  ProducerId id = kNoProducerId;
  ProducerEpoch epoch = kNoProducerEpoch;

  friend bool operator==(const Producer&, const Producer&) = default;
};

/// The answer is clear without a new record.
struct Unchanged {};
/// Cannot be said before a new producer id is at hand: ask again with one.
struct NeedsProducerId {};
/// Another producer's transaction is open: it has to be aborted first.
struct Fence {};

/// InitProducerId at rest: the next epoch, or the first one of a fresh id. `expected` is what a
/// recovering client says it is (KIP-360). Errors: ProducerFenced, ConcurrentTransactions.
[[nodiscard]] Result<std::variant<TransactionImage, NeedsProducerId, Fence>> init_producer(
    const TransactionImage& image, const std::optional<Producer>& expected,
    const std::optional<ProducerId>& fresh, std::int32_t timeout_ms, env::WallTimeMs now);

/// Errors: InvalidProducerIdMapping, ProducerFenced.
[[nodiscard]] Result<> check_producer(const TransactionImage& image, const Producer& producer);

/// Whether that is who the producer becomes when the last epoch of its id has been used up and the
/// end of that transaction is through.
[[nodiscard]] bool is_next_producer(const TransactionImage& image, const Producer& producer);

/// AddPartitionsToTxn, by a producer that has been checked. Errors: ConcurrentTransactions.
[[nodiscard]] Result<std::variant<TransactionImage, Unchanged>> add_partitions(
    const TransactionImage& image, const std::set<TopicPartition>& partitions, env::WallTimeMs now);

/// How a client ends its transactions: from transaction version 2 on the epoch rises each time, so
/// that a late request is told from one of the next transaction (KIP-890).
enum class EndProtocol : bool { KeepsEpoch, RaisesEpoch };

/// Whether the request repeats one that has ended the last transaction and raised the epoch.
[[nodiscard]] bool repeats_end(const TransactionImage& image, const Producer& producer,
                               EndProtocol protocol);

/// EndTxn, by a producer that has been checked, or one that `repeats_end`. Errors: InvalidTxnState,
/// ConcurrentTransactions.
[[nodiscard]] Result<std::variant<TransactionImage, Unchanged, NeedsProducerId>> end_transaction(
    const TransactionImage& image, bool commit, EndProtocol protocol, bool is_repeated,
    const std::optional<ProducerId>& fresh, env::WallTimeMs now);

/// An Ongoing transaction is aborted under a higher epoch, which fences its producer.
[[nodiscard]] TransactionImage fence_and_abort(const TransactionImage& image, env::WallTimeMs now);

/// All markers of an ending transaction are written.
[[nodiscard]] TransactionImage complete(const TransactionImage& image, env::WallTimeMs now);

}  // namespace ottla::transaction
