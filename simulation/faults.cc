#include "simulation/faults.h"

#include <glog/logging.h>

#include <cstdint>
#include <optional>
#include <utility>

namespace ottla::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

void Faults::next() {
  if (options_.late_isr_requests_only) {
    return cluster_.after(seconds(5) + up_to(seconds(1)), [this] {
      if (healed_) return;
      overtake_isr_requests(any_broker());
      next();
    });
  }
  cluster_.after(up_to(2 * options_.mean_pause), [this] {
    if (healed_) return;
    strike();
    next();
  });
}

BrokerId Faults::any_broker() {
  const auto& brokers = cluster_.broker_ids();
  return brokers[cluster_.random().below(brokers.size())];
}

BrokerId Faults::any_but(BrokerId broker) {
  const auto& brokers = cluster_.broker_ids();
  if (brokers.size() == 1) return broker;
  BrokerId other = any_broker();
  while (other == broker) other = any_broker();
  return other;
}

env::Duration Faults::up_to(env::Duration longest) {
  return env::Duration(cluster_.random().below(static_cast<std::uint64_t>(longest.count())));
}

void Faults::note(const std::string& fault, BrokerId broker) {
  ++counts_[fault];
  LOG(INFO) << "FAULT: " << fault << ", broker " << broker;
}

void Faults::strike() {
  const BrokerId broker = any_broker();
  switch (cluster_.random().below(23)) {
    case 0:
    case 1:
      return crash_process(broker);
    case 2:
      return crash_in_mid_write(broker);
    case 3:
      return options_.losses ? crash_host(broker) : crash_process(broker);
    case 4:
      return restart_cleanly(broker);
    case 5:
      return pause(broker);
    case 6:
      return cut_network(broker);
    case 7:
      return cut_one_way(broker);
    case 8:
      return isolate(broker);
    case 9:
      return cut_zookeeper(broker);
    case 10:
      note("session expires", broker);
      return cluster_.zookeeper().expire(cluster_.broker(broker).name());
    case 11:
      note("zookeeper connection lost", broker);
      return cluster_.zookeeper().drop_connection(cluster_.broker(broker).name());
    case 12:
      note("streams break", broker);
      return cluster_.network().break_streams();
    case 13:
      if (cluster_.random().below(3) == 0) return stop_ensemble();
      return jump_clock(broker);
    case 14:
      return slow_down_disk(broker);
    case 15:
      return fail_disk(broker);
    case 16:
      return fill_disk(broker);
    case 17:
      return degrade_network();
    case 18:
      return stall_disk(broker);
    case 19:
      return overtake_isr_requests(broker);
    case 20:
      return fail_log_dir(broker);
    case 21:
      return cut_answers(broker);
    case 22:
      return options_.losses ? lose_log(broker) : crash_process(broker);
    default:
      return;
  }
}

void Faults::start_later(BrokerId broker, env::Duration longest) {
  cluster_.after(up_to(longest), [this, broker] {
    if (!cluster_.broker(broker).is_running()) cluster_.broker(broker).start();
  });
}

void Faults::crash_process(BrokerId broker) {
  note("process crashes", broker);
  cluster_.crash_process(broker);
  start_later(broker, cluster_.random().below(2) == 0 ? seconds(1) : seconds(15));
}

/// The process dies between two operations on its disk.
void Faults::crash_in_mid_write(BrokerId broker) {
  if (!cluster_.broker(broker).is_running()) return;
  note("process crashes between two writes", broker);
  cluster_.disk(broker).stop_after(cluster_.random().below(40));
  watch_for_stopped_disk(broker);
}

void Faults::crash_host(BrokerId broker) {
  note("host crashes", broker);
  cluster_.crash_host(broker);
  start_later(broker, seconds(10));
}

/// As after it was found damaged: its broker starts again without it, and nothing tells it so.
void Faults::lose_log(BrokerId broker) {
  if (!cluster_.lose_log(broker)) return;
  note("a log is lost", broker);
  start_later(broker, cluster_.random().below(2) == 0 ? seconds(1) : seconds(15));
}

