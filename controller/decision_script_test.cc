// Decision scripts: testdata/*.txt have events in, writes, commands and answers out. A line that
// starts with '>' is an event; what follows it, indented, is what the controller wants done. All
// writes are committed at once, unless the script says `> hold` first; then `> commit`,
// `> lose ANSWER` (committed, but the answer is lost) or `> conflict TP STATE` end them.
// OTTLA_REWRITE=1 writes the files anew: review the diff.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "controller/decide.h"

namespace ottla::controller {
namespace {

std::string join(const std::vector<BrokerId>& brokers) {
  std::string text;
  for (const BrokerId broker : brokers) {
    text += (text.empty() ? "" : ",") + std::to_string(broker.value());
  }
  return text.empty() ? "none" : text;
}

std::vector<BrokerId> parse_brokers(const std::string& text) {
  std::vector<BrokerId> brokers;
  std::stringstream in(text);
  for (std::string part; std::getline(in, part, ',');) brokers.emplace_back(std::stoi(part));
  return brokers;
}

/// "4,2,3,1+4-1": those after '+' are being added, those after '-' removed.
cluster::Assignment parse_assignment(const std::string& text) {
  const std::size_t plus = std::min(text.find('+'), text.find('-'));
  const std::size_t minus = text.find('-');
  cluster::Assignment assignment{parse_brokers(text.substr(0, plus)), {}, {}};
  if (plus < minus && plus != std::string::npos) {
    assignment.adding = parse_brokers(text.substr(plus + 1, minus - plus - 1));
  }
  if (minus != std::string::npos) assignment.removing = parse_brokers(text.substr(minus + 1));
  return assignment;
}

std::string print(const cluster::PartitionState& state) {
  std::ostringstream out;
  out << "leader " << state.leader << " epoch " << state.leader_epoch << " isr " << join(state.isr);
  if (!state.eligible_leaders.empty()) out << " eligible " << join(state.eligible_leaders);
  if (!state.last_known_eligible_leaders.empty()) {
    out << " last known eligible " << join(state.last_known_eligible_leaders);
  }
  if (state.recovering) out << " recovering";
  return out.str();
}

/// "1,2,3", and while it is being reassigned "4,2,3,1+4-1".
std::string print(const cluster::Assignment& assignment) {
  std::string text = join(assignment.replicas);
  if (!assignment.adding.empty()) text += '+' + join(assignment.adding);
  if (!assignment.removing.empty()) text += '-' + join(assignment.removing);
  return text;
}

/// "key value" pairs after the words that were taken off.
class Words {
 public:
  explicit Words(const std::string& line) : in_(line) {}
  std::string next() {
    std::string word;
    in_ >> word;
    return word;
  }
  std::map<std::string, std::string> pairs() {
    std::map<std::string, std::string> found;
    for (std::string key = next(); !key.empty(); key = next()) found[key] = next();
    return found;
  }

 private:
  std::istringstream in_;
};

TopicPartition parse_partition(const std::string& text) {
  const std::size_t dash = text.rfind('-');
  return {text.substr(0, dash), std::stoi(text.substr(dash + 1))};
}

class Script {
 public:
  std::string run(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("  ")) continue;  // An old result.
      out_ << line << '\n';
      if (line.starts_with("> ")) event(line.substr(2));
    }
    return out_.str();
  }

