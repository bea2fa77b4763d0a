#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "simulation/cluster.h"
#include "simulation/workload.h"

namespace ottla::simulation {

/// What administrators and their tools do to a cluster that runs: replicas are moved from broker to
/// broker and between log dirs, leaders are asked for, by requests and by the znodes of the older
/// tools, replication is throttled, configs change, the controller is made to move.
class Administrator {
 public:
  Administrator(Cluster& cluster, const Workload& workload)
      : cluster_(cluster), workload_(workload) {}

  void start();
  /// Nothing more is asked for; what was goes on. Throttles, and configs that keep partitions
  /// without a leader, are taken away.
  void stop();

  /// How often each kind of thing was done, by name: asked for and taken.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& counts() const { return counts_; }
  /// What was asked for and has not ended, as ZooKeeper and the brokers' log dirs have it: text for
  /// people, empty if there is nothing.
  [[nodiscard]] std::string unfinished();

 private:
  void move_replicas_later();
  void disturb_move_later(const TopicPartition& partition);
  void move_logs_later();
  void do_something_rare_later();

  void move_replicas(const TopicPartition& partition);
  void move_replicas_by_znode();
  void give_move_up(const TopicPartition& partition);
  void ask_for_preferred_leader(const TopicPartition& partition);
  void ask_for_preferred_leaders_by_znode();
  void ask_for_unclean_leader();
  void move_log();
  void delete_controller();
  void change_throttle();
  void change_unclean_election();
  void change_segment_bytes();
  void change_min_insync_replicas();

  void alter_reassignment(const std::string& name, const TopicPartition& partition,
                          std::optional<std::vector<BrokerId>> replicas);
  void elect(const std::string& name, const TopicPartition& partition, bool unclean);
  bool set_unclean_election(bool allowed);
  bool set_min_insync_replicas(const std::string& topic, std::int32_t replicas);
  /// Each after up to `longest`.
  void tell_brokers(const std::string& topic, env::Duration longest);
  /// Written as a tool does that talks to ZooKeeper; false if something of the kind is there.
  bool create_node(std::string_view path, std::string data);
  /// Two or more brokers, in any order.
  [[nodiscard]] std::vector<BrokerId> some_brokers();
  [[nodiscard]] const TopicPartition& any_partition();
  void count(const std::string& what) { ++counts_[what]; }

  Cluster& cluster_;
  const Workload& workload_;
  bool active_ = true;
  std::set<std::string> unusual_topics_;  ///< With other min.insync.replicas than at first.
  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace ottla::simulation
