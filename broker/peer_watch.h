#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "broker/api/services.h"
#include "broker/metadata/metadata_cache.h"
#include "common/base/id.h"
#include "common/env/executor.h"
#include "common/rpc/peer.h"
#include "common/rpc/reach.h"

namespace ottla::broker {

/// Watches the processes of all the brokers that the controller names, and takes those that are
/// dead out of this broker's metadata at once. The controller learns of a death in the same way,
/// but its word comes a failover later. Thread: `loop`, where verdicts come too.
class PeerWatch final : public api::PeerProof {
 public:
  /// References outlive the watch; nothing of `loop` runs when it is destroyed.
  PeerWatch(BrokerId self, rpc::LivenessMonitor& liveness, metadata::MetadataCache& metadata,
            const env::Clock& clock, env::Executor& loop)
      : self_(self), liveness_(liveness), metadata_(metadata), clock_(clock), loop_(loop) {}

  /// After an update of the metadata. Thread: any.
  void metadata_changed();
  void stop();
  /// `tell(broker, true)` on the loop when a broker has fallen silent while this one is in reach of
  /// the others, `tell(broker, false)` when that is over. Before `metadata_changed` is first
  /// called.
  void on_silence(std::function<void(BrokerId, bool)> tell) { tell_silence_ = std::move(tell); }

  /// `tell(brokers)` on the loop with those that are not heard while this one is cut off from most;
  /// none: it is not cut off any more. Before `metadata_changed` is first called.
  void on_cut_off(std::function<void(std::set<BrokerId>)> tell) { tell_cut_off_ = std::move(tell); }

  void confirm(std::vector<BrokerId> brokers, Task done) override;
  void await_change(std::shared_ptr<const metadata::MetadataImage> seen,
                    env::MonotonicTime deadline, Task done) override;
  /// Who was cut off until a moment ago is not in reach yet: its connections come back one by one,
  /// and the brokers whose has not would look silent.
  void ask(Callback<bool> done) override;

 private:
  using Registration = std::pair<BrokerId, BrokerEpoch>;

  class Wait;

  [[nodiscard]] std::shared_ptr<Wait> begin(Task done, env::Duration longest);
  void ask_now(Callback<bool> done);
  /// How many others are to be heard so that half of all brokers are, this one counted.
  [[nodiscard]] std::size_t others_for_half() const { return watches_.size() / 2; }
  void look();
  void judge(const Registration& peer, rpc::Liveness verdict);
  void believe_silence(const Registration& peer);
  void no_longer_silent(const Registration& peer);
  void set_cut_off(bool cut_off);
  void note_who_is_heard();

  const BrokerId self_;
  rpc::LivenessMonitor& liveness_;
  metadata::MetadataCache& metadata_;
  const env::Clock& clock_;
  env::Executor& loop_;
  bool stopped_ = false;
  std::map<Registration, std::unique_ptr<rpc::LivenessWatch>> watches_;
  std::function<void(BrokerId, bool)> tell_silence_ = [](BrokerId, bool) {};
  std::function<void(std::set<BrokerId>)> tell_cut_off_ = [](const std::set<BrokerId>&) {};
  std::set<BrokerId> out_of_reach_;  ///< As it was told last.
  /// When its connections are all back; nullopt while it does not hear most brokers.
  std::optional<env::MonotonicTime> settled_at_ = env::MonotonicTime{};
  std::map<Registration, env::TimerHandle> silent_;  ///< With the next look at our own reach.
  std::vector<std::shared_ptr<Wait>> waits_;
  std::vector<std::shared_ptr<Wait>> waiting_for_change_;
};

}  // namespace ottla::broker
