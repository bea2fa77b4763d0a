#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "broker/network/request.h"
#include "common/env/clock.h"
#include "common/protocol/frame.h"

namespace ottla::api {

/// Where the time of a request went, as the metrics of RequestMetrics have it.
struct RequestTimes {
  env::Duration queue{};
  env::Duration local{};
  env::Duration remote{};
  env::Duration response_queue{};
  env::Duration send{};
  env::Duration total{};
};

/// What kafka.request.logger says about one request once it is over. There is one only while that
/// logger is at DEBUG (the request) or TRACE (its answer too): else a request costs one look at a
/// number. Secrets, keys and records are left out, as wherever messages are printed.
/// Thread: one at a time.
class RequestLogEntry {
 public:
  /// Null: the logger is off.
  [[nodiscard]] static std::unique_ptr<RequestLogEntry> begin(
      const protocol::RequestFrame& header, const network::ConnectionInfo& connection);

  void asked(std::string request) { request_ = std::move(request); }
  [[nodiscard]] bool wants_answer() const { return wants_answer_; }
  void answered(std::string answer) { answer_ = std::move(answer); }
  /// Writes the line.
  void end(const RequestTimes& times) const;
  /// As it stands in the log.
  [[nodiscard]] std::string text(const RequestTimes& times) const;

 private:
  std::int16_t api_ = 0;
  std::string api_name_;
  std::int16_t version_ = 0;
  std::int32_t correlation_id_ = 0;
  std::string client_id_;
  std::string client_host_;
  std::string listener_;
  std::string security_protocol_;
  std::string principal_;
  std::string software_name_;
  std::string software_version_;
  std::string request_;
  std::string answer_;
  bool wants_answer_ = false;
};

}  // namespace ottla::api
