#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "controller/controller.h"
#include "simulation/cluster.h"

namespace ottla::simulation {

inline constexpr env::Duration kAdminTimeout = std::chrono::seconds(3);

template <class Outcome>
ErrorCode first_error(const std::vector<Outcome>& outcomes) {
  return outcomes.empty() ? ErrorCode::UnknownServerError : outcomes.front().error;
}
inline ErrorCode first_error(const controller::PartitionsReply& reply) {
  return reply.error != ErrorCode::None ? reply.error : first_error(reply.partitions);
}

/// An administrator's request for one thing. He asks any broker, who sends him to the controller;
/// here: the wrong ones answer NotController. `done` hears the error of that one thing, or nullopt.
template <class Reply, class Request>
void ask_controller(Cluster& cluster, Request request,
                    void (controller::Controller::*method)(Request, Callback<Reply>),
                    Callback<std::optional<ErrorCode>> done) {
  const auto& brokers = cluster.broker_ids();
  const BrokerId any = brokers[cluster.random().below(brokers.size())];
  cluster.ask<ErrorCode>(
      any, kAdminTimeout,
      [request = std::move(request), method](SimulatedBroker& broker,
                                             Callback<ErrorCode> reply) mutable {
        controller::Controller* const controller = broker.controller();
        if (controller == nullptr) return std::move(reply)(ErrorCode::NotController);
        // The controller answers on its own loop; the request's connection is on the client loop.
        (controller->*method)(request, [loop = broker.client_loop(),
                                        reply = std::move(reply)](const Reply& outcome) mutable {
          loop->post([reply = std::move(reply), error = first_error(outcome)]() mutable {
            std::move(reply)(error);
          });
        });
      },
      std::move(done));
}

}  // namespace ottla::simulation