 private:
  void event(const std::string& line) {
    Words words(line);
    const std::string what = words.next();
    if (what == "brokers") return on_brokers(words);
    if (what == "register") return on_register(words);
    if (what == "settled") return on_settled(words);
    if (what == "mute") {  // Commands do not get there.
      mute_ = parse_brokers(words.next());
      return;
    }
    if (what == "lost") return on_lost(words);
    if (what == "dead") return on_liveness(words, rpc::Liveness::ProcessDead);
    if (what == "silent") return on_liveness(words, rpc::Liveness::Silent);
    if (what == "alive") return on_liveness(words, rpc::Liveness::Alive);
    if (what == "topic") return on_topic(words);
    if (what == "gone") return run_event(TopicsRead{{}, names_without(words.next())});
    if (what == "rules") return on_rules(words);
    if (what == "prefer") return run_event(PreferredLeadersWanted{{parse_partition(words.next())}});
    if (what == "balance") return run_event(LeadersToBeBalanced{std::stoi(words.next())});
    if (what == "elect") return on_elect(words);
    if (what == "reassign") return on_reassign(words);
    if (what == "reassign-znode") return on_reassign_znode(words);
    if (what == "delete") return run_event(DeletionRequested{{words.next()}});
    if (what == "delete.topic.enable") {
      model_.delete_topic_enable = words.next() == "true";
      return;
    }
    if (what == "alter") return on_alter(words);
    if (what == "shutdown") return on_shutdown(words);
    if (what == "stopped") return on_stopped(words);
    if (what == "failed") return on_failed(words);
    if (what == "log-lost") return on_log_lost(words);
    if (what == "slow") return on_slow(words);
    if (what == "took-all") return on_took_all(words);
    if (what == "logs") return on_logs(words);
    if (what == "wait") return on_wait(words);
    if (what == "note") {
      noted_ = topics_as_read();
      return;
    }
    if (what == "new-controller") return on_new_controller(words);
    if (what == "hold") {
      hold_ = true;
      return;
    }
    if (what == "commit") return end_hold(true);
    if (what == "lose-answer") return end_hold(false);
    if (what == "conflict") return on_conflict(words);
    FAIL() << "unknown event: " << line;
  }

  void on_brokers(Words& words) {
    ClusterRead read;
    for (const BrokerId id : parse_brokers(words.next())) read.brokers.push_back(broker(id));
    registered_ = read.brokers;
    model_.self = BrokerId(1);
    model_.controller_epoch = ControllerEpoch(1);
    run_event(read);
  }

  /// The whole model is thrown away and read again, as the next controller does. That one was told
  /// of no states, or of all but what has changed since `note`.
  void on_new_controller(Words& words) {
    ClusterOutlined outline;
    outline.brokers = registered_;
    outline.topics = noted_;
    ClusterRead read;
    read.brokers = registered_;
    read.topics = topics_as_read();
    for (const auto& [name, topic] : model_.topics) {
      if (topic.phase != TopicPhase::Live) read.topics_to_delete.push_back(name);
    }
    outline.topics_to_delete = read.topics_to_delete;
    for (auto& [key, dead] : words.pairs()) {
      const BrokerId id{std::stoi(dead)};
      outline.judged.push_back(
          {id, model_.brokers.at(id).registration.epoch, rpc::Liveness::ProcessDead});
    }
    ClusterModel next;
    next.controller_epoch = model_.controller_epoch.next();
    model_ = std::move(next);
    run_event(outline);
    out_ << "  -- all is read\n";
    run_event(read);
  }

  [[nodiscard]] std::vector<TopicRead> topics_as_read() const {
    std::vector<TopicRead> topics;
    for (const auto& [name, topic] : model_.topics) {
      TopicRead& read = topics.emplace_back();
      read.topic.name = name;
      read.topic.id = topic.id;
      read.version = topic.version;
      read.rules = topic.rules;
      for (const PartitionEntry& p : topic.partitions) {
        read.topic.partitions.push_back(p.assignment);
        read.states.push_back(p.state);
      }
    }
    return topics;
  }

  cluster::Broker broker(BrokerId id) {
    cluster::Broker b;
    b.id = id;
    b.epoch = BrokerEpoch(next_epoch_++);
    b.start_nonce = std::to_string(b.epoch.value());
    return b;
  }

  void on_register(Words& words) {
    cluster::Broker b = broker(BrokerId(std::stoi(words.next())));
    const std::string last_stop = words.next();
    if (last_stop == "host-crash") b.last_stop = cluster::LastStop::HostCrash;
    if (last_stop == "process-crash") b.last_stop = cluster::LastStop::ProcessCrash;
    if (last_stop == "same-process" || last_stop == "log-dir-back") {
      for (cluster::Broker& old : registered_) {
        if (old.id != b.id) continue;
        b.last_stop = old.last_stop;
        b.start_nonce = old.start_nonce;
        b.log_dirs_returned = old.log_dirs_returned;
      }
    }
    if (last_stop == "log-dir-back") {
      b.last_stop = cluster::LastStop::HostCrash;
      ++b.log_dirs_returned;
    }
    std::erase_if(registered_, [&](const auto& old) { return old.id == b.id; });
    registered_.push_back(b);
    run_event(BrokersRead{registered_});
  }

