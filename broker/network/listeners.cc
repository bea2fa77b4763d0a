#include "broker/network/listeners.h"

#include <glog/logging.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <utility>

#include "broker/network/loop.h"

namespace ottla::network {
namespace {

std::string address_of(const ListenerOptions& listener, std::uint16_t port) {
  return (listener.host.empty() ? "*" : listener.host) + ":" + std::to_string(port);
}

bool needs_resolving(const ListenerOptions& listener) {
  boost::system::error_code error;
  boost::asio::ip::make_address(listener.host, error);
  return !listener.host.empty() && error;
}

}  // namespace

Listeners::Change Listeners::set(const std::shared_ptr<Loop>& loop,
                                 const std::vector<ListenerOptions>& wanted) {
  Change change;
  // One may get the port of another: first all that go or move are closed.
  std::map<std::string, ListenerOptions> moving;
  for (const auto& [name, acceptor] : all()) {
    const auto stays = std::ranges::find(wanted, name, &ListenerOptions::name);
    if (stays != wanted.end() && *stays == acceptor->options()) continue;
    close(acceptor);
    if (stays == wanted.end()) {
      change.gone.push_back(name);
    } else {
      ListenerOptions before = acceptor->options();
      before.port = acceptor->port();
      moving.emplace(name, std::move(before));
    }
  }
  for (const ListenerOptions& listener : wanted) {
    if (all().contains(listener.name)) continue;
    const auto opened = open(loop, listener);
    if (opened) continue;
    change.faults.push_back(opened.error().message());
    const auto before = moving.find(listener.name);
    if (before == moving.end()) continue;
    if (const auto again = open(loop, before->second); !again) {
      change.faults.push_back(again.error().message());
      change.gone.push_back(listener.name);
    }
  }
  return change;
}

Result<> Listeners::try_out(const std::shared_ptr<Loop>& loop,
                            const std::vector<ListenerOptions>& wanted) const {
  const auto standing = all();
  for (const ListenerOptions& listener : wanted) {
    OTTLA_TRY_VOID(servable(listener));
    const bool may_be_in_the_way = std::ranges::any_of(standing, [&](const auto& it) {
      return it.second->port() == listener.port || it.second->options() == listener;
    });
    if (may_be_in_the_way || needs_resolving(listener)) continue;
    OTTLA_TRY(const auto bound, Acceptor::bind(loop, listener, network_));
  }
  return {};
}

void Listeners::start(Acceptor::NextLoop next_loop, Accepted accepted) {
  next_loop_ = std::move(next_loop);
  accepted_ = std::move(accepted);
  for (const auto& [name, acceptor] : all()) start(acceptor);
}

void Listeners::start(const std::shared_ptr<Acceptor>& acceptor) {
  const ListenerOptions& options = acceptor->options();
  Totals* const totals = [&] {
    const MutexLock lock(mutex_);
    return &totals_[options.name];
  }();
  // The acceptor calls these only while it lives.
  acceptor->start(limits_, next_loop_, [this, &options, totals](auto socket, auto loop) {
    accepted_(std::move(socket), std::move(loop), options, *totals);
  });
}

void Listeners::close() {
  for (const auto& [name, acceptor] : all()) acceptor->close();
}

Result<> Listeners::open(const std::shared_ptr<Loop>& loop, const ListenerOptions& listener) {
  OTTLA_TRY_VOID(servable(listener));
  OTTLA_TRY(const auto acceptor, Acceptor::bind(loop, listener, network_));
  LOG(INFO) << "[listener " << listener.name << "] bound to "
            << address_of(listener, acceptor->port());
  {
    const MutexLock lock(mutex_);
    acceptors_[listener.name] = acceptor;
    (void)totals_[listener.name];
  }
  if (accepted_) start(acceptor);
  return {};
}

void Listeners::close(const std::shared_ptr<Acceptor>& acceptor) {
  const ListenerOptions& options = acceptor->options();
  acceptor->close();
  LOG(INFO) << "[listener " << options.name << "] closed at "
            << address_of(options, acceptor->port());
  const MutexLock lock(mutex_);
  acceptors_.erase(options.name);
}

Listeners::Acceptors Listeners::all() const {
  const MutexLock lock(mutex_);
  return acceptors_;
}

std::vector<BoundListener> Listeners::standing() const {
  std::vector<BoundListener> standing;
  for (const auto& [name, acceptor] : all()) {
    const ListenerOptions& options = acceptor->options();
    standing.push_back({name, options.security_protocol, options.host, acceptor->port()});
  }
  return standing;
}

std::map<std::string, ListenerCounts> Listeners::counts() const {
  std::map<std::string, ListenerCounts> counts;
  const MutexLock lock(mutex_);
  for (const auto& [name, totals] : totals_) {
    counts[name] = {.accepted = totals.accepted, .closed = totals.closed};
  }
  for (const auto& [name, acceptor] : acceptors_) counts[name].blocked = acceptor->blocked();
  return counts;
}

}  // namespace ottla::network
