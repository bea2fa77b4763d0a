#include "simulation/simulation.h"

#include <glog/logging.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "common/testing/simulated_zookeeper.h"
#include "common/zookeeper/layout.h"
#include "simulation/administrator.h"
#include "simulation/checker.h"
#include "simulation/client_events.h"
#include "simulation/cluster.h"
#include "simulation/committed_records.h"
#include "simulation/faults.h"
#include "simulation/picture.h"
#include "simulation/topic_catalog.h"
#include "simulation/transaction_workload.h"
#include "simulation/workload.h"

namespace ottla::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr env::Duration kBetweenLooks = milliseconds(100);
/// From a disk that stands still, or fails, to the last partition's new leader: the first is
/// noticed within 1.4 s.
constexpr env::Duration kHandOver = seconds(3);

/// glog's lines with simulated time and the broker in whose task they were written.
class PrintedLog final : public google::LogSink {
 public:
  explicit PrintedLog(testing::SimulatedWorld& world) : world_(world) { google::AddLogSink(this); }
  ~PrintedLog() override { google::RemoveLogSink(this); }
  PrintedLog(const PrintedLog&) = delete;
  PrintedLog& operator=(const PrintedLog&) = delete;

  void send(google::LogSeverity severity, const char*, const char* file, int line,
            const google::LogMessageTime&, const char* message, std::size_t length) override {
    const auto micros = world_.now().time_since_epoch() / std::chrono::microseconds(1);
    std::cerr << google::GetLogSeverityName(severity)[0] << ' ' << micros / 1000 << '.'
              << std::to_string(1000 + micros % 1000).substr(1) << " ms, ";
    if (world_.running() != 0) std::cerr << "broker " << world_.running() << ", ";
    std::cerr << file << ':' << line << "] " << std::string_view(message, length) << '\n';
  }

 private:
  testing::SimulatedWorld& world_;
};

class Simulation final : private ClientEvents {
 public:
  explicit Simulation(const RunOptions& options)
      : options_(options),
        cluster_({.seed = options.seed, .brokers = options.brokers, .bugs = options.bugs}),
        workload_(cluster_, *this, options.transactions),
        administrator_(cluster_, workload_),
        faults_(cluster_, {.losses = options.host_crashes,
                           .late_isr_requests_only = options.late_isr_requests_only}),
        picture_(cluster_),
        checkers_(make_checkers()) {
    if (options.print_log) log_.emplace(cluster_.world());
    verdict_.seed = options.seed;
    if (options.transactions) {
      transactions_.emplace(
          cluster_, static_cast<ClientEvents&>(*this),
          [this](const Complaint& complaint) { broken(complaint.first, complaint.second); });
    }
    cluster_.before_loss([this](const Cluster::Loss& loss) {
      look();  // Who joined an ISR before joined with what is lost now.
      // What became of a transaction whose records are gone nobody can say.
      if (options_.transactions && !is_all_kept_elsewhere(loss)) return false;
      committed_.expect_loss(picture_, loss);
      return true;
    });
    cluster_.on_loss([this](const Cluster::Loss& loss) { committed_.lose(picture_, loss); });
  }

  Verdict run() {
    cluster_.start_all();
    workload_.start();
    administrator_.start();
    if (transactions_) transactions_->start();
    go_on(seconds(3));
    if (options_.faults) faults_.start();
    go_on(options_.chaos);
    faults_.heal();
    workload_.stop_churn();
    administrator_.stop();
    if (transactions_) transactions_->calm();
    // The cluster recovers under load first, then the clients of before come to rest.
    if (verdict_.passed()) expect_whole();
    if (verdict_.passed()) expect_hand_over();
    if (verdict_.passed()) expect_dir_to_fail_alone();
    if (verdict_.passed()) expect_service();
    if (verdict_.passed()) check_history();
    summarize();
    return std::move(verdict_);
  }

 private:
  /// Runs for so long, or until a rule is broken.
  void go_on(env::Duration duration) {
    run_until([] { return false; }, duration);
  }

