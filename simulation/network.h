#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "common/base/id.h"
#include "common/env/executor.h"
#include "common/rpc/peer.h"
#include "common/rpc/replication.h"
#include "common/rpc/transactions.h"
#include "common/testing/simulated_world.h"

namespace ottla::simulation {

/// The network between simulated brokers: calls, replication streams and liveness watches with
/// delays, losses, broken connections, and directions that are cut. What is drawn comes from the
/// world's seed.
class Network {
 public:
  /// A process that listens. All pointers are valid until `detach`; calls run on `inbound`.
  struct Process {
    BrokerId broker;
    std::string start_nonce;
    env::Executor* inbound = nullptr;
    rpc::BrokerControl* broker_control = nullptr;
    rpc::ControllerControl* controller_control = nullptr;
    rpc::ReplicationService* replication = nullptr;
    rpc::TransactionControl* transactions = nullptr;
  };
  struct Options {
    env::Duration delay_min = std::chrono::microseconds(50);
    env::Duration delay_max = std::chrono::milliseconds(2);
    /// Of a thousand messages: this many take up to `slow_delay` (overtaken by others, but not
    /// within a stream).
    std::uint64_t slow_per_mille = 10;
    env::Duration slow_delay = std::chrono::milliseconds(80);
    /// Of a thousand calls: this many lose their request, and as many their reply.
    std::uint64_t lost_per_mille = 5;
    /// Of a thousand calls: this many arrive a second time, up to `duplicate_delay` later, also at
    /// a process that was started since.
    std::uint64_t duplicated_per_mille = 10;
    env::Duration duplicate_delay = std::chrono::seconds(3);
    env::Duration ping_interval = std::chrono::milliseconds(300);
    env::Duration suspicion_timeout = std::chrono::milliseconds(1500);
  };

  Network(testing::SimulatedWorld& world, Options options);
  ~Network();

  void attach(const std::string& endpoint, Process process);
  /// The process is gone: its connections close and new ones are refused.
  void detach(const std::string& endpoint);

  /// Nothing gets through from one broker to the other until `heal`.
  void cut(BrokerId from, BrokerId to) { cut_.insert({from, to}); }
  void heal_all();
  /// No more losses and slow messages: what liveness is measured under.
  void calm() {
    options_.lost_per_mille = options_.slow_per_mille = options_.duplicated_per_mille = 0;
    degraded_ = isr_requests_are_late_ = false;
  }
  /// Slow and lossy, or as before.
  void degrade(bool badly) { degraded_ = badly; }
  /// Requests for ISRs take between one and two seconds, or as long as before.
  void delay_isr_requests(bool late) { isr_requests_are_late_ = late; }
  /// Bug::SkipsEpochComparison.
  void hide_fetched_epochs() { hides_fetched_epochs_ = true; }
  /// What befell calls, by its name.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& counts() const { return counts_; }
  /// Breaks every replication stream; both ends hear it.
  void break_streams();

  /// How `broker`, as the process behind `endpoint`, reaches others.
  [[nodiscard]] std::unique_ptr<rpc::Peers> peers_of(const std::string& endpoint);
  [[nodiscard]] std::unique_ptr<rpc::TransactionPeers> transaction_peers_of(
      const std::string& endpoint);
  [[nodiscard]] std::unique_ptr<rpc::LivenessMonitor> liveness_of(const std::string& endpoint);
  [[nodiscard]] std::unique_ptr<rpc::ReplicationTransport> transport_of(
      const std::string& endpoint);

 private:
  class SimulatedPeer;
  class SimulatedPeers;
  class SimulatedTransactionPeers;
  class SimulatedLiveness;
  class SimulatedTransport;
  class Stream;

  /// Who answers at `endpoint` now; null when nobody does.
  [[nodiscard]] const Process* find(const std::string& endpoint) const;
  [[nodiscard]] bool is_cut(BrokerId from, BrokerId to) const { return cut_.contains({from, to}); }
  [[nodiscard]] env::Duration draw_delay();
  [[nodiscard]] env::Duration draw_lateness();
  [[nodiscard]] bool draw(std::uint64_t per_mille) {
    return world_.random().below(1000) < per_mille;
  }
  [[nodiscard]] bool is_lost() { return draw(degraded_ ? 200 : options_.lost_per_mille); }
  /// A call arrives, which was the `number`th to be sent on its way: has a later one been quicker?
  void note_arrival(const std::pair<std::string, std::string>& way, std::uint64_t number);
  void after(env::Duration delay, Task task);

  testing::SimulatedWorld& world_;
  Options options_;
  std::map<std::string, Process> processes_;
  std::set<std::pair<BrokerId, BrokerId>> cut_;
  std::list<std::weak_ptr<Stream>> streams_;
  std::unique_ptr<env::Executor> executor_;
  bool degraded_ = false;
  bool isr_requests_are_late_ = false;
  bool hides_fetched_epochs_ = false;
  std::uint64_t last_call_ = 0;
  /// By sender and receiver: the latest sent of the calls that have arrived.
  std::map<std::pair<std::string, std::string>, std::uint64_t> latest_arrived_;
  std::map<std::string, std::uint64_t> counts_;
  std::uint64_t last_timer_ = 0;
  std::map<std::uint64_t, env::TimerHandle> timers_;
};

}  // namespace ottla::simulation
