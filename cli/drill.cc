// `ottla drill`: breaks something on purpose while records flow, and says what it cost.
#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <memory>
#include <thread>

#include <boost/json.hpp>

#include "cli/broker_client.h"
#include "cli/client_properties.h"
#include "cli/cluster_facts.h"
#include "cli/cluster_state.h"
#include "cli/drill_fault.h"
#include "cli/drill_kind.h"
#include "cli/drill_probe.h"
#include "cli/drill_recording.h"
#include "cli/drill_topic.h"
#include "cli/drill_watch.h"
#include "cli/loss_check.h"
#include "cli/progress.h"
#include "cli/tool.h"
#include "cli/zookeeper_reader.h"

namespace ottla::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kQuickPause{5};
constexpr milliseconds kSlowPause{300};  ///< Between questions that read a lot.

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    kCommandConfigFlag,
    kJsonFlag,
    {.name = "html",
     .value = "file",
     .doc = "write a report with a plot: one page, no other files"},
    {.name = "broker", .value = "id", .doc = "the target; without it one is chosen"},
    {.name = "topic",
     .value = "name",
     .doc = "write the probes into this topic, and leave them there; without it into "
            "__ottla_drill, made for the drill"},
    {.name = "partition",
     .value = "number",
     .doc = "with --topic: only this one; its leader is "
            "the target of leader-kill, pause, isolate"},
    {.name = "pid",
     .value = "broker=pid",
     .doc = "the broker's process on this host",
     .repeated = true},
    {.name = "pid-file",
     .value = "path",
     .doc = "where brokers of this host keep their process ids; {broker} stands for the id"},
    {.name = "fault-command",
     .value = "command",
     .doc = "does the harm: 'ssh host-{broker} sudo systemctl kill -s KILL ottla-broker'"},
    {.name = "heal-command",
     .value = "command",
     .doc = "undoes it: 'ssh host-{broker} sudo systemctl start ottla-broker'"},
    {.name = "duration",
     .value = "ms",
     .doc = "pause, isolate: how long; at the least the fault must be seen; 5000"},
    {.name = "interval", .value = "ms", .doc = "between two probes of a partition; 10"},
    {.name = "observe", .value = "ms", .doc = "how long to go on after each step; 2000"},
    {.name = "max-gap",
     .value = "ms",
     .doc = "a longer time without an acknowledgement is no pass; 5000"},
    {.name = "patience", .value = "ms", .doc = "how long to wait for any step; 120000"},
    {.name = "zookeeper",
     .value = "host:port,../chroot",
     .doc = "zookeeper-session-loss: to see that the session ends; epochs of brokers"},
    {.name = "timeout", .value = "ms", .doc = "how long to wait for one answer; 3000"},
    {.name = "check", .doc = "say what would be done and what speaks against it; do nothing"},
    {.name = "force", .doc = "go on though something speaks against it"},
    {.name = "keep-topic", .doc = "do not delete __ottla_drill at the end"},
};

/// One drill from the check to the report.
class Drill {
 public:
  Drill(const DrillKind& kind, const DrillTimes& times, const Arguments& arguments,
        Console& console, FaultMeans means)
      : kind_(kind),
        times_(times),
        arguments_(arguments),
        console_(console),
        means_(std::move(means)) {}

  Result<> run() {
    if (arguments_.has("topic")) {
      OTTLA_TRY_VOID(open_topic());
    }
    OTTLA_TRY_VOID(choose_targets());
    OTTLA_TRY_VOID(check());
    if (arguments_.has("check")) return {};
    if (!topic_) {
      OTTLA_TRY_VOID(open_topic());
    }
    OTTLA_TRY_VOID(start());
    for (const BrokerId target : targets_) {
      auto outcome =
          kind_.choice == DrillTargets::Everyone ? await_no_objection(target) : Result<>();
      if (outcome) outcome = fail_and_heal(target);
      if (outcome) continue;
      recording_.failures.push_back(outcome.error().describe());
      break;
    }
    return report();
  }

 private:
  Result<ClusterFacts> facts() const {
    return gather_facts(arguments_, [](const auto&, const auto&) { return true; });
  }

  Result<> open_topic() {
    OTTLA_TRY(DrillTopic topic, DrillTopic::open(arguments_, console_));
    topic_.emplace(std::move(topic));
    return {};
  }