  void on_lost(Words& words) {
    for (const BrokerId id : parse_brokers(words.next())) {
      std::erase_if(registered_, [&](const auto& old) { return old.id == id; });
    }
    run_event(BrokersRead{registered_});
  }

  void on_liveness(Words& words, rpc::Liveness liveness) {
    const BrokerId id{std::stoi(words.next())};
    run_event(LivenessChanged{id, epoch_of(id), liveness});
  }

  BrokerEpoch epoch_of(BrokerId id) {
    for (const cluster::Broker& b : registered_) {
      if (b.id == id) return b.epoch;
    }
    return kUnknownBrokerEpoch;
  }

  void on_topic(Words& words) {
    TopicRead read;
    read.topic.name = words.next();
    read.topic.id = Uuid(7, ++last_topic_id_);
    if (const TopicEntry* known = model_.find_topic(read.topic.name)) {
      read.topic.id = known->id;
      read.version = known->version + 1;
      read.rules = known->rules;
    }
    read.fresh_id = Uuid(9, last_topic_id_);
    for (std::string word = words.next(); !word.empty(); word = words.next()) {
      if (word == "without-id") {
        read.topic.id = {};
      } else if (word == "unclean") {
        read.rules.unclean_leader_election = true;
      } else if (word.starts_with("min.isr=")) {
        read.rules.min_insync_replicas = std::stoi(word.substr(8));
      } else if (word.starts_with("isr=")) {  // Its partitions have states already.
        const std::vector<BrokerId> isr = parse_brokers(word.substr(4));
        read.states.push_back({{.leader = isr.front(), .isr = isr}});
      } else {
        read.topic.partitions.push_back(parse_assignment(word));
      }
    }
    run_event(TopicsRead{{read}, std::nullopt});
  }

  std::vector<std::string> names_without(const std::string& gone) {
    std::vector<std::string> names;
    for (const auto& [name, topic] : model_.topics) {
      if (name != gone) names.push_back(name);
    }
    return names;
  }

  void on_rules(Words& words) {
    const std::string topic = words.next();
    TopicRules rules = model_.find_topic(topic)->rules;
    auto pairs = words.pairs();
    if (pairs.contains("min.isr")) rules.min_insync_replicas = std::stoi(pairs["min.isr"]);
    if (pairs.contains("unclean")) rules.unclean_leader_election = pairs["unclean"] == "true";
    run_event(TopicRulesRead{topic, rules});
  }

  void on_alter(Words& words) {
    const TopicPartition tp = parse_partition(words.next());
    auto pairs = words.pairs();
    const TopicEntry* topic = model_.find_topic(tp.topic);
    const auto& state = model_.find_partition(tp)->state;
    rpc::AlterPartition alter{
        tp.topic, topic->id, tp.partition, state->leader_epoch, state->partition_epoch, {}};
    if (pairs.contains("leader-epoch")) {
      alter.leader_epoch = LeaderEpoch(std::stoi(pairs["leader-epoch"]));
    }
    if (pairs.contains("version")) {
      alter.partition_epoch = PartitionEpoch(std::stoi(pairs["version"]));
    }
    if (pairs.contains("id")) alter.topic_id = Uuid(8, 8);
    for (const BrokerId id : parse_brokers(pairs["isr"])) {
      const bool stale = pairs.contains("stale") && BrokerId(std::stoi(pairs["stale"])) == id;
      alter.new_isr.push_back({id, stale ? BrokerEpoch(1) : epoch_of(id)});
    }
    const BrokerId from =
        pairs.contains("from") ? BrokerId(std::stoi(pairs["from"])) : state->leader;
    const BrokerEpoch epoch = pairs.contains("stale-sender") ? BrokerEpoch(1) : epoch_of(from);
    run_event(AlterPartitionRequested{RequestId(++last_request_), {from, epoch, {alter}}});
  }

  /// "elect preferred orders-0 orders-1", or of all: "elect unclean".
  void on_elect(Words& words) {
    ElectionRequested event{
        RequestId(++last_request_),
        words.next() == "unclean" ? ElectionKind::Unclean : ElectionKind::Preferred, std::nullopt,
        now_ + std::chrono::seconds(30)};
    for (std::string word = words.next(); !word.empty(); word = words.next()) {
      if (!event.partitions) event.partitions.emplace();
      event.partitions->push_back(parse_partition(word));
    }
    run_event(event);
  }

