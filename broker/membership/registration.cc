#include "broker/membership/registration.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "common/zookeeper/layout.h"

namespace ottla::membership {

using zookeeper::SessionEvent;
using zookeeper::StoreError;
using zookeeper::StoreResult;
using zookeeper::Versioned;
using zookeeper::Watch;

namespace {

/// Whether the lock of a directory that `a` has cannot have been granted before that of `b` ended.
bool proves_the_end_of(const cluster::Broker& b, const cluster::Broker& a) {
  if (a.boot_id.empty() || a.boot_id != b.boot_id) return false;
  return std::any_of(a.directory_ids.begin(), a.directory_ids.end(), [&](const Uuid& id) {
    return std::find(b.directory_ids.begin(), b.directory_ids.end(), id) != b.directory_ids.end();
  });
}

std::string where(const cluster::Broker& broker) {
  std::string text;
  for (const cluster::Endpoint& endpoint : broker.endpoints) {
    if (!text.empty()) text += ", ";
    text += endpoint.listener + "://" + endpoint.host + ":" + std::to_string(endpoint.port);
  }
  return text.empty() ? "no endpoint" : text;
}

/// Whether the node says what we want it to say.
bool says_the_same(cluster::Broker node, const cluster::Broker& wanted) {
  node.epoch = wanted.epoch;
  return node == wanted;
}

}  // namespace

const char* name_of(RegistrationStatus status) {
  switch (status) {
    case RegistrationStatus::NotStarted:
      return "not started";
    case RegistrationStatus::NoSession:
      return "no session";
    case RegistrationStatus::Registering:
      return "registering";
    case RegistrationStatus::ForeignNode:
      return "another broker has this id";
    case RegistrationStatus::Registered:
      return "registered";
  }
  return "?";
}

NodeVerdict judge_node(const cluster::Broker& self, const OwnTraces& traces,
                       const Versioned<cluster::Broker>& node) {
  const bool same_process = !self.start_nonce.empty() && node.value.start_nonce == self.start_nonce;
  if (node.ephemeral_owner == traces.session_id) {
    const bool says_enough = node.value.log_dirs_returned == self.log_dirs_returned;
    return same_process && says_enough ? NodeVerdict::Adopt : NodeVerdict::Replace;
  }
  if (same_process || traces.former_sessions.contains(node.ephemeral_owner)) {
    return NodeVerdict::Replace;
  }
  if (!traces.was_registered && proves_the_end_of(node.value, self)) return NodeVerdict::Replace;
  return NodeVerdict::Wait;
}

BrokerRegistration::BrokerRegistration(zookeeper::Client& client, env::Executor& loop,
                                       const env::Clock& clock, env::Random& random,
                                       RegistrationListener& listener)
    : store_(client, loop),
      postbox_(loop),
      loop_(loop),
      clock_(clock),
      listener_(listener),
      back_off_(random) {}

void BrokerRegistration::start(cluster::Broker broker) {
  broker.timestamp_ms = clock_.wall_now_ms();
  broker_ = std::move(broker);
  status_ =
      traces_.session_id == 0 ? RegistrationStatus::NoSession : RegistrationStatus::Registering;
  if (traces_.session_id != 0) look();
}

void BrokerRegistration::update(cluster::Broker broker) {
  if (!broker_) return;
  broker.timestamp_ms = broker_->timestamp_ms;
  broker_ = std::move(broker);
  if (status_ == RegistrationStatus::Registered) look();  // finds that the node says less than that
}

void BrokerRegistration::stop() {
  broker_.reset();
  ++look_number_;
  retry_.reset();
  epoch_ = kUnknownBrokerEpoch.value();
  status_ = RegistrationStatus::NotStarted;
}

void BrokerRegistration::on_session(const SessionEvent& event) {
  postbox_.post([this, event] { session_changed(event); });
}

void BrokerRegistration::on_watch(const zookeeper::WatchEvent& event) {
  const zookeeper::layout::Location location = zookeeper::layout::locate(event.path);
  if (location.place != zookeeper::layout::Place::Broker) return;
  postbox_.post([this, id = location.broker] {
    if (broker_ && id == broker_->id && traces_.session_id != 0) look();
  });
}

void BrokerRegistration::session_changed(const SessionEvent& event) {
  switch (event.kind) {
    case SessionEvent::Kind::Suspended:
      return;  // the session may live, and the node with it
    case SessionEvent::Kind::Expired:
      traces_.former_sessions.insert(event.session_id);
      traces_.session_id = 0;
      ++look_number_;
      retry_.reset();
      if (!broker_) return;
      lose("the ZooKeeper session ended");
      if (broker_) status_ = RegistrationStatus::NoSession;
      return;
    case SessionEvent::Kind::Established:
      traces_.session_id = event.session_id;
      back_off_.reset();
      if (broker_) look();
      return;
  }
}

void BrokerRegistration::look() {
  if (!broker_) return;
  retry_.reset();
  const std::uint64_t number = ++look_number_;
  if (status_ != RegistrationStatus::Registered) status_ = RegistrationStatus::Registering;
  store_.read_broker(broker_->id, Watch::Yes, [this, number](const Found& found) {
    if (number == look_number_) act_on(found);
  });
}

void BrokerRegistration::act_on(const Found& found) {
  if (!broker_) return;
  if (!found && found.error() == StoreError::NoNode) {
    lose("the node is gone");
    return write_node(std::nullopt);
  }
  if (!found && found.error() == StoreError::Malformed) {
    // Not ours: ours is filled in the transaction that creates it.
    lose("the node cannot be understood");
    if (broker_) status_ = RegistrationStatus::ForeignNode;
    return look_later();
  }
  if (!found) return look_later();  // the session is over, which its own event tells
  switch (judge_node(*broker_, traces_, *found)) {
    case NodeVerdict::Adopt:
      return adopt(*found);
    case NodeVerdict::Replace:
      lose("it is to be made anew");
      LOG(INFO) << "[broker " << found->value.id
                << "] replaces its own outdated registration of session 0x" << std::hex
                << found->ephemeral_owner << std::dec << ", broker epoch " << found->czxid;
      return write_node(found->version);
    case NodeVerdict::Wait:
      lose("another broker registered with this id: " + where(found->value));
      return wait_for_end_of(*found);
  }
}

void BrokerRegistration::adopt(const Versioned<cluster::Broker>& node) {
  back_off_.reset();
  traces_.was_registered = true;
  const bool is_news = epoch_ != node.czxid;
  if (is_news) lose("it was created anew");
  if (!broker_) return;  // the listener stopped it
  epoch_ = node.czxid;
  status_ = RegistrationStatus::Registered;
  if (is_news) {
    LOG(INFO) << "[broker " << broker_->id << "] registered at " << where(*broker_)
              << ", broker epoch " << node.czxid;
    listener_.registered(BrokerEpoch(node.czxid));
  }
  if (!broker_ || says_the_same(node.value, *broker_)) return;
  const std::uint64_t number = ++look_number_;
  store_.update_broker(*broker_, [this, number](StoreResult<> updated) {
    if (number == look_number_ && !updated) look_later();
  });
}

void BrokerRegistration::write_node(std::optional<std::int32_t> replaces) {
  if (!broker_) return;  // the listener stopped it
  const std::uint64_t number = ++look_number_;
  broker_->timestamp_ms = clock_.wall_now_ms();
  store_.register_broker(*broker_, replaces,
                         [this, number](const StoreResult<BrokerEpoch>& written) {
                           if (number != look_number_) return;
                           // Written: the look finds it, and watches it. Somebody was faster: it
                           // tells who. Unknown: it tells whether it was done.
                           if (written || written.error() == StoreError::Unknown) return look();
                           LOG(WARNING) << "[broker " << broker_->id
                                        << "] not registered: " << name_of(written.error());
                           look_later();
                         });
}

void BrokerRegistration::wait_for_end_of(const Versioned<cluster::Broker>& node) {
  if (!broker_) return;
  if (status_ != RegistrationStatus::ForeignNode) {
    LOG(WARNING)
        << "[broker " << broker_->id << "] is not registered: a broker at " << where(node.value)
        << " has this id (session 0x" << std::hex << node.ephemeral_owner << std::dec
        << "); waiting for the end of its session. If it runs elsewhere, broker.id must be "
           "changed in one of the two.";
  }
  status_ = RegistrationStatus::ForeignNode;
  look_later();  // the watch is faster, if it comes
}

void BrokerRegistration::look_later() {
  if (!broker_) return;
  ++look_number_;
  retry_ = loop_.post_after(back_off_.next(), [this] {
    if (!broker_ || traces_.session_id == 0) return;
    // Keeps ForeignNode, so that it is not told again each time.
    const RegistrationStatus before = status_;
    look();
    if (before == RegistrationStatus::ForeignNode) status_ = before;
  });
}

void BrokerRegistration::lose(const std::string& why) {
  if (epoch_ == kUnknownBrokerEpoch.value()) return;
  LOG(WARNING) << "[broker " << broker_->id << "] no longer registered (broker epoch " << epoch_
               << "): " << why;
  epoch_ = kUnknownBrokerEpoch.value();
  status_ = RegistrationStatus::Registering;
  listener_.lost(why);
}

}  // namespace ottla::membership
