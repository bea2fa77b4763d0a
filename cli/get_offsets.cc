// `ottla get-offsets`: what kafka-get-offsets does.
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "cli/broker_client.h"
#include "cli/partition_filter.h"
#include "cli/tool.h"
#include "cli/topic_filter.h"
#include "common/base/topic_partition.h"
#include "common/protocol/messages/list_offsets.h"

namespace ottla::cli {
namespace {

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    kCommandConfigFlag,
    kJsonFlag,
    {.name = "broker-list", .value = "host:port,..", .doc = "old name of --bootstrap-server"},
    {.name = "topic", .value = "regex", .doc = "topics; without it, all that are chosen otherwise"},
    {.name = "partitions", .value = "0,1,..", .doc = "partitions; all without it"},
    {.name = "topic-partitions",
     .value = "topic:0-3,..",
     .doc = "topics (regular expressions) with partitions: one number, from-to, from-, -to"},
    {.name = "time",
     .value = "ms",
     .doc =
         "the offset of the first record of that time or later; also latest (-1), earliest (-2), "
         "max-timestamp (-3), earliest-local (-4), latest-tiered (-5)"},
    {.name = "exclude-internal-topics", .doc = "leave out Kafka's own topics"},
};

constexpr std::int64_t kLatest = -1;

Result<std::int64_t> parse_time(const Arguments& arguments) {
  const auto text = arguments.value("time");
  if (!text) return kLatest;
  static const std::map<std::string, std::int64_t> kNames = {{"latest", -1},
                                                             {"earliest", -2},
                                                             {"max-timestamp", -3},
                                                             {"earliest-local", -4},
                                                             {"latest-tiered", -5}};
  if (const auto named = kNames.find(*text); named != kNames.end()) return named->second;
  std::int64_t time = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), time);
  if (error != std::errc() || end != text->data() + text->size() || time < -5) {
    return fail(ErrorCode::InvalidRequest,
                "--time " + *text +
                    ": must be milliseconds, latest, earliest, max-timestamp, "
                    "earliest-local or latest-tiered");
  }
  return time;
}

Result<PartitionFilter> filter_of(const Arguments& arguments) {
  if (const auto text = arguments.value("topic-partitions")) {
    if (arguments.has("topic") || arguments.has("partitions")) {
      return fail(ErrorCode::InvalidRequest,
                  "--topic-partitions does not go together with --topic or --partitions");
    }
    return PartitionFilter::parse_list(*text);
  }
  return PartitionFilter::parse(arguments.value("topic"), arguments.value("partitions"));
}

using ByLeader = std::map<BrokerId, std::vector<TopicPartition>>;

/// Asks one leader; partitions without such an offset are left out.
Result<> ask_leader(BrokerClient& client, BrokerId leader,
                    const std::vector<TopicPartition>& partitions, std::int64_t time,
                    std::map<TopicPartition, std::int64_t>& offsets, Console& console) {
  protocol::ListOffsetsRequest request;
  request.replica_id = kNoBroker;
  for (const auto& partition : partitions) {
    if (request.topics.empty() || request.topics.back().name != partition.topic) {
      request.topics.push_back({.name = partition.topic, .partitions = {}});
    }
    auto& asked = request.topics.back().partitions.emplace_back();
    asked.partition_index = partition.partition;
    asked.timestamp = time;
  }
  OTTLA_TRY(const auto response, client.ask<protocol::ListOffsetsResponse>(leader, request));
  for (const auto& topic : response.topics) {
    for (const auto& partition : topic.partitions) {
      const TopicPartition name{topic.name, partition.partition_index};
      if (partition.error_code != ErrorCode::None) {
        console.err << "Skip " << name << ": " << text_of(partition.error_code) << " ("
                    << name_of(partition.error_code) << ")\n";
      } else if (partition.offset.value() >= 0) {
        offsets[name] = partition.offset.value();
      }
    }
  }
  return {};
}

void print(const std::map<TopicPartition, std::int64_t>& offsets, bool json, Console& console) {
  if (json) {
    boost::json::array array;
    for (const auto& [partition, offset] : offsets) {
      array.push_back(
          {{"topic", partition.topic}, {"partition", partition.partition}, {"offset", offset}});
    }
    console.out << boost::json::serialize(array) << '\n';
    return;
  }
  // Kafka's tool sorts partitions as texts: 1, 10, 2.
  std::vector<std::pair<std::pair<std::string, std::string>, std::int64_t>> lines;
  for (const auto& [partition, offset] : offsets) {
    lines.push_back({{partition.topic, std::to_string(partition.partition)}, offset});
  }
  std::ranges::sort(lines);
  for (const auto& [name, offset] : lines) {
    console.out << name.first << ':' << name.second << ':' << offset << '\n';
  }
}

Result<> run_get_offsets(const Arguments& arguments, Console& console) {
  OTTLA_TRY(const auto time, parse_time(arguments));
  OTTLA_TRY(const auto filter, filter_of(arguments));
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  OTTLA_TRY(const auto metadata, client.metadata());

  ByLeader by_leader;
  std::size_t chosen = 0;
  for (const auto& topic : metadata.topics) {
    const std::string name = topic.name.value_or("");
    if (arguments.has("exclude-internal-topics") && is_internal_topic(name)) continue;
    for (const auto& partition : topic.partitions) {
      if (!filter.accepts(name, partition.partition_index)) continue;
      ++chosen;
      if (partition.leader_id == kNoBroker) {
        console.err << "Skip " << name << '-' << partition.partition_index << ": no leader\n";
        continue;
      }
      by_leader[partition.leader_id].push_back({name, partition.partition_index});
    }
  }
  if (chosen == 0) {
    return fail(ErrorCode::UnknownTopicOrPartition, "no partition fits the flags");
  }
  std::map<TopicPartition, std::int64_t> offsets;
  for (const auto& [leader, partitions] : by_leader) {
    OTTLA_TRY_VOID(ask_leader(client, leader, partitions, time, offsets, console));
  }
  print(offsets, arguments.has("json"), console);
  return {};
}

}  // namespace

const Tool kGetOffsetsTool{.name = "get-offsets",
                           .summary = "show offsets of partitions: first, last, or by time",
                           .flags = kFlags,
                           .run = run_get_offsets};

}  // namespace ottla::cli