  /// "orders-0 1,2,3 orders-1 cancel"
  std::vector<WantedReplicas> wanted(Words& words) {
    std::vector<WantedReplicas> result;
    for (std::string word = words.next(); !word.empty(); word = words.next()) {
      WantedReplicas& one = result.emplace_back();
      one.partition = parse_partition(word);
      const std::string replicas = words.next();
      if (replicas == "none") one.replicas.emplace();
      if (replicas != "none" && replicas != "cancel") one.replicas = parse_brokers(replicas);
    }
    return result;
  }
  void on_reassign(Words& words) {
    run_event(ReassignmentRequested{RequestId(++last_request_), wanted(words),
                                    now_ + std::chrono::seconds(30)});
  }
  void on_reassign_znode(Words& words) { run_event(ReassignmentsRead{wanted(words)}); }

  void on_shutdown(Words& words) {
    const BrokerId id{std::stoi(words.next())};
    const bool stale = words.next() == "stale";
    run_event(
        ShutdownRequested{RequestId(++last_request_), {id, stale ? BrokerEpoch(1) : epoch_of(id)}});
  }

  void on_stopped(Words& words) {
    const BrokerId id{std::stoi(words.next())};
    CommandDone done{id, epoch_of(id), {}, {}};
    for (std::string word = words.next(); !word.empty(); word = words.next()) {
      const TopicPartition tp = parse_partition(word);
      const TopicEntry* topic = model_.find_topic(tp.topic);
      done.stopped.push_back(
          {tp.topic, topic != nullptr ? topic->id : TopicId{}, tp.partition, LeaderEpoch(0), true});
    }
    run_event(done);
  }

  void on_failed(Words& words) {
    const BrokerId id{std::stoi(words.next())};
    const TopicPartition tp = parse_partition(words.next());
    run_event(CommandDone{
        id, epoch_of(id), {{tp.topic, {}, tp.partition, ErrorCode::KafkaStorageError}}, {}, false});
  }

  void on_log_lost(Words& words) {
    const BrokerId id{std::stoi(words.next())};
    const TopicPartition tp = parse_partition(words.next());
    CommandDone done{id, epoch_of(id), {}, {}};
    done.outcomes.push_back({.topic = tp.topic,
                             .topic_id = {},
                             .partition = tp.partition,
                             .error = ErrorCode::KafkaStorageError,
                             .log_is_lost = true});
    run_event(done);
  }

  /// The broker says no more that its host crashed, once it has been told that it need not.
  void on_settled(Words& words) {
    const BrokerId id{std::stoi(words.next())};
    ASSERT_FALSE(model_.has_unwritten_doubts(id));
    for (cluster::Broker& known : registered_) {
      if (known.id == id) known.last_stop = cluster::LastStop::ProcessCrash;
    }
    run_event(BrokersRead{registered_});
  }

  /// "slow 1 orders-0 orders-2": all of its replicas that are slow; none: it is well again. With
  /// "#2" among them, what it says second.
  void on_slow(Words& words) {
    const BrokerId id{std::stoi(words.next())};
    SlowReplicasReported event{{id, epoch_of(id), {}}};
    for (std::string word = words.next(); !word.empty(); word = words.next()) {
      if (word.front() == '#') {
        event.body.number = std::stoull(word.substr(1));
        continue;
      }
      const TopicPartition tp = parse_partition(word);
      event.body.replicas.push_back({tp.topic, model_.find_topic(tp.topic)->id, tp.partition});
    }
    run_event(event);
  }

  void on_took_all(Words& words) {
    const BrokerId id{std::stoi(words.next())};
    run_event(CommandDone{.broker = id,
                          .broker_epoch = epoch_of(id),
                          .outcomes = {},
                          .stopped = {},
                          .everything = true});
  }