  Result<> choose_targets() {
    OTTLA_TRY(const ClusterFacts now, facts());
    addresses_.clear();
    for (const auto& [id, broker] : now.brokers) {
      if (broker.in_metadata) addresses_[id] = broker.address;
    }
    OTTLA_TRY(const auto given, arguments_.number("broker", 0));
    if (given) {
      targets_ = {BrokerId(static_cast<std::int32_t>(*given))};
    } else if (kind_.choice == DrillTargets::Controller) {
      targets_ = {now.controller};
    } else if (kind_.choice == DrillTargets::Everyone) {
      for (const auto& [id, address] : addresses_) {
        if (id != now.controller) targets_.push_back(id);
      }
      targets_.push_back(now.controller);  // Last: it moves once.
    } else {
      targets_ = {choose_leader(now)};
    }
    if (kind_.choice == DrillTargets::Controller && targets_.front() != now.controller) {
      return fail(ErrorCode::InvalidRequest, "broker " + std::to_string(targets_.front().value()) +
                                                 " is not the controller, but " +
                                                 std::to_string(now.controller.value()));
    }
    for (const BrokerId target : targets_) recording_.targets.push_back(target.value());
    return {};
  }

  /// A broker that leads something in the topic and is not controller too, if there is one: a drill
  /// of one thing at a time. Of the topic that is made for the drill each broker leads something.
  BrokerId choose_leader(const ClusterFacts& now) const {
    std::vector<BrokerId> leaders;
    if (!topic_) {
      for (const auto& [id, address] : addresses_) leaders.push_back(id);
    } else {
      for (const std::int32_t number : topic_->partitions()) {
        const auto found = now.partitions.find({topic_->name(), number});
        if (found != now.partitions.end()) leaders.push_back(found->second.leader);
      }
    }
    for (const BrokerId leader : leaders) {
      if (leader != now.controller && leader != kNoBroker) return leader;
    }
    return leaders.empty() ? kNoBroker : leaders.front();
  }

  Result<> check() {
    OTTLA_TRY(const ClusterFacts now, facts());
    console_.err << "Drill " << kind_.name << '\n';
    std::string against;
    boost::json::array targets;
    for (const BrokerId target : targets_) {
      OTTLA_TRY(const auto plan, means_.plan(kind_.harm, target));
      console_.err << "  broker " << target << (target == now.controller ? " (controller)" : "")
                   << ": " << plan.text << (plan.by_hand ? " [by hand]" : "") << '\n';
      const auto objections = objections_to_loss_of({target}, view_of(now));
      targets.push_back({{"broker", target.value()},
                         {"controller", target == now.controller},
                         {"plan", plan.text},
                         {"byHand", plan.by_hand},
                         {"objections", json_of(objections)}});
      if (kind_.choice == DrillTargets::Everyone && !against.empty()) continue;
      against += text_of(objections);
    }
    if (kind_.session_must_end && !arguments_.has("zookeeper")) {
      return fail(ErrorCode::InvalidRequest,
                  "--zookeeper is missing: it shows that the session has ended");
    }
    if (arguments_.has("check") && arguments_.has("json")) {
      const bool may_run = against.empty() || arguments_.has("force");
      const boost::json::object answer{
          {"drill", kind_.name}, {"mayRun", may_run}, {"targets", targets}};
      console_.out << boost::json::serialize(answer) << '\n';
    }
    if (against.empty()) {
      console_.err << "  nothing speaks against it\n";
    } else if (arguments_.has("force")) {
      console_.err << "  --force, although:" << against << '\n';
    } else {
      return fail(ErrorCode::InvalidRequest, "refused (--force does it anyway):" + against);
    }
    return {};
  }

  Result<> start() {
    OTTLA_TRY(ClientProperties properties,
              ClientProperties::read(arguments_.value("command-config")));
    OTTLA_TRY(const std::string servers, bootstrap_servers(arguments_));
    properties.override_with({{"bootstrap.servers", servers}});
    // A client waits for a broker that sleeps as long as its settings say (60 s by default): here
    // it is the cluster that is measured.
    properties.set_default("socket.timeout.ms", "1000");
    recording_.drill = kind_.name;
    recording_.topic = topic_->name();
    OTTLA_TRY(probe_, DrillProbe::start({.topic = topic_->name(),
                                         .partitions = topic_->partitions(),
                                         .interval = times_.interval,
                                         .client = properties.all()},
                                        console_));
    watch_ =
        std::make_unique<DrillWatch>(addresses_, topic_->name(), [this] { return probe_->now(); });
    watch_->avoid(targets_.front());
    OTTLA_TRY_VOID(wait("acknowledgements", [&] {
      return probe_->acknowledged_since(DrillTime{}) >= 20 && !watch_->view().partitions.empty();
    }));
    observe();
    return {};
  }