  template <class Condition>
  bool run_until(Condition condition, env::Duration limit) {
    const env::MonotonicTime end = cluster_.world().now() + limit;
    while (verdict_.passed()) {
      if (condition()) return true;
      if (cluster_.world().now() >= end) return false;
      cluster_.world().run_for(kBetweenLooks);
      look();
    }
    return false;
  }

  /// Whether of each log that may be lost another trusted member of the ISR holds all.
  [[nodiscard]] bool is_all_kept_elsewhere(const Cluster::Loss& loss) const {
    std::vector<const ReplicaPicture*> all;
    for (const ReplicaPicture& replica : picture_.replicas()) all.push_back(&replica);
    for (const ReplicaPicture& replica : picture_.absent()) all.push_back(&replica);
    return std::ranges::all_of(all, [&](const ReplicaPicture* lost) {
      const auto change = picture_.states().find(lost->key);
      if (!loss.concerns(lost->broker, lost->name) || change == picture_.states().end()) {
        return true;
      }
      return std::ranges::any_of(all, [&](const ReplicaPicture* other) {
        return other->key == lost->key && other->broker != loss.broker &&
               change->second.state.is_trusted(other->broker) && other->holds_all_of(*lost);
      });
    });
  }

  void look() {
    picture_.refresh();
    committed_.look(picture_);
    for (const StateChange& change : picture_.changes()) {
      if (change.state.leader != kNoBroker) ++verdict_.elections;
    }
    for (const auto& checker : checkers_) {
      if (auto wrong = checker->check(picture_, committed_); !wrong.empty()) {
        return broken(checker->name(), std::move(wrong));
      }
    }
  }

  void broken(const std::string& rule, std::string what) {
    if (!verdict_.passed()) return;
    verdict_.rule = rule;
    verdict_.violation =
        "at " + std::to_string(cluster_.world().now().time_since_epoch() / milliseconds(1)) +
        " ms: " + std::move(what);
    LOG(WARNING) << "RULE " << rule << " is broken " << verdict_.violation;
  }

  // Liveness: Redpanda's and Kafka's stuck replicas (weaknesses, 5.4) would show here.

  void expect_whole() {
    std::string missing;
    const env::MonotonicTime began = cluster_.world().now();
    const bool whole = run_until(
        [&] {
          missing = what_is_missing();
          return missing.empty();
        },
        options_.recovery);
    if (!whole) broken("becomes_whole_again", missing);
    verdict_.whole_after = std::max(verdict_.whole_after, cluster_.world().now() - began);
  }

  /// W10: a whole cluster, one disk that does not answer any more: within seconds others lead, and
  /// it is given nothing back while it is slow. Then the disk answers again.
  void expect_hand_over() {
    const BrokerId slow =
        cluster_.broker_ids()[cluster_.random().below(cluster_.broker_ids().size())];
    const auto any_slow = [&] {
      return std::any_of(cluster_.broker_ids().begin(), cluster_.broker_ids().end(),
                         [&](BrokerId id) { return cluster_.broker(id).is_slow(); });
    };
    go_on(seconds(1));  // what stalled until now may be noticed late
    if (!run_until([&] { return !any_slow(); }, seconds(15))) {
      return broken("slow_leaders_hand_over", "a disk is slow, long after all is healed");
    }
    const env::MonotonicTime began = cluster_.world().now();
    cluster_.broker(slow).stall_disk(true);
    // Until it is found slow, it may be given more to lead.
    const auto has_handed_over = [&] {
      return cluster_.broker(slow).is_slow() && led_by(slow).empty();
    };
    if (!run_until(has_handed_over, kHandOver) && !led_by(slow).empty()) {
      broken("slow_leaders_hand_over", "broker " + std::to_string(slow.value()) +
                                           ", whose disk stands still, leads" + led_by(slow));
    }
    verdict_.handed_over_after = cluster_.world().now() - began;
    go_on(milliseconds(100));  // an election that was under way
    const bool leads_again = run_until([&] { return !led_by(slow).empty(); }, seconds(3)) &&
                             // A follower that has just joined is the one who could.
                             !run_until([&] { return led_by(slow).empty(); }, seconds(1));
    if (leads_again && verdict_.passed()) {
      broken("slow_leaders_hand_over", "broker " + std::to_string(slow.value()) +
                                           ", whose disk stands still, leads again" + led_by(slow));
    }
    cluster_.broker(slow).stall_disk(false);
    if (verdict_.passed()) expect_whole();
  }