  void on_logs(Words& words) {
    const BrokerId id{std::stoi(words.next())};
    const TopicPartition tp = parse_partition(words.next());
    auto pairs = words.pairs();
    rpc::ReplicaLogAnswer::Partition answer;
    answer.topic = tp.topic;
    answer.partition = tp.partition;
    if (pairs.contains("error")) {
      answer.error = pairs["error"] == "other-topic-id" ? ErrorCode::InconsistentTopicId
                                                        : ErrorCode::UnknownTopicOrPartition;
    } else {
      answer.last_epoch = LeaderEpoch(std::stoi(pairs["epoch"]));
      answer.log_end_offset = Offset(std::stoi(pairs["end"]));
    }
    run_event(LogsAnswered{id, epoch_of(id), {answer}});
  }

  void on_wait(Words& words) {
    now_ += std::chrono::milliseconds(std::stoi(words.next()));
    run_event(Tick{});
  }

  void end_hold(bool answered) {
    hold_ = false;
    WritesDone done;
    for (Write& write : held_) {
      WriteOutcome outcome{write, answered, {}};
      if (!answered && write.kind == WriteKind::SetState) {
        outcome.truth = write.state;
        outcome.truth->partition_epoch = PartitionEpoch(write.state.partition_epoch.value() + 1);
      }
      done.outcomes.push_back(std::move(outcome));
    }
    held_.clear();
    run_event(done);
  }

  void on_conflict(Words& words) {
    hold_ = false;
    const TopicPartition tp = parse_partition(words.next());
    auto pairs = words.pairs();
    WritesDone done;
    for (Write& write : held_) {
      WriteOutcome outcome{write, false, {}};
      if (pairs.contains("leader")) {
        outcome.truth.emplace();
        outcome.truth->leader = BrokerId(std::stoi(pairs["leader"]));
        outcome.truth->leader_epoch = LeaderEpoch(std::stoi(pairs["epoch"]));
        outcome.truth->isr = parse_brokers(pairs["isr"]);
        outcome.truth->partition_epoch = PartitionEpoch(std::stoi(pairs["version"]));
      }
      done.outcomes.push_back(std::move(outcome));
    }
    held_.clear();
    run_event(done);
  }

  void run_event(const Event& event) {
    const Decision decision = decide(model_, event, now_);
    for (const Write& write : decision.writes) print_write(write);
    for (const Command& command : decision.commands) {
      std::visit([&](const auto& c) { print_command(c); }, command);
    }
    for (const Answer& answer : decision.answers) {
      std::visit([&](const auto& a) { print_answer(a); }, answer);
    }
    if (hold_) {
      held_.insert(held_.end(), decision.writes.begin(), decision.writes.end());
      return;
    }
    for (const std::string& topic : decision.topics_to_read) out_ << "  read " << topic << '\n';
    if (!decision.writes.empty()) {
      WritesDone done;
      for (const Write& write : decision.writes) done.outcomes.push_back({write, true, {}});
      out_ << "  -- committed\n";
      run_event(done);
    }
    take_everything();
  }

  /// Who was sent everything has it, and all its logs; but for those whose answers a script tells.
  void take_everything() {
    for (const BrokerId id : std::exchange(sent_everything_, {})) {
      const bool has_failed = std::ranges::any_of(
          model_.offline_replicas, [&](const auto& replica) { return replica.first == id; });
      const bool is_mute = std::ranges::find(mute_, id) != mute_.end();
      if (!has_failed && !is_mute) run_event(CommandDone{id, epoch_of(id), {}, {}, true});
    }
  }

  void print_write(const Write& write) {
    out_ << "  write ";
    switch (write.kind) {
      case WriteKind::CreateState:
        out_ << "create " << write.topic_partition() << ' ' << print(write.state);
        break;
      case WriteKind::SetState:
        out_ << "set " << write.topic_partition() << " at " << write.state.partition_epoch << ": "
             << print(write.state);
        break;
      case WriteKind::SetTopic:
        out_ << "topic " << write.topic << " id " << write.topic_id << " at " << write.version;
        for (const cluster::Assignment& a : write.content->partitions) out_ << ' ' << print(a);
        break;
      case WriteKind::SetReassignments:
        out_ << "reassignments left:";
        for (const WantedReplicas& left : write.reassignments) {
          out_ << ' ' << left.partition << ' ' << join(*left.replicas);
        }
        break;
      case WriteKind::DeleteTopic:
        out_ << "delete topic " << write.topic;
        break;
      case WriteKind::DeleteRequest:
        out_ << "delete request " << write.topic;
        break;
    }
    out_ << "  (" << write.cause << ")\n";
  }