  Result<> fail_and_heal(BrokerId target) {
    watch_->avoid(target);
    const auto before = watch_->view();
    OTTLA_TRY(const std::optional<std::int64_t> epoch, registered_epoch(target));
    OTTLA_TRY(const auto done_to, means_.inflict(kind_.harm, target));
    const DrillTime since = probe_->now();
    mark(done_to.by_hand ? MarkKind::Note : MarkKind::Fault, done_to.text);
    const auto seen = await_effect(target, before, epoch, done_to.by_hand, since);
    if (seen && done_to.by_hand) mark(MarkKind::Fault, "it is seen");
    if (seen) observe();
    // Whatever was seen: what was broken is put right.
    const auto undone = means_.undo(kind_.harm, target);
    if (!undone) return fail(undone.error());
    if (undone->by_hand) mark(MarkKind::Note, undone->text);
    if (!undone->by_hand) mark(MarkKind::Healed, undone->text);
    OTTLA_TRY_VOID(await_recovery(target, epoch));
    mark(undone->by_hand ? MarkKind::Healed : MarkKind::Note,
         broker_text(target) + " is back, and in every ISR of the topic");
    observe();
    return seen;
  }

  /// Until the fault shows: others lead what the target led, or its session has ended.
  Result<> await_effect(BrokerId target, const DrillWatch::View& before,
                        std::optional<std::int64_t> epoch, bool by_hand, DrillTime since) {
    if (kind_.session_must_end) {
      OTTLA_TRY_VOID(wait(
          "the end of " + broker_text(target) + "'s session",
          [&] {
            const auto now = registered_epoch(target);
            return now && *now != epoch;
          },
          kSlowPause));
      mark(MarkKind::Note, broker_text(target) + "'s session has ended: its registration is gone");
      return {};
    }
    const bool may_be_short = kind_.harm == Harm::Pause || kind_.harm == Harm::CutOff;
    const DrillTime until = since + times_.duration;
    const auto moved = [&] {
      const DrillWatch::View now = watch_->view();
      if (before.controller == target &&
          (now.controller == target || now.controller == kNoBroker)) {
        return false;
      }
      return std::ranges::all_of(before.partitions, [&](const auto& was) {
        if (was.second.leader != target.value()) return true;
        const auto is = now.partitions.find(was.first);
        return is != now.partitions.end() && is->second.leader >= 0 &&
               is->second.leader != target.value();
      });
    };
    const auto is_down = [&] { return !watch_->view().live.contains(target); };
    bool has_moved = false;
    OTTLA_TRY_VOID(wait("other leaders than " + broker_text(target), [&] {
      has_moved = has_moved || moved();
      if (may_be_short && !by_hand) return probe_->now() >= until;
      const bool gone = kind_.harm == Harm::Kill || kind_.harm == Harm::Stop ? is_down() : true;
      return has_moved && gone;
    }));
    if (!has_moved) {
      return fail(ErrorCode::RequestTimedOut,
                  "nothing was seen of the fault: " + broker_text(target) +
                      " led all it leads, or was controller, for all of --duration (" +
                      drill_time_text(times_.duration) +
                      "). Does the command do it, and is that longer than "
                      "ottla.suspicion.timeout.ms?");
    }
    if (!may_be_short) {
      const DrillTime from = probe_->now();
      OTTLA_TRY_VOID(wait("acknowledgements of every partition",
                          [&] { return probe_->acknowledged_since(from) > 0; }));
    }
    return {};
  }

  Result<> await_recovery(BrokerId target, std::optional<std::int64_t> epoch) {
    if (kind_.session_must_end) {
      OTTLA_TRY_VOID(wait(
          broker_text(target) + "'s new session",
          [&] {
            const auto now = registered_epoch(target);
            return now && now->has_value() && *now != epoch;
          },
          kSlowPause));
      const auto now = registered_epoch(target);
      if (now && *now && epoch) {
        mark(MarkKind::Note, broker_text(target) + " is registered again, broker epoch " +
                                 std::to_string(*epoch) + " -> " + std::to_string(**now));
      }
    }
    return wait(broker_text(target) + " to be back in every ISR", [&] {
      const DrillWatch::View now = watch_->view();
      if (!now.live.contains(target)) return false;
      return std::ranges::all_of(now.partitions, [](const auto& partition) {
        return partition.second.isr.size() == partition.second.replicas;
      });
    });
  }

