#pragma once

#include <functional>
#include <string>

#include "common/base/id.h"

namespace ottla::config {
class BrokerConfig;
}  // namespace ottla::config
namespace ottla::controller {
class ControllerService;
}  // namespace ottla::controller
namespace ottla::group {
class GroupService;
}  // namespace ottla::group
namespace ottla::metadata {
class MetadataCache;
}  // namespace ottla::metadata
namespace ottla::replica {
class Replicas;
}  // namespace ottla::replica
namespace ottla::storage {
class LogStore;
}  // namespace ottla::storage

namespace ottla::status {

class LeaderHighWatermarks;

/// The parts of a running broker that its status is told from. They outlive whoever looks.
struct Sources {
  BrokerId broker;
  std::string cluster_id;
  const config::BrokerConfig& config;
  const metadata::MetadataCache& metadata;
  const replica::Replicas& replicas;
  const storage::LogStore& logs;
  group::GroupService& groups;
  controller::ControllerService& controller;
  LeaderHighWatermarks& high_watermarks;
  std::function<bool()> is_registered;
  std::function<bool()> is_zookeeper_connected;
};

}  // namespace ottla::status
