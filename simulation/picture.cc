#include "simulation/picture.h"

#include <glog/logging.h>

#include <algorithm>
#include <variant>

#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"
#include "broker/storage/file_names.h"
#include "broker/storage/log.h"
#include "common/zookeeper/layout.h"
#include "common/zookeeper/node_data.h"

namespace ottla::simulation {

namespace layout = zookeeper::layout;

const LoggedRecord* ReplicaPicture::record(Offset offset) const {
  const auto found = std::lower_bound(
      records->begin(), records->end(), offset,
      [](const LoggedRecord& record, Offset wanted) { return record.offset < wanted; });
  return found != records->end() && found->offset == offset ? &*found : nullptr;
}

bool ReplicaPicture::holds_all_of(const ReplicaPicture& other) const {
  return std::ranges::all_of(*other.records, [&](const LoggedRecord& wanted) {
    const LoggedRecord* const found = record(wanted.offset);
    return found != nullptr && *found == wanted;
  });
}

void Picture::refresh() {
  read_zookeeper();
  refresh_replicas();
}

void Picture::refresh_replicas() {
  replicas_.clear();
  absent_.clear();
  for (const BrokerId id : cluster_.broker_ids()) {
    read_replicas(cluster_.broker(id));
    read_files(id);
  }
}

std::string Picture::name_of(const PartitionKey& key) const {
  const auto found = names_.find(key);
  return (found == names_.end() ? "?" : found->second.to_string()) + " (" + key.topic.to_string() +
         ")";
}

std::string Picture::topic_of(const PartitionKey& key) const {
  const auto found = names_.find(key);
  return found == names_.end() ? "" : found->second.topic;
}

void Picture::read_zookeeper() {
  changes_.clear();
  assignments_.clear();
  const auto& history = cluster_.zookeeper().history();
  std::map<std::string, std::int32_t> versions;
  for (; transactions_read_ < history.size(); ++transactions_read_) {
    for (const zookeeper::Op& op : history[transactions_read_].ops) {
      const std::string path = std::visit([](const auto& o) { return o.path; }, op);
      const layout::Location location = layout::locate(path);
      if (location.place != layout::Place::Topic &&
          location.place != layout::Place::PartitionState) {
        continue;
      }
      std::string data;
      if (const auto* create = std::get_if<zookeeper::Create>(&op)) {
        data = create->data.value_or("");
      } else if (const auto* set = std::get_if<zookeeper::Set>(&op)) {
        data = set->data;
      } else if (std::holds_alternative<zookeeper::Delete>(op)) {
        const auto topic = topics_.find(location.topic);
        if (topic == topics_.end()) continue;
        std::erase_if(states_, [&](const auto& entry) {
          return entry.first.topic == topic->second.id &&
                 (location.place == layout::Place::Topic ||
                  entry.first.partition == location.partition);
        });
        if (location.place == layout::Place::Topic) topics_.erase(topic);
        continue;
      } else {
        continue;
      }
      if (location.place == layout::Place::Topic) {
        auto topic = zookeeper::decode_topic(location.topic, data);
        CHECK(topic.has_value()) << data;
        for (auto& [key, state] : states_) {
          const auto number = static_cast<std::size_t>(key.partition);
          if (key.topic != topic->id || number >= topic->partitions.size()) continue;
          state.replicas = topic->partitions[number].replicas;
          assignments_.push_back({key, state.replicas});
        }
        topics_[location.topic] = *std::move(topic);
        continue;
      }
      const auto topic = topics_.find(location.topic);
      if (topic == topics_.end()) continue;
      const auto state = zookeeper::decode_partition_state(data, PartitionEpoch(0));
      CHECK(state.has_value()) << data;
      const auto number = static_cast<std::size_t>(location.partition);
      StateChange change{.name = {location.topic, location.partition},
                         .key = {topic->second.id, location.partition},
                         .state = *state,
                         .replicas = {}};
      if (number < topic->second.partitions.size()) {
        change.replicas = topic->second.partitions[number].replicas;
      }
      names_[change.key] = change.name;
      states_[change.key] = change;
      changes_.push_back(std::move(change));
    }
  }
}

std::uint64_t Picture::incarnation_of(const SimulatedBroker& broker,
                                      const std::shared_ptr<replica::Partition>& partition) {
  const PartitionKey key{partition->topic_id(), partition->name().partition};
  Life& life = lives_[{broker.id(), key}];
  if (life.partition.lock() != partition) life = {partition, ++last_life_};
  return life.number;
}

void Picture::read_replicas(SimulatedBroker& broker) {
  replica::Replicas* const replicas = broker.replicas();
  if (replicas == nullptr) return;
  for (const auto& partition : replicas->partitions()) {
    const replica::Partition::View view = partition->view();
    if (!view.log) continue;
    ReplicaPicture picture{.broker = broker.id(),
                           .incarnation = incarnation_of(broker, partition),
                           .name = partition->name(),
                           .key = {partition->topic_id(), partition->name().partition},
                           .is_leader = view.role == replica::Partition::Role::Leader,
                           .leader_epoch = view.leader_epoch,
                           .high_watermark = view.high_watermark,
                           .records = nullptr};
    KnownLog& known = logs_[{broker.id(), picture.key}];
    const Offset end = view.log->log_end_offset();
    const Offset known_end =
        known.records && !known.records->empty() ? known.records->back().offset.next() : Offset(0);
    const bool fresh =
        !known.records || known.incarnation != picture.incarnation ||
        known.leader_epoch != picture.leader_epoch || end < known_end ||
        (known_end > Offset(0) && view.log->leader_epoch_of(Offset(known_end.value() - 1)) !=
                                      known.records->back().leader_epoch);
    if (fresh || end > known_end) {
      auto read = read_records(*view.log, fresh ? Offset(0) : known_end);
      if (!read) {
        LOG(WARNING) << broker.name() << " " << picture.name << " cannot be read: " << read.error();
        if (!known.records) logs_.erase({broker.id(), picture.key});
        continue;  // its disk has failed, or the log is being removed
      }
      auto records = std::make_shared<std::vector<LoggedRecord>>();
      if (!fresh) *records = *known.records;
      records->insert(records->end(), read->begin(), read->end());
      known.records = std::move(records);
    }
    known.incarnation = picture.incarnation;
    known.leader_epoch = picture.leader_epoch;
    picture.records = known.records;
    replicas_.push_back(std::move(picture));
  }
}

namespace {

/// A partition, and what its log's partition.metadata says: a dir that failed may have the log of a
/// topic that was deleted and made anew since.
using LogIdentity = std::pair<TopicPartition, std::string>;

/// Where the logs lie that count: one that has just moved to another log dir has a note there, and
/// may be in the old one too; one that is in none goes on with its future replica.
std::map<LogIdentity, std::string> logs_on(const testing::SimulatedFileSystem& disk) {
  std::map<LogIdentity, std::string> logs;
  for (const bool future : {false, true}) {
    for (const char* const log_dir : kLogDirectories) {
      for (const std::string& directory : disk.names(log_dir)) {
        const storage::DirectoryName name = storage::parse_directory_name(directory);
        if (name.kind !=
            (future ? storage::DirectoryKind::Future : storage::DirectoryKind::Partition)) {
          continue;
        }
        const std::string path = std::string(log_dir) + "/" + directory;
        const bool is_moved =
            !future && disk.content(path + "/" + std::string(storage::kMovedFromFile)).has_value();
        const auto metadata = disk.content(path + "/" + std::string(storage::kPartitionMetadata));
        const LogIdentity identity{name.partition, metadata.value_or("")};
        if (is_moved || !logs.contains(identity)) logs[identity] = path;
      }
    }
  }
  return logs;
}

}  // namespace

void Picture::read_files(BrokerId broker) {
  const testing::SimulatedFileSystem& disk = cluster_.disk(broker);
  for (const auto& [identity, path] : logs_on(disk)) {
    const auto& [partition, metadata] = identity;
    const bool is_served = std::any_of(replicas_.begin(), replicas_.end(),
                                       [&, name = partition](const ReplicaPicture& replica) {
                                         return replica.broker == broker && replica.name == name;
                                       });
    if (is_served) continue;
    std::vector<std::string> segments;
    for (const std::string& file : disk.names(path)) {
      if (!storage::parse_segment_name(file, storage::kLogSuffix)) continue;
      segments.push_back(disk.content(path + "/" + file).value_or(""));
    }
    KnownFiles& known = files_[{broker, partition}];
    if (!known.records || known.segments != segments) {
      known.records = std::make_shared<const std::vector<LoggedRecord>>(decode_segments(segments));
      known.segments = std::move(segments);
    }
    for (const auto& [key, known_name] : names_) {
      if (known_name != partition) continue;
      if (metadata.find(key.topic.to_string()) == std::string::npos) continue;
      ReplicaPicture& picture = absent_.emplace_back();
      picture.broker = broker;
      picture.name = known_name;
      picture.key = key;
      picture.records = known.records;
    }
  }
}

}  // namespace ottla::simulation
