#include "broker/api/request_log.h"

#include <glog/logging.h>

#include <chrono>
#include <utility>

#include <boost/json.hpp>

#include "broker/api/log_levels.h"
#include "common/protocol/api.h"

namespace ottla::api {
namespace {

double in_ms(env::Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace

std::unique_ptr<RequestLogEntry> RequestLogEntry::begin(const protocol::RequestFrame& header,
                                                        const network::ConnectionInfo& connection) {
  const RequestLogDetail detail = request_log_detail();
  if (detail == RequestLogDetail::None) return nullptr;
  auto entry = std::make_unique<RequestLogEntry>();
  entry->wants_answer_ = detail == RequestLogDetail::RequestAndAnswer;
  entry->api_ = header.api_key;
  entry->api_name_ = header.info == nullptr ? "" : protocol::name_of(header.info->key);
  entry->version_ = header.version.value();
  entry->correlation_id_ = header.correlation_id;
  entry->client_id_ = header.client_id.value_or("");
  entry->client_host_ = connection.client_host;
  entry->listener_ = connection.listener;
  entry->security_protocol_ = connection.security_protocol;
  entry->principal_ = connection.principal;
  entry->software_name_ = connection.software_name;
  entry->software_version_ = connection.software_version;
  return entry;
}

/// The keys are those of Kafka's lines.
std::string RequestLogEntry::text(const RequestTimes& times) const {
  boost::json::object line{{"requestHeader",
                            {{"requestApiKey", api_},
                             {"requestApiVersion", version_},
                             {"correlationId", correlation_id_},
                             {"clientId", client_id_},
                             {"requestApiKeyName", api_name_}}},
                           {"request", request_}};
  if (wants_answer_) line["response"] = answer_;
  line["connection"] = client_host_;
  line["totalTimeMs"] = in_ms(times.total);
  line["requestQueueTimeMs"] = in_ms(times.queue);
  line["localTimeMs"] = in_ms(times.local);
  line["remoteTimeMs"] = in_ms(times.remote);
  line["responseQueueTimeMs"] = in_ms(times.response_queue);
  line["sendTimeMs"] = in_ms(times.send);
  line["securityProtocol"] = security_protocol_;
  line["principal"] = principal_;
  line["listener"] = listener_;
  line["clientInformation"] = {{"softwareName", software_name_},
                               {"softwareVersion", software_version_}};
  return "Completed request:" + boost::json::serialize(line);
}

void RequestLogEntry::end(const RequestTimes& times) const {
  LOG(INFO) << text(times);
}

}  // namespace ottla::api