  /// W7: a whole cluster, one log dir of a broker that fails: others lead what it held, and the
  /// broker goes on with what lies in its other dir. When the disk works again the dir comes back,
  /// without a new start.
  void expect_dir_to_fail_alone() {
    constexpr const char* kRule = "log_dirs_fail_alone";
    go_on(seconds(1));  // who fell behind a stalled disk may still be found to lag
    if (verdict_.passed()) expect_whole();
    const BrokerId id =
        cluster_.broker_ids()[cluster_.random().below(cluster_.broker_ids().size())];
    const std::string failing = kLogDirectories.at(cluster_.random().below(kLogDirectories.size()));
    const SimulatedBroker& broker = cluster_.broker(id);
    const std::uint64_t incarnation = broker.incarnation();
    std::set<TopicPartition> hit;
    std::set<TopicPartition> spared;
    for (const TopicPartition& partition : workload_.lasting_partitions()) {
      const std::string at = cluster_.broker(id).logs()->directory_of(partition);
      if (!at.empty()) (at.starts_with(failing) ? hit : spared).insert(partition);
    }
    const std::string name = failing + " of broker " + std::to_string(id.value());
    cluster_.fail_log_dir(id, failing, 0);
    const auto still_counts = [&](const TopicPartition& partition) {
      for (const auto& [key, change] : picture_.states()) {
        if (change.name == partition) return change.state.in_isr(id) && change.state.isr.size() > 1;
      }
      return false;
    };
    const auto all_have_left = [&] { return std::none_of(hit.begin(), hit.end(), still_counts); };
    if (!run_until(all_have_left, kHandOver) && verdict_.passed()) {
      broken(kRule, "replicas in " + name + ", which has failed, are in the ISR");
    }
    const auto lost = std::find_if_not(spared.begin(), spared.end(), still_counts);
    if (lost != spared.end() && verdict_.passed()) {
      broken(kRule, lost->to_string() + " has left the ISR with " + name + ", where it is not");
    }
    cluster_.disk(id).set_fault(nullptr);
    if (verdict_.passed()) expect_whole();
    if (broker.incarnation() != incarnation) {
      broken(kRule, "the broker was started anew after " + name + " had failed");
    }
  }

  /// Lasting partitions that the broker leads and another member of the ISR could.
  [[nodiscard]] std::string led_by(BrokerId broker) const {
    std::string led;
    for (const auto& [key, change] : picture_.states()) {
      const auto& lasting = workload_.lasting_partitions();
      if (std::find(lasting.begin(), lasting.end(), change.name) == lasting.end()) continue;
      if (change.state.leader != broker || change.state.isr.size() < 2) continue;
      led += " " + change.name.to_string();
    }
    return led;
  }

  [[nodiscard]] std::string what_is_missing() {
    std::string missing;
    for (const BrokerId id : cluster_.broker_ids()) {
      if (!cluster_.broker(id).is_serving()) {
        missing += " broker " + std::to_string(id.value()) + " is not registered;";
      }
    }
    std::map<TopicPartition, const StateChange*> states;
    for (const auto& [key, state] : picture_.states()) states[state.name] = &state;
    for (const TopicPartition& partition : workload_.lasting_partitions()) {
      const auto state = states.find(partition);
      if (state == states.end()) {
        missing += " " + partition.to_string() + " does not exist;";
      } else if (state->second->state.leader == kNoBroker) {
        missing += " " + partition.to_string() + " has no leader;";
      } else if (state->second->state.isr.size() < state->second->replicas.size()) {
        missing += " " + partition.to_string() + " is under-replicated;";
      }
    }
    return missing + administrator_.unfinished();
  }

