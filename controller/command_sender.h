#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/rpc/peer.h"
#include "controller/cluster_update.h"
#include "controller/config.h"
#include "controller/decide.h"
#include "controller/lifeline.h"
#include "controller/model.h"

namespace ottla::controller {

/// Carries the commands of one term to the brokers. Each broker has a queue of its own with one
/// update under way; what comes meanwhile merges. A delivery that failed is repeated as a full
/// update, with back-off: nobody knows whether it arrived.
/// Other leaders are told in rounds, some partitions to all brokers at a time: a partition takes no
/// records from when the first of its replicas has heard of its new leader until the last has, so
/// no broker may be thousands of partitions ahead. Who does not answer is not waited for.
/// The queue is bounded by the model's size, as it holds names only.
/// Thread: controller.
class CommandSender {
 public:
  struct Listener {
    /// A command was sent that had waited so long.
    std::function<void(BrokerId, env::Duration waited)> sent;
    std::function<void(CommandDone)> done;
    std::function<void(LogsAnswered)> logs;
    /// A broker knows a newer controller.
    std::function<void(std::string why)> deposed;
  };

  CommandSender(const ClusterModel& model, const ControllerConfig& config, env::Executor& executor,
                const env::Clock& clock, rpc::Peers& peers, Listener listener);

  /// Queues the commands and sends what can be sent. Brokers that registered since get a channel,
  /// those that are gone lose theirs.
  void run(const std::vector<Command>& commands);
  /// While elections are being written at the begin of a term, it is these that brokers hear of
  /// first, and of everything else afterwards. Before the states have been read they hear of
  /// elections only, whatever is said here.
  void hold_everything(bool hold) { hold_everything_ = hold; }

  /// Counts what was announced to all.
  [[nodiscard]] std::uint64_t announced() const { return announced_; }
  /// Whether every broker that is alive has taken what was announced up to `number`.
  [[nodiscard]] bool is_known(std::uint64_t number) const;
  /// Whether some broker has yet to hear of an election.
  [[nodiscard]] bool has_urgent() const;
  /// For each broker: its update under way, and one if something waits for the next.
  [[nodiscard]] std::map<BrokerId, std::size_t> queues() const;
  /// Whether the last delivery to this broker failed.
  [[nodiscard]] bool is_failing(BrokerId broker) const;

 private:
  struct Channel {
    cluster::Broker broker;
    std::shared_ptr<rpc::Peer> peer;
    News news;
    bool in_flight = false;
    /// It may have been told nothing yet by anybody: everything goes before what is urgent.
    bool everything_first = true;
    std::optional<env::MonotonicTime> waits_since;  ///< There are news.
    News sent;                                      ///< What the update under way tells.
    std::uint64_t sent_number = 0;
    std::uint64_t known_number = 0;
    bool last_stop_settled = false;  ///< Then it stays so.
    bool is_late = false;            ///< Rounds do not wait for it until it has answered.
    bool failing = false;
    env::Duration backoff{};
    env::TimerHandle retry;
    Lifeline life;
  };

  void follow_registrations();
  void queue(const Announce& command);
  void queue(const AnnounceBrokers& command);
  void queue(const AnnounceDeleted& command);
  void queue(const SendFull& command);
  void queue(const StopReplicas& command);
  void queue(const AskLogs& command);

  void send_all();
  void send(Channel& channel);
  [[nodiscard]] bool is_dead(const Channel& channel) const;
  void begin_round();
  [[nodiscard]] bool holds_up_round(const Channel& channel) const;
  void delivered(Channel& channel, Result<rpc::ClusterUpdateReply> reply);
  void succeeded(Channel& channel, rpc::ClusterUpdateReply reply);
  void failed(Channel& channel, const std::string& why);

  const ClusterModel& model_;
  const ControllerConfig& config_;
  env::Executor& executor_;
  const env::Clock& clock_;
  rpc::Peers& peers_;
  Listener listener_;
  std::uint64_t announced_ = 0;
  std::uint64_t updates_sent_ = 0;
  bool hold_everything_ = false;
  bool has_run_ = false;
  std::map<BrokerId, std::unique_ptr<Channel>> channels_;
  std::set<TopicPartition> round_;
  env::TimerHandle round_timer_;
  Lifeline life_;
};

}  // namespace ottla::controller