/// A broker starts again and catches up; the requests to let it join are still on their way when
/// one of its disks is replaced by an empty one, and it comes back out of reach of another broker
/// (KIP-903, W2).
void Faults::overtake_isr_requests(BrokerId broker) {
  note("a disk is replaced while isr requests are late", broker);
  cluster_.network().delay_isr_requests(true);
  cluster_.crash_process(broker);
  start_later(broker, milliseconds(50));
  cluster_.after(milliseconds(450), [this, broker] {
    if (healed_) return;
    if (options_.losses) {
      cluster_.empty_log_dir(broker,
                             kLogDirectories.at(cluster_.random().below(kLogDirectories.size())));
    } else {
      cluster_.crash_process(broker);
    }
    const BrokerId other = any_but(broker);
    cluster_.network().cut(broker, other);
    cluster_.network().cut(other, broker);
    cluster_.after(milliseconds(400), [this, broker] { start_later(broker, milliseconds(100)); });
  });
  cluster_.after(seconds(4), [this] {
    if (healed_) return;  // then all is well already
    cluster_.network().delay_isr_requests(false);
    cluster_.network().heal_all();
  });
}

void Faults::restart_cleanly(BrokerId broker) {
  note("clean restart", broker);
  cluster_.broker(broker).shut_down();
  start_later(broker, seconds(20));
}

void Faults::pause(BrokerId broker) {
  note("process is paused", broker);
  cluster_.broker(broker).pause();
  cluster_.after(up_to(seconds(12)), [this, broker] { cluster_.broker(broker).resume(); });
}

void Faults::cut_network(BrokerId broker) {
  const BrokerId other = any_but(broker);
  note("network cut from broker " + std::to_string(other.value()), broker);
  cluster_.network().cut(broker, other);
  cluster_.network().cut(other, broker);
  cluster_.after(up_to(seconds(10)), [this] { cluster_.network().heal_all(); });
}

void Faults::cut_one_way(BrokerId broker) {
  const BrokerId other = any_but(broker);
  note("network cut one way to broker " + std::to_string(other.value()), broker);
  cluster_.network().cut(broker, other);
  cluster_.after(up_to(seconds(10)), [this] { cluster_.network().heal_all(); });
}

void Faults::isolate(BrokerId broker) {
  note("cut off from all", broker);
  for (const BrokerId other : cluster_.broker_ids()) {
    if (other == broker) continue;
    cluster_.network().cut(broker, other);
    cluster_.network().cut(other, broker);
  }
  if (cluster_.random().below(2) == 0) cluster_.cut_clients(broker);
  if (cluster_.random().below(2) == 0) cluster_.zookeeper().cut(cluster_.broker(broker).name());
  cluster_.after(up_to(seconds(12)), [this, broker] {
    cluster_.network().heal_all();
    cluster_.heal_clients();
    cluster_.zookeeper().heal(cluster_.broker(broker).name());
  });
}

void Faults::cut_zookeeper(BrokerId broker) {
  note("cut off from zookeeper", broker);
  const std::string name = cluster_.broker(broker).name();
  cluster_.zookeeper().cut(name);
  cluster_.after(up_to(seconds(10)), [this, name] { cluster_.zookeeper().heal(name); });
}

/// One way: what it asks for is done, and it does not hear of it. Or what it is asked for.
void Faults::cut_answers(BrokerId broker) {
  if (cluster_.random().below(3) == 0) {
    note("answers to clients are lost", broker);
    cluster_.cut_answers_to_clients(broker);
    return cluster_.after(up_to(seconds(5)), [this] { cluster_.heal_clients(); });
  }
  note("answers of zookeeper are lost", broker);
  const std::string name = cluster_.broker(broker).name();
  cluster_.zookeeper().cut_answers(name);
  cluster_.after(up_to(seconds(10)), [this, name] { cluster_.zookeeper().heal(name); });
}

