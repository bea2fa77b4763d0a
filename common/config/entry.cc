#include "common/config/entry.h"

namespace ottla::config {

std::string_view name_of(Source source) {
  switch (source) {
    case Source::DynamicTopic:
      return "DYNAMIC_TOPIC_CONFIG";
    case Source::DynamicBroker:
      return "DYNAMIC_BROKER_CONFIG";
    case Source::DynamicDefaultBroker:
      return "DYNAMIC_DEFAULT_BROKER_CONFIG";
    case Source::StaticBroker:
      return "STATIC_BROKER_CONFIG";
    case Source::Default:
      return "DEFAULT_CONFIG";
    case Source::DynamicBrokerLogger:
      return "DYNAMIC_BROKER_LOGGER_CONFIG";
  }
  return "DEFAULT_CONFIG";
}

}  // namespace ottla::config