  void print_command(const Announce& c) {
    for (const TopicPartition& tp : c.partitions) {
      out_ << "  all: " << (c.is_new ? "new " : "") << tp << ' '
           << print(*model_.find_partition(tp)->state) << '\n';
    }
  }
  void print_command(const AnnounceBrokers&) {
    std::vector<BrokerId> live;
    for (const auto& b : model_.live_brokers()) live.push_back(b.id);
    out_ << "  all: live brokers " << join(live) << '\n';
  }
  void print_command(const AnnounceDeleted& c) { out_ << "  all: deleted " << c.topic << '\n'; }
  void print_command(const SendFull& c) {
    out_ << "  broker " << c.broker << ": everything\n";
    sent_everything_.push_back(c.broker);
  }
  void print_command(const StopReplicas& c) {
    out_ << "  broker " << c.broker << ": stop";
    for (const rpc::StopReplica& r : c.replicas) {
      out_ << ' ' << TopicPartition{r.topic, r.partition} << (r.remove ? " (remove)" : "");
    }
    out_ << '\n';
  }
  void print_command(const AskLogs& c) {
    out_ << "  broker " << c.broker << ": how long is";
    for (const auto& p : c.partitions) out_ << ' ' << TopicPartition{p.topic, p.partition};
    out_ << '\n';
  }

  void print_answer(const AlterAnswer& a) {
    out_ << "  answer " << a.reply.error;
    for (const auto& p : a.reply.partitions) {
      out_ << ' ' << TopicPartition{p.topic, p.partition} << ' ' << p.error;
      if (p.error == ErrorCode::None) {
        out_ << " version " << p.state.partition_epoch << ' ' << print(p.state);
      }
    }
    out_ << '\n';
  }
  void print_answer(const PartitionsAnswer& a) {
    for (const PartitionAnswer& p : a.partitions) {
      out_ << "  answer " << p.partition << ' ' << p.error;
      if (!p.message.empty()) out_ << ": " << p.message;
      out_ << '\n';
    }
    if (a.partitions.empty()) out_ << "  answer: nothing\n";
  }
  void print_answer(const ShutdownAnswer& a) {
    out_ << "  answer " << a.reply.error << " remaining";
    for (const auto& p : a.reply.remaining) out_ << ' ' << TopicPartition{p.topic, p.partition};
    out_ << '\n';
  }

  ClusterModel model_;
  env::MonotonicTime now_{};
  std::vector<cluster::Broker> registered_;
  std::int64_t next_epoch_ = 100;
  std::uint64_t last_topic_id_ = 0;
  std::uint64_t last_request_ = 0;
  bool hold_ = false;
  std::vector<Write> held_;
  std::vector<BrokerId> sent_everything_;
  std::vector<BrokerId> mute_;
  std::vector<TopicRead> noted_;
  std::ostringstream out_;
};

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

class DecisionScript : public testing::TestWithParam<std::string> {};

TEST_P(DecisionScript, HoldsLineByLine) {
  const std::filesystem::path path = std::filesystem::path("testdata") / GetParam();
  const std::string expected = read(path);
  ASSERT_FALSE(expected.empty()) << path;
  const std::string actual = Script().run(expected);
  if (std::getenv("OTTLA_REWRITE") != nullptr) {
    std::ofstream(path) << actual;
    return;
  }
  EXPECT_EQ(actual, expected);
}

std::vector<std::string> scripts() {
  std::vector<std::string> names;
  // The working directory is the folder of the tests, also when gtest lists them for ctest.
  if (!std::filesystem::exists("testdata")) return names;
  for (const auto& entry : std::filesystem::directory_iterator("testdata")) {
    if (entry.path().extension() == ".txt") names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Run in another folder, no script is found, and all would pass.
TEST(DecisionScripts, AreFound) {
  EXPECT_GT(scripts().size(), 30U);
}

INSTANTIATE_TEST_SUITE_P(, DecisionScript, testing::ValuesIn(scripts()), [](const auto& script) {
  std::string name = script.param.substr(0, script.param.find('.'));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DecisionScript);

}  // namespace
}  // namespace ottla::controller