  void expect_service() {
    workload_.start_probes();
    if (!run_until([&] { return workload_.probes_acknowledged(); }, seconds(15))) {
      return broken("serves_again", "not acknowledged:" + workload_.unacknowledged_probes());
    }
    workload_.stop_producers();
    if (!run_until([&] { return workload_.producers_idle(); }, seconds(15))) {
      return broken("serves_again", "a producer does not come to rest");
    }
    if (transactions_) expect_transactions_to_end();
    std::string behind;
    if (!run_until(
            [&] {
              behind = who_is_behind();
              return behind.empty();
            },
            seconds(15))) {
      broken("all_is_read", behind);
    }
  }

  /// The copiers copy all that there is, and leave nothing open (W26, W27).
  void expect_transactions_to_end() {
    std::string left;
    const auto is_empty = [&](std::string text) {
      left = std::move(text);
      return left.empty();
    };
    if (!run_until([&] { return is_empty(transactions_->missing(ends())); }, seconds(30))) {
      return broken("all_is_copied", left);
    }
    transactions_->stop();
    if (!run_until([&] { return is_empty(transactions_->unsettled()); }, seconds(15))) {
      return broken("transactions_end", left);
    }
    if (const auto wrong = transactions_->check_whole()) broken(wrong->first, wrong->second);
  }

  /// Where the partitions end, as their leaders say.
  [[nodiscard]] std::map<TopicPartition, Offset> ends() const {
    std::map<TopicPartition, Offset> ends;
    for (const ReplicaPicture& replica : picture_.replicas()) {
      if (!replica.is_leader) continue;
      ends[replica.name] =
          replica.records->empty() ? Offset(0) : replica.records->back().offset.next();
    }
    return ends;
  }

  /// Replicas that do not end where the others do, and consumers that have not read everything.
  [[nodiscard]] std::string who_is_behind() {
    std::map<TopicPartition, Offset> ends;
    std::string behind;
    for (const ReplicaPicture& replica : picture_.replicas()) {
      const Offset end =
          replica.records->empty() ? Offset(0) : replica.records->back().offset.next();
      const auto [known, is_first] = ends.try_emplace(replica.name, end);
      if (known->second != end || replica.high_watermark != end) {
        behind += " " + replica.name.to_string() + " on broker " +
                  std::to_string(replica.broker.value()) + " ends at " +
                  std::to_string(end.value()) + ", high watermark " +
                  std::to_string(replica.high_watermark.value()) + ";";
      }
    }
    for (const auto& consumer : workload_.consumers()) {
      const auto end = ends.find(consumer->partition());
      if (end == ends.end() || consumer->position() == end->second) continue;
      behind += " a consumer of " + consumer->partition().to_string() + " is at " +
                std::to_string(consumer->position().value()) + " of " +
                std::to_string(end->second.value()) + ";";
    }
    return behind;
  }

  void check_history() {
    if (auto wrong = testing::check_controller_fencing(cluster_.zookeeper()); !wrong.empty()) {
      return broken("stale_controllers_never_commit", std::move(wrong));
    }
    if (auto wrong = testing::check_leader_epochs(cluster_.zookeeper()); !wrong.empty()) {
      return broken("leader_epochs_rise", std::move(wrong));
    }
  }

