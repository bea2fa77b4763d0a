#include "simulation/committed_reader.h"

#include <glog/logging.h>

#include <set>
#include <utility>

#include "broker/replica/replicas.h"
#include "common/record/control_record.h"
#include "common/record/record_batch.h"

namespace ottla::simulation {
namespace {

using std::chrono::milliseconds;

constexpr std::int32_t kMostBytes = 1 << 14;

}  // namespace

CommittedReader::CommittedReader(Cluster& cluster, ClientEvents& events, TransactionLedger& ledger,
                                 std::function<void(const Complaint&)> complain,
                                 TopicPartition partition)
    : cluster_(cluster),
      events_(events),
      ledger_(ledger),
      complain_(std::move(complain)),
      partition_(std::move(partition)),
      metadata_(cluster, partition_) {}

void CommittedReader::later() {
  cluster_.after(milliseconds(20 + cluster_.random().below(150)), [this] { attempt(); });
}

void CommittedReader::attempt() {
  if (const auto leader = metadata_.leader()) return send(*leader);
  metadata_.refresh([this] {
    if (const auto leader = metadata_.leader()) return send(*leader);
    later();
  });
}

void CommittedReader::send(BrokerId leader) {
  cluster_.ask<Answer>(
      leader, std::chrono::seconds(2),
      [this, from = position_](SimulatedBroker& broker, Callback<Answer> reply) {
        deliver(broker, from, std::move(reply));
      },
      [this](std::optional<Answer> answer) { answered(std::move(answer)); });
}

/// Runs on the broker's loop, as the handler of Fetch does.
void CommittedReader::deliver(SimulatedBroker& broker, Offset from, Callback<Answer> reply) {
  replica::Replicas* const replicas = broker.replicas();
  if (replicas == nullptr) return std::move(reply)({.error = ErrorCode::NotLeaderOrFollower});
  replica::FetchRequest request;
  request.partitions.push_back({.partition = partition_,
                                .topic_id = metadata_.topic_id(),
                                .fetch_offset = from,
                                .max_bytes = kMostBytes});
  request.isolation = cluster_.bugs().has(Bug::ServesOpenTransactions)
                          ? replica::IsolationLevel::ReadUncommitted
                          : replica::IsolationLevel::ReadCommitted;
  request.max_wait = milliseconds(200);
  request.min_bytes = 1;
  request.max_bytes = kMostBytes;
  const PartitionKey key{metadata_.topic_id(), partition_.partition};
  replicas->fetch(std::move(request), *broker.client_loop(),
                  [this, key, from, id = broker.id(),
                   reply = std::move(reply)](const replica::FetchResult& result) mutable {
                    Answer answer = committed_of(result.front(), from);
                    if (answer.error == ErrorCode::None) events_.on_read(id, key, answer.records);
                    std::move(reply)(std::move(answer));
                  });
}

CommittedReader::Answer CommittedReader::committed_of(const replica::FetchedPartition& fetched,
                                                      Offset from) {
  Answer answer{.error = fetched.error, .next = from};
  if (fetched.error != ErrorCode::None) return answer;
  const auto bytes = bytes_of(fetched.records);
  auto aborted = fetched.aborted_transactions.value_or(std::vector<storage::AbortedTransaction>());
  std::set<ProducerId> aborts;
  record::BatchIterator batches(bytes);
  while (true) {
    const auto batch = batches.next();
    CHECK(batch.has_value()) << fetched.partition << ": " << batch.error();
    if (!*batch) return answer;
    answer.next = std::max(answer.next, (*batch)->last_offset().next());
    std::erase_if(aborted, [&](const storage::AbortedTransaction& transaction) {
      if (transaction.first_offset > (*batch)->last_offset()) return false;
      aborts.insert(transaction.producer_id);
      return true;
    });
    if ((*batch)->is_control()) {
      if (record::control_type(**batch) == record::ControlType::Abort) {
        aborts.erase((*batch)->producer_id());
      }
      continue;
    }
    if ((*batch)->is_transactional() && aborts.contains((*batch)->producer_id())) continue;
    const auto records = decode_records((*batch)->bytes());
    CHECK(records.has_value()) << fetched.partition << ": " << records.error();
    for (const LoggedRecord& record : *records) {
      if (record.offset >= from) answer.records.push_back(record);
    }
  }
}

void CommittedReader::answered(std::optional<Answer> answer) {
  if (!answer || answer->error != ErrorCode::None) {
    metadata_.forget_leader();
    return later();
  }
  for (const LoggedRecord& record : answer->records) {
    if (!TransactionLedger::is_copy(record.value)) continue;
    if (const auto wrong = ledger_.show(partition_, record.value)) {
      return complain_(
          {wrong->first, "offset " + std::to_string(record.offset.value()) + ": " + wrong->second});
    }
  }
  position_ = answer->next;
  later();
}

}  // namespace ottla::simulation
