// `ottla replica-verification`: what kafka-replica-verification does.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <boost/json.hpp>

#include "cli/broker_client.h"
#include "cli/config_client.h"
#include "cli/moment_text.h"
#include "cli/offset_query.h"
#include "cli/progress.h"
#include "cli/rdkafka_client.h"
#include "cli/replica_comparison.h"
#include "cli/tool.h"
#include "cli/topic_filter.h"
#include "common/protocol/messages/fetch.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using FetchedPartition = protocol::FetchResponse::Topic::Partition;

constexpr Flag kFlags[] = {
    {.name = "broker-list", .value = "host:port,..", .doc = "brokers to ask first"},
    {.name = "bootstrap-server", .value = "host:port,..", .doc = "the same"},
    kCommandConfigFlag,
    {.name = "json", .doc = "print each difference and each report as a JSON object"},
    {.name = "topics-include",
     .value = "regex",
     .doc = "the topics; several with commas between them; all without it"},
    {.name = "topic-white-list", .value = "regex", .doc = "old name of --topics-include"},
    {.name = "fetch-size", .value = "bytes", .doc = "of a partition in a fetch; 1048576"},
    {.name = "max-wait-ms", .value = "ms", .doc = "how long a fetch waits for records; 1000"},
    {.name = "time",
     .value = "ms",
     .doc = "begin with records of that time; -1 with those that come, the default, -2 with the "
            "first, the default with --once"},
    {.name = "report-interval-ms", .value = "ms", .doc = "from one report to the next; 30000"},
    {.name = "once",
     .doc = "compare all that is there now, and end: with 1 if replicas differ or one could not be "
            "read"},
    {.name = "timeout",
     .value = "ms",
     .doc = "--once: give up when nothing more can be compared for so long; 30000"},
};

constexpr BrokerId kDebuggingConsumer{-2};  // reads from any replica
constexpr std::int32_t kMostBytes = 50 << 20;
constexpr std::size_t kMostTold = 10;  // of a partition's differences
constexpr milliseconds kPause{100};