  void summarize() {
    verdict_.trace_hash = cluster_.world().trace_hash();
    verdict_.steps = cluster_.world().steps();
    verdict_.simulated = cluster_.world().now().time_since_epoch();
    verdict_.acknowledged_batches = workload_.acknowledged();
    verdict_.promised_records = committed_.promises();
    verdict_.excused_records = committed_.excused();
    verdict_.faults = faults_.counts();
    verdict_.faults.insert(cluster_.network().counts().begin(), cluster_.network().counts().end());
    verdict_.operations = administrator_.counts();
    verdict_.operations["partition added"] = workload_.partitions_added();
    verdict_.operations["topic created"] = workload_.topics_created();
    verdict_.operations["topic deleted"] = workload_.topics_deleted();
    if (transactions_) {
      verdict_.transactions_begun = transactions_->counts().begun;
      verdict_.transactions_committed = transactions_->counts().committed;
    }
    if (const auto epoch = cluster_.zookeeper().node("/controller_epoch")) {
      verdict_.controller_terms = std::stoull(epoch->data);
    }
  }

  // ClientEvents

  void on_acknowledged(BrokerId by, const PartitionKey& key, Offset base_offset,
                       const std::vector<Value>& values) override {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Offset offset = base_offset + static_cast<std::int64_t>(i);
      if (auto wrong = committed_.promise(key, offset, values[i])) {
        broken("acknowledged_once",
               picture_.name_of(key) + " by broker " + std::to_string(by.value()) + ": " + *wrong);
      }
    }
    picture_.refresh_replicas();
    committed_.look(picture_);
    committed_.look_at_absent(picture_, key);
    const std::size_t holders = committed_.holders(key, base_offset);
    const std::int32_t promised = TopicCatalog::promised_holders(picture_.topic_of(key));
    if (holders < static_cast<std::size_t>(promised) && !is_being_deleted(key)) {
      broken("acknowledged_is_replicated",
             picture_.name_of(key) + ", offset " + std::to_string(base_offset.value()) +
                 ": broker " + std::to_string(by.value()) + " acknowledged what " +
                 std::to_string(holders) + " brokers hold" + who_has(key));
    }
  }

  [[nodiscard]] std::string who_has(const PartitionKey& key) const {
    std::string text;
    for (const auto* replicas : {&picture_.replicas(), &picture_.absent()}) {
      for (const ReplicaPicture& replica : *replicas) {
        if (replica.key != key) continue;
        text += ", broker " + std::to_string(replica.broker.value()) + " has " +
                std::to_string(replica.records->size());
        if (replicas == &picture_.absent()) text += " and does not run";
      }
    }
    return text;
  }

  /// Its replicas may be gone already where the leader has not heard of it.
  [[nodiscard]] bool is_being_deleted(const PartitionKey& key) {
    const std::string name = picture_.topic_of(key);
    return cluster_.zookeeper().node(zookeeper::layout::delete_topic(name)).has_value() ||
           !cluster_.zookeeper().node(zookeeper::layout::topic(name)).has_value();
  }

  void on_read(BrokerId by, const PartitionKey& key,
               const std::vector<LoggedRecord>& records) override {
    if (records.empty()) return;
    for (const LoggedRecord& record : records) {
      if (auto wrong = committed_.promise(key, record.offset, record.value)) {
        broken("what_was_read_stays",
               picture_.name_of(key) + " by broker " + std::to_string(by.value()) + ": " + *wrong);
      }
    }
    picture_.refresh_replicas();
    committed_.look(picture_);
    committed_.look_at_absent(picture_, key);
  }

  void on_sequence_error(BrokerId by, const PartitionKey& key, const std::string& what) override {
    if (committed_.has_excuses(key)) return;
    broken("sequences_go_on",
           picture_.name_of(key) + " by broker " + std::to_string(by.value()) + ": " + what);
  }

  const RunOptions options_;
  Cluster cluster_;
  std::optional<PrintedLog> log_;
  Workload workload_;
  Administrator administrator_;
  std::optional<TransactionWorkload> transactions_;
  Faults faults_;
  Picture picture_;
  CommittedRecords committed_;
  std::vector<std::unique_ptr<Checker>> checkers_;
  Verdict verdict_;
};

}  // namespace

Verdict run(const RunOptions& options) {
  return Simulation(options).run();
}

}  // namespace ottla::simulation
