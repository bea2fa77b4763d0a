#include "broker/http_status.h"

#include <glog/logging.h>

#include <utility>

#include "common/config/listeners.h"
#include "common/config/ottla_keys.h"

namespace ottla::broker {

Result<> HttpStatus::start(const config::BrokerValues& values) {
  const auto listener = values.get(config::kOttlaHttpListener);
  if (!listener) return {};
  OTTLA_TRY(const config::HostPort at, config::parse_host_port(*listener));
  server_ = std::make_unique<http::Server>(
      http::Options{.host = at.host,
                    .port = at.port,
                    .max_connections =
                        static_cast<std::size_t>(values.get(config::kOttlaHttpMaxConnections))},
      pages_);
  pages_.run_on({.post = [server = server_.get()](Task task) { server->post(std::move(task)); },
                 .post_after = [server = server_.get()](
                                   std::chrono::milliseconds delay,
                                   Task task) { server->post_after(delay, std::move(task)); }});
  auto port = server_->start();
  if (!port) {
    server_.reset();
    return fail(port.error().code(), "ottla.http.listener: cannot bind " + port.error().message());
  }
  port_ = *port;
  LOG(INFO) << "[http] /metrics and the status page on port " << port_;
  return {};
}

void HttpStatus::follow_elections(BrokerId self) {
  elections_ = std::make_unique<status::Elections>(self, clock_, registry_);
}

void HttpStatus::attach(status::Sources sources, const status::StallWatchdog& watchdog) {
  pages_.attach(std::make_shared<const status::Sources>(std::move(sources)), *elections_, watchdog);
}

void HttpStatus::stop() {
  if (server_) server_->stop();
}

std::optional<std::string> HttpStatus::endpoint(const config::BrokerValues& values,
                                                const std::string& host) const {
  if (port_ == 0) return std::nullopt;
  const std::string shown = values.get(config::kOttlaHttpAdvertisedHost).value_or(host);
  const bool is_bare_ipv6 = shown.find(':') != std::string::npos && !shown.starts_with('[');
  return (is_bare_ipv6 ? '[' + shown + ']' : shown) + ':' + std::to_string(port_);
}

}  // namespace ottla::broker
