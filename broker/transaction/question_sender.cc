#include "broker/transaction/question_sender.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "broker/transaction/added_partitions.h"
#include "common/metrics/transaction_metrics.h"

namespace ottla::transaction {
namespace {

/// The producer waits.
constexpr std::chrono::milliseconds kTimeout{5'000};

protocol::AddPartitionsToTxnRequest request_of(replica::TransactionVerifier::Question question) {
  protocol::AddPartitionsToTxnRequest request;
  auto& transaction = request.transactions.emplace_back();
  transaction.transactional_id = std::move(question.transactional_id);
  transaction.producer_id = question.producer_id;
  transaction.producer_epoch = question.producer_epoch;
  transaction.verify_only = !question.adds;
  for (const TopicPartition& partition : question.partitions) {
    // One row for each partition keeps their order.
    transaction.topics.push_back({.name = partition.topic, .partitions = {partition.partition}});
  }
  return request;
}

std::vector<ErrorCode> codes_of(const Result<protocol::AddPartitionsToTxnResponse>& answer,
                                std::size_t count) {
  std::vector<ErrorCode> codes;
  if (answer && answer->results_by_transaction.size() == 1) {
    for (const auto& topic : answer->results_by_transaction[0].topic_results) {
      for (const auto& row : topic.results_by_partition) codes.push_back(row.partition_error_code);
    }
  }
  if (codes.size() != count) codes.assign(count, ErrorCode::NetworkException);
  return codes;
}

}  // namespace

QuestionSender::QuestionSender(Dependencies with)
    : with_(with),
      took_us_(with_.metrics.histogram(metrics::kVerificationTimeMs)),
      refused_(with_.metrics.counter(metrics::kVerificationFailureRate)) {}

void QuestionSender::ask(replica::TransactionVerifier::Question question,
                         std::int32_t partition_count, TransactionService& here,
                         Callback<std::vector<ErrorCode>> done) const {
  const auto image = with_.metadata.image();
  const std::size_t count = question.partitions.size();
  const auto* const known =
      image->partition(kTransactionsTopic,
                       cluster::coordinator_partition(question.transactional_id, partition_count));
  const bool is_here = known != nullptr && known->state.leader == with_.self;
  const cluster::Broker* const coordinator =
      known == nullptr ? nullptr : image->broker(known->state.leader);
  if (!is_here && coordinator == nullptr) {  // nobody is asked, so nothing is measured
    return std::move(done)(std::vector<ErrorCode>(count, ErrorCode::CoordinatorNotAvailable));
  }
  auto heard = [count, &clock = with_.clock, asked = with_.clock.now(), took_us = took_us_,
                refused = refused_, done = std::move(done)](
                   const Result<protocol::AddPartitionsToTxnResponse>& answer) mutable {
    std::vector<ErrorCode> codes = codes_of(answer, count);
    took_us->record(
        std::chrono::duration_cast<std::chrono::microseconds>(clock.now() - asked).count());
    refused->add(std::count_if(codes.begin(), codes.end(),
                               [](ErrorCode code) { return code != ErrorCode::None; }));
    std::move(done)(std::move(codes));
  };
  protocol::AddPartitionsToTxnRequest request = request_of(std::move(question));
  if (is_here) {
    return add_for_leader(
        here, *image, std::move(request),
        [heard = std::move(heard)](protocol::AddPartitionsToTxnResponse answer) mutable {
          heard(std::move(answer));
        });
  }
  with_.peers.add_partitions(*coordinator, std::move(request), kTimeout, std::move(heard));
}

}  // namespace ottla::transaction