/// The clock of one host, or of all.
void Faults::jump_clock(BrokerId broker) {
  const auto by_ms = static_cast<std::int64_t>(cluster_.random().below(120'000)) - 60'000;
  if (cluster_.random().below(2) == 0) {
    note("clock jumps", broker);
    return cluster_.jump_wall_clock(broker, by_ms);
  }
  note("all clocks jump", kNoBroker);
  cluster_.world().jump_wall_clock(by_ms);
}

void Faults::slow_down_disk(BrokerId broker) {
  note("slow disk", broker);
  cluster_.broker(broker).slow_down_disk(milliseconds(1 + cluster_.random().below(500)));
  cluster_.after(up_to(seconds(10)),
                 [this, broker] { cluster_.broker(broker).slow_down_disk(env::Duration::zero()); });
}

void Faults::stall_disk(BrokerId broker) {
  note("disk stalls", broker);
  cluster_.broker(broker).stall_disk(true);
  cluster_.after(up_to(seconds(10)), [this, broker] {
    if (!healed_) cluster_.broker(broker).stall_disk(false);  // later stalls are not ours to end
  });
}

/// All log dirs: the broker ends when it finds out.
void Faults::fail_disk(BrokerId broker) {
  note("disk fails", broker);
  cluster_.fail_log_dir(broker, "/", cluster_.random().below(100));
  failed_disks_.insert(broker);
  cluster_.after(up_to(seconds(10)), [this, broker] {
    if (failed_disks_.erase(broker) > 0) replace_disk(broker);
  });
}

/// One of its log dirs fails alone, at some operation: the broker goes on with the other. When the
/// disk works again the dir comes back, by itself or because the broker is started anew.
void Faults::fail_log_dir(BrokerId broker) {
  if (failed_disks_.contains(broker)) return;
  note("a log dir fails", broker);
  cluster_.fail_log_dir(broker, kLogDirectories.at(cluster_.random().below(kLogDirectories.size())),
                        cluster_.random().below(20));
  failed_disks_.insert(broker);
  cluster_.after(up_to(seconds(10)), [this, broker] {
    if (failed_disks_.erase(broker) == 0) return;
    if (cluster_.random().below(2) == 0) return replace_disk(broker);
    cluster_.disk(broker).set_fault(nullptr);
  });
}

void Faults::replace_disk(BrokerId broker) {
  cluster_.disk(broker).set_fault(nullptr);
  crash_process(broker);
}

/// There is room again after a while.
void Faults::fill_disk(BrokerId broker) {
  note("disk is full", broker);
  cluster_.disk(broker).set_free_bytes(cluster_.random().below(2000));
  cluster_.after(up_to(seconds(8)),
                 [this, broker] { cluster_.disk(broker).set_free_bytes(std::nullopt); });
}

void Faults::degrade_network() {
  note("slow and lossy network", kNoBroker);
  cluster_.network().degrade(true);
  cluster_.after(up_to(seconds(8)), [this] { cluster_.network().degrade(false); });
}

void Faults::stop_ensemble() {
  note("zookeeper is down", kNoBroker);
  cluster_.zookeeper().stop_ensemble();
  cluster_.after(up_to(seconds(8)), [this] { cluster_.zookeeper().start_ensemble(); });
}

/// A disk that stopped is the sign that the process died there.
void Faults::watch_for_stopped_disk(BrokerId broker) {
  cluster_.after(std::chrono::microseconds(200),
                 [this, broker, incarnation = cluster_.broker(broker).incarnation()] {
                   if (cluster_.broker(broker).incarnation() != incarnation) return;
                   if (!cluster_.disk(broker).is_stopped() && !healed_)
                     return watch_for_stopped_disk(broker);
                   crash_process(broker);
                 });
}

void Faults::heal() {
  healed_ = true;
  cluster_.network().calm();
  cluster_.network().heal_all();
  cluster_.heal_clients();
  cluster_.calm_clients();
  cluster_.zookeeper().start_ensemble();
  // Not later: what is judged from now on is a cluster in which nothing goes wrong.
  for (const BrokerId id : std::exchange(failed_disks_, {})) replace_disk(id);
  for (const BrokerId id : cluster_.broker_ids()) {
    // A dir that fails time and again is tried less and less often.
    storage::LogStore* const logs = cluster_.broker(id).logs();
    if (logs != nullptr && !logs->offline_directories().empty()) replace_disk(id);
    cluster_.disk(id).set_fault(nullptr);
    cluster_.broker(id).slow_down_disk(env::Duration::zero());
    cluster_.broker(id).stall_disk(false);
    cluster_.broker(id).resume();
    cluster_.disk(id).set_free_bytes(std::nullopt);
    cluster_.zookeeper().heal(cluster_.broker(id).name());
  }
  // Those that are about to end are started when they have; 30 s are enough for a clean shutdown.
  for (int second = 0; second < 30; ++second) {
    for (const BrokerId id : cluster_.broker_ids()) {
      cluster_.after(seconds(second), [this, id] {
        if (!cluster_.broker(id).is_running()) cluster_.broker(id).start();
      });
    }
  }
}

}  // namespace ottla::simulation