struct Options {
  std::int32_t fetch_bytes = 1 << 20;
  std::int32_t max_wait_ms = 1000;
  milliseconds report_interval{30'000};
  milliseconds patience{30'000};
  std::int64_t time = -1;
  bool once = false;
  bool json = false;
};

Result<Options> options_of(const Arguments& arguments) {
  Options options{.once = arguments.has("once"), .json = arguments.has("json")};
  OTTLA_TRY(const auto bytes, arguments.number("fetch-size", 1));
  OTTLA_TRY(const auto wait, arguments.number("max-wait-ms", 0));
  OTTLA_TRY(const auto interval, arguments.number("report-interval-ms", 1));
  OTTLA_TRY(const auto patience, arguments.number("timeout", 1));
  OTTLA_TRY(const auto time, arguments.number("time", -2));
  options.fetch_bytes =
      static_cast<std::int32_t>(std::min<std::int64_t>(bytes.value_or(1 << 20), kMostBytes));
  options.max_wait_ms = static_cast<std::int32_t>(wait.value_or(1000));
  options.report_interval = milliseconds(interval.value_or(30'000));
  options.patience = milliseconds(patience.value_or(30'000));
  options.time = time.value_or(options.once ? -2 : -1);
  return options;
}

/// A partition under comparison.
struct Watched {
  TopicPartition name;
  Uuid topic_id;
  std::vector<BrokerId> replicas;
  bool is_compacted = false;
  Offset verified;                           ///< Exclusive.
  std::optional<Offset> target{};            ///< With --once.
  Offset high_watermark{0};                  ///< The highest that was told.
  std::vector<ReplicaPieces> shown{};        ///< In this round.
  std::map<BrokerId, std::string> unread{};  ///< Why a replica was not read in the last round.
  std::size_t differences = 0;

  [[nodiscard]] bool is_done() const { return target && verified >= *target; }
  [[nodiscard]] std::int64_t lag() const {
    return std::max<std::int64_t>(high_watermark - verified, 0);
  }
};

class Verifier {
 public:
  Verifier(BrokerClient client, const Options& options, Console& console)
      : client_(std::move(client)), options_(options), console_(console) {}

  Result<> choose(const TopicFilter& filter);
  Result<> run();

 private:
  using Asked = std::map<std::pair<Uuid, std::string>, std::map<std::int32_t, Watched*>>;

  void fetch_round();
  void fetch_from(BrokerId broker);
  void take(BrokerId broker, Watched& partition, const FetchedPartition& fetched);
  /// Whether anything was new.
  bool compare_round();
  void tell(const Watched& partition, const ReplicaDifference& difference);
  void report();
  /// How many offsets have been compared of all that are to be.
  [[nodiscard]] std::uint64_t compared() const;
  void say(const std::string& text, json::object event);
  [[nodiscard]] Result<> verdict();

  BrokerClient client_;
  const Options options_;
  Console& console_;
  std::vector<Watched> partitions_;
  std::set<BrokerId> brokers_;
  std::uint64_t to_compare_ = 0;  ///< Offsets, with --once.
  std::optional<Progress> progress_{};
  std::size_t first_ = 0;  ///< Which partition stands first in a fetch; each in its turn.
  bool is_idle_ = false;   ///< Nothing was new in the last round: brokers may wait.
};

Result<> Verifier::choose(const TopicFilter& filter) {
  OTTLA_TRY(const auto metadata, client_.metadata());
  std::set<TopicPartition> names;
  for (const auto& topic : metadata.topics) {
    const std::string name = topic.name.value_or("");
    if (!filter.accepts(name)) continue;
    OTTLA_TRY(const auto configs, describe_config(client_, {ConfigType::Topic, name}));
    const bool is_compacted = std::ranges::any_of(configs, [](const config::Entry& entry) {
      return entry.name == "cleanup.policy" &&
             entry.value.value_or("").find("compact") != std::string::npos;
    });
    for (const auto& partition : topic.partitions) {
      partitions_.push_back({.name = {name, partition.partition_index},
                             .topic_id = topic.topic_id,
                             .replicas = partition.replica_nodes,
                             .is_compacted = is_compacted,
                             .verified = Offset(0)});
      names.insert(partitions_.back().name);
      brokers_.insert(partition.replica_nodes.begin(), partition.replica_nodes.end());
    }
  }
  if (partitions_.empty()) {
    return fail(ErrorCode::UnknownTopicOrPartition, "no topic fits --topics-include");
  }
  OTTLA_TRY(const auto ends, list_offsets(client_, names, -1));
  OTTLA_TRY(const auto starts, list_offsets(client_, names, options_.time));
  for (Watched& partition : partitions_) {
    const auto end = ends.find(partition.name);
    const auto start = starts.find(partition.name);
    if (end == ends.end()) {
      return fail(ErrorCode::LeaderNotAvailable,
                  partition.name.to_string() + ": its leader does not tell where it ends");
    }
    // No record is of that time or later: only what comes is compared.
    partition.verified = Offset(start == starts.end() ? end->second : start->second);
    partition.high_watermark = Offset(end->second);
    if (options_.once) partition.target = Offset(end->second);
  }
  return {};
}

std::uint64_t Verifier::compared() const {
  std::int64_t left = 0;
  for (const Watched& partition : partitions_) {
    if (partition.target) left += std::max<std::int64_t>(*partition.target - partition.verified, 0);
  }
  return to_compare_ - std::min(to_compare_, static_cast<std::uint64_t>(left));
}

Result<> Verifier::run() {
  say("verification process is started",
      {{"event", "started"}, {"partitions", partitions_.size()}});
  for (const Watched& partition : partitions_) {
    if (!partition.target) continue;
    to_compare_ += static_cast<std::uint64_t>(
        std::max<std::int64_t>(*partition.target - partition.verified, 0));
  }
  progress_.emplace(console_.err, options_.once ? console_.err_columns : std::nullopt,
                    progress_clock(), "comparing replicas", to_compare_);
  auto report_at = Clock::now() + options_.report_interval;
  auto give_up_at = Clock::now() + options_.patience;
  const auto is_over = [&] {
    return options_.once && std::ranges::all_of(partitions_, &Watched::is_done);
  };
  while (!is_over() && !told_to_stop()) {
    fetch_round();
    is_idle_ = !compare_round();
    progress_->at(compared());
    const auto now = Clock::now();
    if (!is_idle_) give_up_at = now + options_.patience;
    if (now >= report_at) {
      report();
      report_at = now + options_.report_interval;
    }
    if (options_.once && now >= give_up_at) break;
    if (is_idle_) std::this_thread::sleep_for(kPause);
  }
  progress_.reset();
  if (options_.once) report();
  return verdict();
}

void Verifier::fetch_round() {
  for (Watched& partition : partitions_) {
    partition.shown.clear();
    partition.unread.clear();
  }
  for (const BrokerId broker : brokers_) fetch_from(broker);
  ++first_;
}

void Verifier::fetch_from(BrokerId broker) {
  protocol::FetchRequest request;
  const bool has_state = client_.serves(protocol::ApiKey::Fetch, 15);
  (has_state ? request.replica_state.replica_id : request.replica_id) = kDebuggingConsumer;
  request.max_wait_ms = is_idle_ ? options_.max_wait_ms : 0;
  request.min_bytes = 1;
  request.max_bytes = kMostBytes;
  Asked asked;
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    Watched& partition = partitions_[(first_ + i) % partitions_.size()];
    if (partition.is_done() || std::ranges::count(partition.replicas, broker) == 0) continue;
    auto& topics = request.topics;
    if (topics.empty() || topics.back().topic != partition.name.topic) {
      topics.push_back({.topic = partition.name.topic, .topic_id = partition.topic_id});
    }
    auto& wanted = topics.back().partitions.emplace_back();
    wanted.partition = partition.name.partition;
    wanted.fetch_offset = partition.verified;
    wanted.partition_max_bytes = options_.fetch_bytes;
    // From v13 on the answer has the id alone, before it the name alone.
    asked[{partition.topic_id, ""}][partition.name.partition] = &partition;
    asked[{Uuid(), partition.name.topic}][partition.name.partition] = &partition;
    partition.unread[broker] = "no answer";
  }
  if (request.topics.empty()) return;
  const auto response = client_.ask<protocol::FetchResponse>(broker, request);
  const auto refused = [&](const std::string& why) {
    for (Watched& partition : partitions_) {
      if (partition.unread.contains(broker)) partition.unread[broker] = why;
    }
  };
  if (!response) return refused(response.error().describe());
  if (response->error_code != ErrorCode::None) {
    return refused(std::string(name_of(response->error_code)));
  }
  for (const auto& topic : response->responses) {
    const auto known = asked.find({topic.topic_id, topic.topic});
    if (known == asked.end()) continue;
    for (const FetchedPartition& fetched : topic.partitions) {
      const auto watched = known->second.find(fetched.partition_index);
      if (watched != known->second.end()) take(broker, *watched->second, fetched);
    }
  }
}

void Verifier::take(BrokerId broker, Watched& partition, const FetchedPartition& fetched) {
  if (fetched.error_code == ErrorCode::OffsetOutOfRange) {
    // Deleted below, on this replica; or the replica does not reach so far.
    ReplicaPieces nothing{.broker = broker, .pieces = {}, .end = partition.verified};
    if (fetched.log_start_offset > partition.verified)
      partition.verified = fetched.log_start_offset;
    partition.shown.push_back(std::move(nothing));
  } else if (fetched.error_code != ErrorCode::None) {
    partition.unread[broker] = name_of(fetched.error_code);
    return;
  } else {
    partition.high_watermark = std::max(partition.high_watermark, fetched.high_watermark);
    partition.shown.push_back(
        read_pieces(broker, fetched.records.bytes(), partition.verified, partition.is_compacted));
    // What is not committed may be taken back.
    Offset& end = partition.shown.back().end;
    end = std::min(end, std::max(fetched.high_watermark, partition.verified));
  }
  partition.unread.erase(broker);
}

bool Verifier::compare_round() {
  bool is_new = false;
  for (Watched& partition : partitions_) {
    if (partition.is_done() || partition.shown.size() < partition.replicas.size()) continue;
    const auto compared =
        compare_replicas(partition.verified, partition.shown, partition.is_compacted);
    is_new = is_new || compared.end > partition.verified;
    partition.verified = compared.end;
    for (const ReplicaDifference& difference : compared.differences) {
      if (++partition.differences <= kMostTold) tell(partition, difference);
    }
  }
  return is_new;
}

void Verifier::tell(const Watched& partition, const ReplicaDifference& difference) {
  json::array versions;
  for (const auto& [text, brokers] : difference.versions) {
    json::array ids;
    for (const BrokerId broker : brokers) ids.push_back(broker.value());
    versions.push_back({{"brokers", std::move(ids)}, {"has", text}});
  }
  std::string text = "partition " + partition.name.to_string() + " differs at offset " +
                     std::to_string(difference.offset.value()) + ": " + text_of(difference);
  if (partition.differences == kMostTold) text += "; further ones are only counted";
  say(text, {{"event", "difference"},
             {"topic", partition.name.topic},
             {"partition", partition.name.partition},
             {"offset", difference.offset.value()},
             {"replicas", std::move(versions)}});
}

void Verifier::report() {
  const Watched& worst = *std::ranges::max_element(partitions_, {}, &Watched::lag);
  say("max lag is " + std::to_string(worst.lag()) + " for partition " + worst.name.to_string() +
          " at offset " + std::to_string(worst.verified.value()) + " among " +
          std::to_string(partitions_.size()) + " partitions",
      {{"event", "report"},
       {"maxLag", worst.lag()},
       {"topic", worst.name.topic},
       {"partition", worst.name.partition},
       {"offset", worst.verified.value()},
       {"partitions", partitions_.size()}});
}

void Verifier::say(const std::string& text, json::object event) {
  if (progress_) progress_->hide();
  if (options_.json) {
    console_.out << json::serialize(event) << std::endl;
    return;
  }
  console_.out << java_time_text(std::chrono::system_clock::now(), "yyyy-MM-dd HH:mm:ss,SSS")
               << ": " << text << std::endl;
}

Result<> Verifier::verdict() {
  std::string problems;
  for (const Watched& partition : partitions_) {
    const std::string name = "\n  " + partition.name.to_string() + ": ";
    if (partition.differences > 0) {
      problems += name + std::to_string(partition.differences) + " differences";
    }
    if (!options_.once || partition.is_done()) continue;
    problems += name + "compared only up to offset " + std::to_string(partition.verified.value()) +
                " of " + std::to_string(partition.target->value());
    for (const auto& [broker, why] : partition.unread) {
      problems += "; broker " + std::to_string(broker.value()) + " was not read: " + why;
    }
    for (const ReplicaPieces& replica : partition.shown) {
      if (replica.end > partition.verified) continue;
      problems += "; broker " + std::to_string(replica.broker.value()) + " does not reach further";
    }
  }
  if (problems.empty()) return {};
  return fail(ErrorCode::CorruptMessage, "replicas are not known to be the same:" + problems);
}

Result<> run_replica_verification(const Arguments& arguments, Console& console) {
  OTTLA_TRY(const Options options, options_of(arguments));
  const std::string topics =
      arguments.value_or("topics-include", arguments.value_or("topic-white-list", ".*"));
  OTTLA_TRY(const auto filter, TopicFilter::parse(topics));
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  Verifier verifier(std::move(client), options, console);
  OTTLA_TRY_VOID(verifier.choose(filter));
  return verifier.run();
}

}  // namespace

const Tool kReplicaVerificationTool{.name = "replica-verification",
                                    .summary = "compare what all replicas of partitions have",
                                    .flags = kFlags,
                                    .run = run_replica_verification};

}  // namespace ottla::cli
