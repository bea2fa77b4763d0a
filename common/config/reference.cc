#include "common/config/reference.h"

#include <string_view>

#include "common/config/tables.h"

namespace ottla::config {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '*' || c == '<' || c == '>') out += '\\';
    out += c;
  }
  return out;
}

std::string default_text(const AnyKey& key) {
  const auto text = to_text(key.fallback());
  if (!text) return "unset";
  return text->empty() ? "empty" : "`" + *text + "`";
}

std::string broker_row(const AnyKey& key) {
  const std::string mode(name_of(key.dynamic));
  return "| `" + std::string(key.name) + "` | " + std::string(name_of(key.type)) + " | " +
         default_text(key) + " | " + escaped(describe(key.allowed)) + " | " + mode + " | " +
         escaped(key.doc) + " |\n";
}

std::string topic_row(const AnyKey& key) {
  std::string from;
  for (const auto& broker_default : key.broker_defaults) {
    if (broker_default.name.empty()) break;
    from += (from.empty() ? "`" : ", `") + std::string(broker_default.name) + "`";
  }
  return "| `" + std::string(key.name) + "` | " + std::string(name_of(key.type)) + " | " +
         default_text(key) + " | " + escaped(describe(key.allowed)) + " | " + from + " | " +
         escaped(key.doc) + " |\n";
}

}  // namespace

std::string reference() {
  std::string page =
      "# Configuration\n\n"
      "Made from the tables in common/config by `ottla_config_doc`; a test compares. Names and "
      "meanings are Kafka 3.9's,\nexcept those that begin with `ottla.`\n\n"
      "## Broker: server.properties\n\n"
      "Change: *read-only* needs a restart, *per-broker* can be set for a running broker, "
      "*cluster-wide* also as the default of all\nbrokers.\n\n"
      "| name | type | default | allowed | change | meaning |\n"
      "| --- | --- | --- | --- | --- | --- |\n";
  for (const auto& key : broker_keys()) page += broker_row(key);
  page +=
      "\n## Topics\n\n"
      "Set when a topic is created or later. The default is the first of the broker's keys that "
      "is set.\n\n"
      "| name | type | default | allowed | default from | meaning |\n"
      "| --- | --- | --- | --- | --- | --- |\n";
  for (const auto& key : topic_keys()) page += topic_row(key);
  return page;
}

}  // namespace ottla::config