  /// By ZooKeeper, if it was named; nullopt: not registered, or nobody asked.
  Result<std::optional<std::int64_t>> registered_epoch(BrokerId broker) const {
    const auto connect = arguments_.value("zookeeper");
    if (!connect) return std::nullopt;
    OTTLA_TRY(const ClusterState state, read_from_zookeeper(*connect, times_.timeout));
    const auto found = state.brokers.find(broker.value());
    if (found == state.brokers.end() || !found->second.registered()) return std::nullopt;
    return found->second.epoch;
  }

  /// Before each broker of a rolling restart.
  Result<> await_no_objection(BrokerId target) {
    if (arguments_.has("force")) return {};
    std::string against;
    auto free = wait(
        "nothing to speak against taking " + broker_text(target) + " down",
        [&] {
          const auto now = facts();
          against = now ? text_of(objections_to_loss_of({target}, view_of(*now))) : "";
          return now && against.empty();
        },
        kSlowPause);
    if (!free) return fail(free.error().code(), free.error().describe() + against);
    return free;
  }

  Result<> wait(const std::string& what, const std::function<bool()>& condition,
                milliseconds pause = kQuickPause) const {
    const auto deadline = std::chrono::steady_clock::now() + times_.patience;
    Progress progress(console_.err, console_.err_columns, progress_clock(), "waiting for " + what);
    while (!condition()) {
      progress.at(0);
      if (told_to_stop()) return fail(ErrorCode::UnknownServerError, "interrupted");
      if (std::chrono::steady_clock::now() > deadline) {
        return fail(ErrorCode::RequestTimedOut,
                    "waited " + drill_time_text(times_.patience) + " for " + what);
      }
      std::this_thread::sleep_for(pause);
    }
    return {};
  }

  void observe() const {
    const DrillTime until = probe_->now() + times_.observe;
    Progress progress(console_.err, console_.err_columns, progress_clock(), "watching on");
    while (probe_->now() < until && !told_to_stop()) {
      progress.at(0);
      std::this_thread::sleep_for(milliseconds(5));
    }
  }

  void mark(MarkKind kind, std::string text) {
    const DrillTime at = probe_->now();
    console_.err << '[' << drill_time_text(at) << "] " << text << '\n' << std::flush;
    recording_.marks.push_back({at, kind, std::move(text)});
  }

  static std::string broker_text(BrokerId broker) {
    return "broker " + std::to_string(broker.value());
  }

  Result<> report() {
    recording_.interrupted = told_to_stop();
    probe_->finish(std::min(times_.patience, milliseconds(30'000)), recording_);
    watch_->finish(recording_);
    const DrillSummary summary = summarize(recording_, {.longest_gap = times_.max_gap});
    if (arguments_.has("json")) {
      console_.out << boost::json::serialize(to_json(recording_, summary)) << '\n';
    } else {
      console_.out << to_text(recording_, summary);
    }
    if (const auto path = arguments_.value("html")) {
      std::ofstream file(*path);
      file << to_html(recording_, summary);
      if (!file.flush()) return fail(ErrorCode::InvalidRequest, *path + ": cannot be written");
      console_.err << "report: " << *path << '\n';
    }
    if (!summary.passed()) return fail(ErrorCode::UnknownServerError, "the drill has not passed");
    return {};
  }

  const DrillKind& kind_;
  const DrillTimes times_;
  const Arguments& arguments_;
  Console& console_;
  std::map<BrokerId, std::string> addresses_;
  std::vector<BrokerId> targets_;
  Recording recording_;
  std::optional<DrillTopic> topic_;  ///< Goes after the probe, which might create it again.
  std::unique_ptr<DrillProbe> probe_;
  std::unique_ptr<DrillWatch> watch_;  ///< Ends before the probe, whose clock it reads.
  FaultMeans means_;                   ///< Puts right what is broken still, first of all.
};

Result<> run_drill(const Arguments& arguments, Console& console) {
  OTTLA_TRY(const DrillKind* const kind, DrillKind::chosen(arguments));
  OTTLA_TRY(const DrillTimes times, DrillTimes::of(arguments));
  OTTLA_TRY(FaultMeans means, FaultMeans::from(arguments, console));
  (void)told_to_stop();  // Begins to listen: from here on a signal ends the drill in order.
  Drill drill(*kind, times, arguments, console, std::move(means));
  return drill.run();
}

}  // namespace

const Tool kDrillTool{
    .name = "drill",
    .summary = "break something on purpose while records flow, and say what it cost",
    .flags = kFlags,
    .words =
        "leader-kill | controller-kill | rolling-restart | zookeeper-session-loss | isolate | "
        "pause",
    .run = run_drill,
    .is_kafkas = false,
};

}  // namespace ottla::cli
