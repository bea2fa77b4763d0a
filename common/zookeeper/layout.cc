#include "common/zookeeper/layout.h"

#include <charconv>

namespace ottla::zookeeper::layout {
namespace {

constexpr std::size_t kSequenceDigits = 10;

std::string join(std::string_view a, std::string_view b) {
  std::string path;
  path.reserve(a.size() + b.size() + 1);
  path.append(a).append("/").append(b);
  return path;
}

/// The rest of `path` below `folder`, if it is below it.
std::optional<std::string_view> below(std::string_view path, std::string_view folder) {
  if (path.size() <= folder.size() + 1 || !path.starts_with(folder) || path[folder.size()] != '/') {
    return std::nullopt;
  }
  return path.substr(folder.size() + 1);
}

Location locate_below_topics(std::string_view rest) {
  Location location;
  const std::size_t end_of_topic = rest.find('/');
  location.topic = std::string(rest.substr(0, end_of_topic));
  if (end_of_topic == std::string_view::npos) {
    location.place = Place::Topic;
    return location;
  }
  rest.remove_prefix(end_of_topic + 1);
  if (rest == "partitions") {
    location.place = Place::Partitions;
    return location;
  }
  const auto number_and_state = below(rest, "partitions");
  if (!number_and_state || !number_and_state->ends_with("/state")) return location;
  const auto number = parse_number(number_and_state->substr(0, number_and_state->find('/')));
  if (!number) return location;
  location.place = Place::PartitionState;
  location.partition = *number;
  return location;
}

}  // namespace

std::string broker(BrokerId id) {
  return join(kBrokerIds, std::to_string(id.value()));
}

std::string topic(std::string_view name) {
  return join(kTopics, name);
}

std::string partitions(std::string_view topic_name) {
  return topic(topic_name) + "/partitions";
}

std::string partition(std::string_view topic_name, std::int32_t number) {
  return join(partitions(topic_name), std::to_string(number));
}

std::string partition_state(std::string_view topic_name, std::int32_t number) {
  return partition(topic_name, number) + "/state";
}

std::string consumer_offset(std::string_view group, const TopicPartition& partition) {
  return child(child(child(child("/consumers", group), "offsets"), partition.topic),
               std::to_string(partition.partition));
}
std::string delete_topic(std::string_view name) {
  return join(kDeleteTopics, name);
}

std::string config_change_prefix() {
  return join(kConfigChanges, "config_change_");
}

std::string isr_change_prefix() {
  return join(kIsrChangeNotification, "isr_change_");
}

std::string log_dir_event_prefix() {
  return join(kLogDirEventNotification, "log_dir_event_");
}

std::string child(std::string_view parent, std::string_view name) {
  return parent == "/" ? join("", name) : join(parent, name);
}

std::optional<std::int64_t> sequence_number(std::string_view name) {
  if (name.size() < kSequenceDigits) return std::nullopt;
  const std::string_view digits = name.substr(name.size() - kSequenceDigits);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

ConfigEntity ConfigEntity::topic(std::string_view name) {
  return {join("topics", name)};
}

ConfigEntity ConfigEntity::broker(BrokerId id) {
  return {join("brokers", std::to_string(id.value()))};
}

ConfigEntity ConfigEntity::default_broker() {
  return {"brokers/<default>"};
}

std::string_view ConfigEntity::type() const {
  return std::string_view(path).substr(0, path.find('/'));
}

std::string_view ConfigEntity::name() const {
  const std::size_t slash = path.find('/');
  return slash == std::string::npos ? std::string_view() : std::string_view(path).substr(slash + 1);
}

std::string ConfigEntity::node() const {
  return join(kConfig, path);
}

Location locate(std::string_view path) {
  struct Fixed {
    std::string_view path;
    Place place;
  };
  static constexpr Fixed kFixed[] = {
      {kBrokerIds, Place::BrokerIds},
      {kTopics, Place::Topics},
      {kController, Place::Controller},
      {kControllerEpoch, Place::ControllerEpoch},
      {kFeature, Place::Feature},
      {kConfigChanges, Place::ConfigChanges},
      {kDeleteTopics, Place::DeleteTopics},
      {kReassignPartitions, Place::ReassignPartitions},
      {kPreferredReplicaElection, Place::PreferredReplicaElection},
      {kIsrChangeNotification, Place::IsrChangeNotification},
      {kLogDirEventNotification, Place::LogDirEventNotification},
  };
  Location location;
  for (const Fixed& fixed : kFixed) {
    if (path == fixed.path) {
      location.place = fixed.place;
      return location;
    }
  }
  if (const auto rest = below(path, kTopics)) return locate_below_topics(*rest);
  if (const auto rest = below(path, kBrokerIds)) {
    if (const auto id = parse_number(*rest)) {
      location.place = Place::Broker;
      location.broker = BrokerId(*id);
    }
  }
  return location;
}

std::optional<std::int32_t> parse_number(std::string_view text) {
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

}  // namespace ottla::zookeeper::layout
