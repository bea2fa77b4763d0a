#include "common/config/tables.h"

#include <algorithm>
#include <numeric>

#include "common/config/broker_keys.h"
#include "common/config/group_keys.h"
#include "common/config/log_keys.h"
#include "common/config/network_keys.h"
#include "common/config/ottla_keys.h"
#include "common/config/replication_keys.h"
#include "common/config/topic_keys.h"
#include "common/config/transaction_keys.h"
#include "common/config/zookeeper_keys.h"

namespace ottla::config {
namespace {

std::vector<AnyKey> sorted(std::initializer_list<std::span<const AnyKey>> areas) {
  std::vector<AnyKey> keys;
  for (const auto area : areas) keys.insert(keys.end(), area.begin(), area.end());
  std::ranges::sort(keys, {}, &AnyKey::name);
  return keys;
}

const AnyKey* find(std::span<const AnyKey> keys, std::string_view name) {
  const auto at = std::ranges::lower_bound(keys, name, {}, &AnyKey::name);
  return at != keys.end() && at->name == name ? &*at : nullptr;
}

/// Levenshtein's: the fewest insertions, deletions and replacements of a character.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::span<const AnyKey> broker_keys() {
  static const std::vector<AnyKey> keys =
      sorted({kNetworkKeys, kBrokerKeys, kGroupKeys, kLogKeys, kReplicationKeys, kTransactionKeys,
              kZookeeperKeys, kOttlaKeys});
  return keys;
}

std::span<const AnyKey> topic_keys() {
  static const std::vector<AnyKey> keys = sorted({topic::kKeys});
  return keys;
}

const AnyKey* find_broker_key(std::string_view name) {
  return find(broker_keys(), name);
}
const AnyKey* find_topic_key(std::string_view name) {
  return find(topic_keys(), name);
}

std::string_view nearest_broker_key(std::string_view name) {
  constexpr std::size_t kFarthest = 3;
  std::string_view nearest;
  std::size_t best = std::min(kFarthest, name.size() / 3) + 1;
  for (const auto& key : broker_keys()) {
    if (const auto distance = edit_distance(name, key.name); distance < best) {
      best = distance;
      nearest = key.name;
    }
  }
  return nearest;
}

}  // namespace ottla::config
