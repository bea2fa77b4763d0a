#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "simulation/cluster.h"

namespace ottla::simulation {

/// Lets things go wrong, by the seed, several at a time, until `heal`.
class Faults {
 public:
  struct Options {
    /// Mean time between two faults.
    env::Duration mean_pause = std::chrono::milliseconds(1500);
    bool losses = true;  ///< Hosts crash, disks are replaced, logs are moved away.
    /// Nothing but the schedule of `overtake_isr_requests`, again and again.
    bool late_isr_requests_only = false;
  };
  Faults(Cluster& cluster, Options options) : cluster_(cluster), options_(options) {}

  void start() { next(); }
  /// Nothing new goes wrong; all that did is repaired, and every broker runs.
  void heal();

  /// How often each kind happened, by name.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& counts() const { return counts_; }

 private:
  void next();
  void strike();
  void note(const std::string& fault, BrokerId broker);
  [[nodiscard]] BrokerId any_broker();
  [[nodiscard]] BrokerId any_but(BrokerId broker);
  [[nodiscard]] env::Duration up_to(env::Duration longest);

  void crash_process(BrokerId broker);
  void crash_in_mid_write(BrokerId broker);
  void crash_host(BrokerId broker);
  void lose_log(BrokerId broker);
  void overtake_isr_requests(BrokerId broker);
  void restart_cleanly(BrokerId broker);
  void pause(BrokerId broker);
  void cut_network(BrokerId broker);
  void cut_one_way(BrokerId broker);
  void isolate(BrokerId broker);
  void cut_zookeeper(BrokerId broker);
  void cut_answers(BrokerId broker);
  void jump_clock(BrokerId broker);
  void slow_down_disk(BrokerId broker);
  void stall_disk(BrokerId broker);
  void fail_disk(BrokerId broker);
  void fail_log_dir(BrokerId broker);
  void replace_disk(BrokerId broker);
  void fill_disk(BrokerId broker);
  void degrade_network();
  void stop_ensemble();
  /// Starts the broker if it does not run.
  void start_later(BrokerId broker, env::Duration longest);
  void watch_for_stopped_disk(BrokerId broker);

  Cluster& cluster_;
  const Options options_;
  bool healed_ = false;
  std::set<BrokerId> failed_disks_;
  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace ottla::simulation
