#include "common/protocol/messages/fetch.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "broker/api/down_convert.h"
#include "broker/api/endpoints.h"
#include "broker/api/fetch_session.h"
#include "broker/api/handlers.h"
#include "broker/api/topic_metrics.h"
#include "common/config/network_keys.h"
#include "common/config/topic_keys.h"
#include "common/record/down_conversion.h"

namespace ottla::api {
namespace {

using protocol::FetchRequest;
using protocol::FetchResponse;
using Row = FetchResponse::Topic::Partition;

/// Records of one answer that are converted for old clients, in memory.
constexpr std::size_t kConversionBudget = 16 * 1024 * 1024;

/// One fetch from request to answer.
struct Fetch {
  Call call;
  Services& services;
  FetchContext context;
  std::vector<std::string> topics;  ///< By target: the name, also when asked for by id.
  std::vector<Row> rows;            ///< By target.
  std::vector<std::size_t> places;  ///< By partition of the replicas' request: its target.
};
using FetchState = std::unique_ptr<Fetch>;

/// Observed of 3.9: whatever is negative is no epoch.
LeaderEpoch epoch_of(LeaderEpoch asked) {
  return std::max(asked, kUnknownLeaderEpoch);
}

Row error_row(std::int32_t partition, ErrorCode error) {
  Row row;
  row.partition_index = partition;
  row.error_code = error;
  row.high_watermark = kUnknownOffset;
  row.records = protocol::Records(Payload());
  return row;
}

std::vector<FetchTarget> targets_of(const FetchRequest& request) {
  std::vector<FetchTarget> targets;
  for (const FetchRequest::Topic& topic : request.topics) {
    for (const FetchRequest::Topic::Partition& partition : topic.partitions) {
      targets.push_back({{topic.topic, topic.topic_id, partition.partition},
                         partition.fetch_offset,
                         partition.partition_max_bytes,
                         epoch_of(partition.current_leader_epoch),
                         epoch_of(partition.last_fetched_epoch)});
    }
  }
  return targets;
}

std::vector<FetchKey> forgotten_of(const FetchRequest& request) {
  std::vector<FetchKey> forgotten;
  for (const FetchRequest::ForgottenTopic& topic : request.forgotten_topics_data) {
    for (const std::int32_t partition : topic.partitions) {
      forgotten.push_back({topic.topic, topic.topic_id, partition});
    }
  }
  return forgotten;
}

/// Followers reach us over the replication stream; one that asks in Kafka's way is no replica of
/// ours, and is told so.
bool is_follower(const FetchRequest& request) {
  return std::max(request.replica_id, request.replica_state.replica_id) >= BrokerId(0);
}

/// Why nothing of this topic can be sent to a client of that age.
ErrorCode refusal_by_age(const std::string& topic, const Fetch& fetch) {
  const std::int16_t version = fetch.call.version().value();
  if (version >= 10) return ErrorCode::None;
  const config::TopicSettings settings =
      fetch.services.topic_configs.topic_config(topic)->settings();
  if (settings.compression_type == config::CompressionType::Zstd) {
    return ErrorCode::UnsupportedCompressionType;
  }
  if (version < 4 && !settings.down_conversion) return ErrorCode::UnsupportedVersion;
  return ErrorCode::None;
}

/// The targets whose topics are known go to the replicas, the others get their errors here.
replica::FetchRequest plan(const FetchRequest& request, Fetch& fetch) {
  const std::int32_t most_bytes =
      std::min(request.max_bytes, fetch.services.config.get(config::kFetchMaxBytes));
  replica::FetchRequest wanted;
  wanted.isolation = request.isolation_level == 1 ? replica::IsolationLevel::ReadCommitted
                                                  : replica::IsolationLevel::ReadUncommitted;
  wanted.max_wait = std::chrono::milliseconds(std::max(request.max_wait_ms, 0));
  wanted.max_bytes = std::max(most_bytes, 0);
  wanted.min_bytes = std::clamp(request.min_bytes, 0, wanted.max_bytes);
  wanted.at_least_one_batch = fetch.call.version_at_least(3);
  wanted.client =
      fetch.call.header.client_id.value_or("") + '@' + fetch.call.connection().client_host;
  wanted.rack = request.rack_id;
  wanted.can_follow_preferred_replica = fetch.call.version_at_least(11);

  const auto image = fetch.services.metadata.image();
  const bool by_id = fetch.context.uses_topic_ids;
  for (std::size_t i = 0; i < fetch.context.targets.size(); ++i) {
    const FetchTarget& target = fetch.context.targets[i];
    std::string topic = target.key.topic;
    ErrorCode error = ErrorCode::None;
    if (by_id) {
      const auto known = image->topic(target.key.topic_id);
      if (known) topic = known->name;
      if (!known) error = ErrorCode::UnknownTopicId;
    }
    if (error == ErrorCode::None) error = refusal_by_age(topic, fetch);
    const bool bad_size = request.max_bytes < 0 || target.max_bytes < 0;
    if (error == ErrorCode::None && bad_size && image->topic(topic)) {
      error = ErrorCode::UnknownServerError;  // Observed of 3.9, which fails on it.
    }
    fetch.rows.push_back(error_row(target.key.partition, error));
    if (error == ErrorCode::UnknownServerError) fetch.rows.back().aborted_transactions.reset();
    if (error == ErrorCode::None) {
      fetch.places.push_back(i);
      wanted.partitions.push_back({{topic, target.key.partition},
                                   target.key.topic_id,
                                   target.fetch_offset,
                                   target.max_bytes,
                                   target.current_leader_epoch,
                                   target.last_fetched_epoch});
    }
    fetch.topics.push_back(std::move(topic));
  }
  return wanted;
}

void fill(Row& row, replica::FetchedPartition fetched) {
  row.error_code = fetched.error;
  row.high_watermark = fetched.high_watermark;
  row.last_stable_offset = fetched.last_stable_offset;
  row.log_start_offset = fetched.log_start_offset;
  row.preferred_read_replica = fetched.preferred_read_replica.value_or(kNoBroker);
  if (fetched.diverging_epoch) {
    row.diverging_epoch = {fetched.diverging_epoch->leader_epoch,
                           fetched.diverging_epoch->end_offset};
  }
  if (fetched.error != ErrorCode::UnknownTopicOrPartition) row.aborted_transactions.reset();
  if (fetched.aborted_transactions) {
    auto& told = row.aborted_transactions.emplace();
    for (const storage::AbortedTransaction& aborted : *fetched.aborted_transactions) {
      told.push_back({aborted.producer_id, aborted.first_offset});
    }
  }
  row.records = protocol::Records(std::move(fetched.records));
}

std::vector<FetchOutcome> outcomes_of(const Fetch& fetch) {
  std::vector<FetchOutcome> outcomes;
  outcomes.reserve(fetch.rows.size());
  for (const Row& row : fetch.rows) {
    const bool redirected =
        row.preferred_read_replica != kNoBroker || row.diverging_epoch.epoch.value() >= 0;
    outcomes.push_back({row.error_code, !row.records.empty(), redirected, row.high_watermark,
                        row.log_start_offset});
  }
  return outcomes;
}

bool wants_leader(ErrorCode error) {
  return error == ErrorCode::NotLeaderOrFollower || error == ErrorCode::FencedLeaderEpoch;
}

void finish(Fetch& fetch) {
  Services& services = fetch.services;
  const FetchVerdict verdict =
      services.fetch_sessions.finish(fetch.context, outcomes_of(fetch), services.clock.now());
  FetchResponse response;
  response.error_code = verdict.error;
  response.session_id = verdict.session_id;

  const auto image = services.metadata.image();
  CurrentLeaders<Row::CurrentLeader, FetchResponse::NodeEndpoint> leaders(
      *image, fetch.call.connection().listener);
  for (std::size_t i = 0; i < fetch.rows.size(); ++i) {
    if (!verdict.included[i]) continue;
    const FetchKey& key = fetch.context.targets[i].key;
    Row& row = fetch.rows[i];
    if (fetch.call.version_at_least(16) && wants_leader(row.error_code)) {
      row.current_leader = leaders.find(fetch.topics[i], key.partition);
    }
    auto& topics = response.responses;
    if (topics.empty() || topics.back().topic != key.topic ||
        topics.back().topic_id != key.topic_id) {
      topics.push_back({key.topic, key.topic_id, {}});
    }
    topics.back().partitions.push_back(std::move(row));
  }
  response.node_endpoints = leaders.endpoints();
  answer(fetch.call, response);
}

/// Fetch below v4. On the I/O pool.
void convert_rows(Fetch& fetch) {
  const std::int8_t magic = record::magic_for_fetch(fetch.call.version().value());
  const env::MonotonicTime began = fetch.services.clock.now();
  std::size_t memory = 0;
  std::size_t budget = kConversionBudget;
  for (std::size_t i = 0; i < fetch.rows.size(); ++i) {
    Row& row = fetch.rows[i];
    if (row.records.empty()) continue;
    Result<Payload> converted = Payload();
    if (budget > 0) {
      converted = down_convert(*row.records.payload(), magic, fetch.context.targets[i].fetch_offset,
                               budget);
    }
    if (!converted) {
      row = error_row(row.partition_index, converted.error().code());
      continue;
    }
    budget -= std::min<std::size_t>(budget, converted->size());
    memory += converted->size();
    fetch.services.topic_metrics.converted_down(fetch.topics[i]);
    row.records = protocol::Records(*std::move(converted));
  }
  if (fetch.call.timing) {
    fetch.call.timing->converted(fetch.services.clock.now() - began, memory);
  }
}

void convert_and_finish(FetchState fetch) {
  env::Executor& pool = fetch->services.io_pool;
  pool.post([fetch = std::move(fetch)]() mutable {
    convert_rows(*fetch);
    env::Executor& loop = fetch->call.loop();
    loop.post([fetch = std::move(fetch)] { finish(*fetch); });
  });
}

void on_fetched(FetchState fetch, replica::FetchResult fetched) {
  bool has_records = false;
  for (std::size_t i = 0; i < fetched.size(); ++i) {
    has_records = has_records || !fetched[i].records.empty();
    fetch->services.topic_metrics.fetched(fetched[i].partition.topic, fetched[i].records.size(),
                                          fetched[i].error != ErrorCode::None);
    fill(fetch->rows[fetch->places[i]], std::move(fetched[i]));
  }
  if (has_records && !fetch->call.version_at_least(4)) {
    convert_and_finish(std::move(fetch));
  } else {
    finish(*fetch);
  }
}

void refuse_follower(Fetch& fetch) {
  for (const FetchTarget& target : fetch.context.targets) {
    Row row = error_row(target.key.partition, ErrorCode::NotLeaderOrFollower);
    row.aborted_transactions.reset();
    fetch.rows.push_back(std::move(row));
    fetch.topics.push_back(target.key.topic);
  }
  fetch.context.kind = FetchContext::Kind::Sessionless;
  finish(fetch);
}

/// Observed of 3.9, which fails on an isolation level that it does not know; from v13 on its answer
/// holds no partitions then.
void refuse_isolation_level(Call& call, const FetchRequest& request) {
  FetchResponse response;
  response.error_code = ErrorCode::UnknownServerError;
  if (!call.version_at_least(13)) {
    for (const FetchRequest::Topic& topic : request.topics) {
      auto& told = response.responses.emplace_back();
      told.topic = topic.topic;
      for (const auto& partition : topic.partitions) {
        told.partitions.push_back(error_row(partition.partition, ErrorCode::UnknownServerError));
      }
    }
  }
  answer(call, response);
}

}  // namespace

void handle_fetch(Call call, Services& services) {
  const auto request = decode_or_close<FetchRequest>(call);
  if (!request) return;
  if (request->isolation_level < 0 || request->isolation_level > 1) {
    return refuse_isolation_level(call, *request);
  }
  const bool by_id = call.version_at_least(13);
  FetchContext context = services.fetch_sessions.begin(
      request->session_id, request->session_epoch, by_id, targets_of(*request),
      forgotten_of(*request), services.clock.now());
  auto fetch =
      std::make_unique<Fetch>(Fetch{std::move(call), services, std::move(context), {}, {}, {}});
  if (is_follower(*request)) return refuse_follower(*fetch);
  replica::FetchRequest wanted = plan(*request, *fetch);
  if (wanted.partitions.empty()) return finish(*fetch);
  env::Executor& loop = fetch->call.loop();
  services.records.fetch(std::move(wanted), loop,
                         [fetch = std::move(fetch)](replica::FetchResult fetched) mutable {
                           on_fetched(std::move(fetch), std::move(fetched));
                         });
}

}  // namespace ottla::api
