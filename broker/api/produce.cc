#include "common/protocol/messages/produce.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "broker/api/endpoints.h"
#include "broker/api/handlers.h"
#include "broker/api/produce_transaction.h"
#include "broker/api/topic_metrics.h"
#include "common/record/record_batch.h"
#include "common/record/validation.h"

namespace ottla::api {
namespace {

using protocol::ProduceRequest;
using protocol::ProduceResponse;
using Row = ProduceResponse::Topic::Partition;

/// Clients may write to internal topics only under this name (Kafka's admin client).
constexpr std::string_view kAdminClientId = "__admin_client";

/// The answer under construction, and which of its rows the replicas fill.
struct Produce {
  ProduceResponse response;
  /// By appended partition: its row, and what it brings.
  struct Appended {
    std::size_t topic;
    std::size_t partition;
    std::uint64_t bytes;
    std::int64_t records;
    bool is_old_format;  ///< Converted up before it is stored.
  };
  std::vector<Appended> appended;
  bool failed = false;
};

Row refused_row(std::int32_t partition, const Error& error) {
  Row row;
  row.index = partition;
  row.error_code = error.code();
  row.base_offset = kUnknownOffset;
  if (!error.message().empty()) row.error_message = error.message();
  return row;
}

/// For the metrics: of an old compressed message set only the wrapper is counted.
std::int64_t record_count(ByteView records) {
  std::int64_t count = 0;
  while (const auto batch = record::RecordBatchView::parse(records)) {
    count += batch->record_count().value_or(1);
    records = records.subspan(batch->size());
  }
  return count;
}

/// Below record batches (magic 2), whose magic stands in the same place.
bool is_old_format(ByteView records) {
  constexpr std::size_t kMagicAt = 16;
  return records.size() > kMagicAt && static_cast<std::int8_t>(records[kMagicAt]) < 2;
}

/// What can be said before the partition is looked at.
Result<> check(const ProduceRequest& request, ByteView records, protocol::ApiVersion version) {
  OTTLA_TRY_VOID(record::check_produce_format(version.value(), records));
  if (!replica::acks_from(request.acks)) return fail(ErrorCode::InvalidRequiredAcks);
  return {};
}

/// Splits the request into rows that are refused here and partitions to append to.
replica::AppendRequest plan(const ProduceRequest& request, const Call& call, Produce& produce) {
  replica::AppendRequest append;
  append.owner = call.request.frame;
  append.acks = replica::acks_from(request.acks).value_or(replica::Acks::Leader);
  append.timeout = std::chrono::milliseconds(std::max(request.timeout_ms, 0));
  append.internal_topics_allowed = call.header.client_id == kAdminClientId;
  for (const ProduceRequest::Topic& topic : request.topic_data) {
    auto& told = produce.response.responses.emplace_back();
    told.name = topic.name;
    for (const ProduceRequest::Topic::Partition& partition : topic.partition_data) {
      const MutableByteView records = partition.records.bytes();
      const auto checked = check(request, records, call.version());
      if (!checked) {
        produce.failed = true;
        told.partition_responses.push_back(refused_row(partition.index, checked.error()));
        continue;
      }
      append.partitions.push_back({{topic.name, partition.index}, records, std::nullopt});
      produce.appended.push_back({produce.response.responses.size() - 1,
                                  told.partition_responses.size(), records.size(),
                                  record_count(records), is_old_format(records)});
      told.partition_responses.emplace_back().index = partition.index;
    }
  }
  return append;
}

/// From this size on compressed records are unpacked (to be validated) off the network's loop,
/// whose other connections would wait: 1 MiB may unpack to a thousand.
constexpr std::size_t kLargestUnpackedOnLoop = 32 * 1024;

bool takes_long(const replica::AppendRequest& append) {
  return std::any_of(append.partitions.begin(), append.partitions.end(), [](const auto& wanted) {
    if (wanted.records.size() < kLargestUnpackedOnLoop) return false;
    const auto batch = record::RecordBatchView::parse(wanted.records);
    return batch && batch->is_compressed();
  });
}

void fill(Row& row, const replica::AppendedPartition& appended) {
  row.error_code = appended.error;
  row.base_offset = appended.base_offset;
  row.log_append_time_ms = appended.log_append_time;
  row.log_start_offset = appended.log_start_offset;
  if (!appended.message.empty()) row.error_message = appended.message;
  for (const record::RecordError& error : appended.record_errors) {
    row.record_errors.push_back({error.batch_index, error.message});
  }
}

/// KIP-951: a producer that asked the wrong broker is told the right one.
void tell_leaders(ProduceResponse& response, const Call& call, Services& services) {
  if (!call.version_at_least(10)) return;
  const auto image = services.metadata.image();
  CurrentLeaders<Row::CurrentLeader, ProduceResponse::NodeEndpoint> leaders(
      *image, call.connection().listener);
  for (ProduceResponse::Topic& topic : response.responses) {
    for (Row& row : topic.partition_responses) {
      if (row.error_code == ErrorCode::NotLeaderOrFollower) {
        row.current_leader = leaders.find(topic.name, row.index);
      }
    }
  }
  response.node_endpoints = leaders.endpoints();
}

void finish(Call& call, Produce& produce, replica::Acks acks, const replica::AppendResult& appended,
            Services& services) {
  for (std::size_t i = 0; i < appended.size(); ++i) {
    const Produce::Appended& wanted = produce.appended[i];
    const bool failed = appended[i].error != ErrorCode::None;
    auto& topic = produce.response.responses[wanted.topic];
    fill(topic.partition_responses[wanted.partition], appended[i]);
    services.topic_metrics.produced(topic.name, wanted.bytes, wanted.records, failed);
    if (appended[i].error == ErrorCode::MessageTooLarge ||
        appended[i].error == ErrorCode::RecordListTooLarge) {
      services.topic_metrics.rejected(topic.name, wanted.bytes);
    }
    if (wanted.is_old_format && !failed) {
      services.topic_metrics.converted_up(topic.name, wanted.records);
    }
    produce.failed = produce.failed || failed;
  }
  if (acks == replica::Acks::None) {
    // Closing is the only way to tell such a producer that something went wrong.
    if (produce.failed) return call.responder.close_connection();
    return call.responder.respond_nothing();
  }
  tell_leaders(produce.response, call, services);
  answer(call, produce.response);
}

/// All of it is refused, as one.
void refuse(Call call, const ProduceRequest& request, const Error& error) {
  if (request.acks == 0) return call.responder.close_connection();
  ProduceResponse response;
  for (const ProduceRequest::Topic& topic : request.topic_data) {
    auto& told = response.responses.emplace_back();
    told.name = topic.name;
    for (const auto& partition : topic.partition_data) {
      told.partition_responses.push_back(refused_row(partition.index, error));
    }
  }
  answer(call, response);
}

/// A request whose records are about to be appended.
struct Pending {
  Call call;
  Produce produce;
  replica::AppendRequest append;
};

void append(Pending pending, Services& services) {
  const replica::Acks acks = pending.append.acks;
  if (pending.append.partitions.empty()) {
    return finish(pending.call, pending.produce, acks, {}, services);
  }
  env::Executor& loop = pending.call.loop();
  const bool unpacks_long = takes_long(pending.append);
  auto run = [&services, &loop, acks, pending = std::move(pending)]() mutable {
    Task allow_next = pending.call.responder.next_permit();
    services.records.append(std::move(pending.append), loop,
                            [call = std::move(pending.call), produce = std::move(pending.produce),
                             acks, &services](replica::AppendResult appended) mutable {
                              finish(call, produce, acks, appended, services);
                            });
    // The records are in the log, in order, once `append` has returned; only the answer may wait.
    std::move(allow_next)();
  };
  if (unpacks_long) return services.io_pool.post(std::move(run));
  run();
}

/// What was not verified is not appended.
void take_verified(Pending& pending, const std::vector<std::size_t>& places,
                   const std::vector<replica::VerifiedPartition>& verified) {
  std::vector<bool> is_refused(pending.append.partitions.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    pending.append.partitions[places[i]].verified = verified[i].token;
    if (verified[i].error == ErrorCode::None) continue;
    is_refused[places[i]] = true;
    pending.produce.failed = true;
    const Produce::Appended& wanted = pending.produce.appended[places[i]];
    Row& row =
        pending.produce.response.responses[wanted.topic].partition_responses[wanted.partition];
    row = refused_row(row.index, unverified_error(verified[i].error, pending.call.version()));
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < is_refused.size(); ++i) {
    if (is_refused[i]) continue;
    if (kept != i) {
      pending.append.partitions[kept] = std::move(pending.append.partitions[i]);
      pending.produce.appended[kept] = pending.produce.appended[i];
    }
    ++kept;
  }
  pending.append.partitions.resize(kept);
  pending.produce.appended.resize(kept);
}

}  // namespace

void handle_produce(Call call, Services& services) {
  const auto request = decode_or_close<ProduceRequest>(call);
  if (!request) return;
  const auto producer = transactional_producer(*request);
  if (!producer) return refuse(std::move(call), *request, producer.error());
  Pending pending{std::move(call), {}, {}};
  pending.append = plan(*request, pending.call, pending.produce);
  if (!pending.append.partitions.empty()) {
    pending.call.request.frame.reset();  // The append owns it for as long as it needs the records.
  }
  if (!*producer) return append(std::move(pending), services);

  auto [check, asked] = transaction_check(**producer, pending.append, pending.call.version());
  if (asked.empty()) return append(std::move(pending), services);
  env::Executor& loop = pending.call.loop();
  services.records.verify_transaction(
      std::move(check), loop,
      [&services, pending = std::move(pending),
       places = std::move(asked)](const std::vector<replica::VerifiedPartition>& verified) mutable {
        take_verified(pending, places, verified);
        append(std::move(pending), services);
      });
}

}  // namespace ottla::api
