#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <librdkafka/rdkafka.h>

#include "cli/tool.h"
#include "common/base/error.h"
#include "common/config/properties.h"

namespace ottla::cli {

struct RdKafkaDeleter {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
  void operator()(rd_kafka_error_t* error) const { rd_kafka_error_destroy(error); }
  void operator()(rd_kafka_headers_t* headers) const { rd_kafka_headers_destroy(headers); }
  void operator()(const rd_kafka_metadata_t* metadata) const {
    rd_kafka_metadata_destroy(metadata);
  }
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
template <class T>
using RdKafka = std::unique_ptr<T, RdKafkaDeleter>;

/// The error for a librdkafka error code.
[[nodiscard]] tl::unexpected<Error> rdkafka_failure(std::string_view what,
                                                    rd_kafka_resp_err_t error);

/// Whether an error on a partition that is read passes by itself; the rest ends a tool.
[[nodiscard]] bool is_passing(rd_kafka_resp_err_t error);

/// Settings of librdkafka from those of Kafka's Java clients: most names are the same, some are
/// translated, what only Java has (serializers and the like) is left out, and an unknown name is a
/// warning, as with Kafka's tools. Errors: InvalidConfig, InvalidRequest.
[[nodiscard]] Result<RdKafka<rd_kafka_conf_t>> rdkafka_conf(const config::Properties& properties,
                                                            Console& console);

/// Refuses any group protocol but the classic one: Kafka has the consumer protocol (KIP-848) with
/// KRaft only, and librdkafka 2.0 does not speak it. `given` is how the user said it:
/// "--group-protocol consumer". Errors: InvalidRequest.
[[nodiscard]] Result<> check_group_protocol(std::string_view given, const std::string& protocol);

/// A producer or consumer that owns the settings. Errors: InvalidConfig.
[[nodiscard]] Result<RdKafka<rd_kafka_t>> rdkafka_client(rd_kafka_type_t type,
                                                         RdKafka<rd_kafka_conf_t> conf);

/// --broker-list or --bootstrap-server, or the error.
[[nodiscard]] Result<std::string> bootstrap_servers(const Arguments& arguments);

/// True once SIGINT or SIGTERM has come; the first call begins to listen for them.
[[nodiscard]] bool told_to_stop();

}  // namespace ottla::cli
