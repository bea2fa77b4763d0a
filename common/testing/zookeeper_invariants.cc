#include <map>
#include <optional>
#include <variant>

#include "common/testing/simulated_zookeeper.h"
#include "common/zookeeper/layout.h"
#include "common/zookeeper/node_data.h"

namespace ottla::testing {
namespace {

using zookeeper::Check;
using zookeeper::Create;
using zookeeper::Delete;
using zookeeper::Op;
using zookeeper::Set;
namespace layout = zookeeper::layout;

std::string path_of(const Op& op) {
  return std::visit([](const auto& o) { return o.path; }, op);
}

bool writes(const Op& op) {
  return !std::holds_alternative<Check>(op);
}

std::optional<std::string> data_of(const Op& op) {
  if (const auto* create = std::get_if<Create>(&op)) return create->data.value_or("");
  if (const auto* set = std::get_if<Set>(&op)) return set->data;
  return std::nullopt;
}

std::string at(const SimulatedZooKeeper::Transaction& transaction, const std::string& what) {
  return "zxid " + std::to_string(transaction.zxid) + ", session " +
         std::to_string(transaction.session_id) + ": " + what;
}

struct TransactionSummary {
  bool creates_controller = false;
  bool writes_state = false;
  bool checks_epoch = false;
  std::optional<std::int32_t> new_epoch;
};

TransactionSummary summarize(const SimulatedZooKeeper::Transaction& transaction) {
  TransactionSummary summary;
  for (const Op& op : transaction.ops) {
    const std::string path = path_of(op);
    if (path == layout::kControllerEpoch) {
      const auto* const check = std::get_if<Check>(&op);
      summary.checks_epoch |= check != nullptr && check->version != zookeeper::kAnyVersion;
      if (const auto data = data_of(op))
        summary.new_epoch = layout::parse_number(*data).value_or(-1);
    } else if (path == layout::kController) {
      summary.creates_controller |= std::holds_alternative<Create>(op);
    } else if (layout::locate(path).place == layout::Place::PartitionState) {
      summary.writes_state |= writes(op);
    }
  }
  return summary;
}

}  // namespace

std::string check_controller_fencing(const SimulatedZooKeeper& ensemble) {
  std::optional<std::int32_t> epoch;
  for (const auto& transaction : ensemble.history()) {
    const TransactionSummary summary = summarize(transaction);
    if (summary.new_epoch) {
      const bool first = !epoch && *summary.new_epoch == 0;
      if (!first && *summary.new_epoch != epoch.value_or(0) + 1) {
        return at(transaction, "/controller_epoch goes from " + std::to_string(epoch.value_or(0)) +
                                   " to " + std::to_string(*summary.new_epoch));
      }
      if (!first && !summary.creates_controller) {
        return at(transaction, "/controller_epoch rises without an election");
      }
      epoch = summary.new_epoch;
    } else if (summary.creates_controller) {
      return at(transaction, "/controller is created without raising /controller_epoch");
    }
    if (summary.writes_state && !summary.checks_epoch && transaction.session_id != 0) {
      return at(transaction, "partition state written without a check of /controller_epoch");
    }
  }
  return "";
}

std::string check_leader_epochs(const SimulatedZooKeeper& ensemble) {
  std::map<std::string, cluster::PartitionState> states;
  for (const auto& transaction : ensemble.history()) {
    for (const Op& op : transaction.ops) {
      const std::string path = path_of(op);
      if (layout::locate(path).place != layout::Place::PartitionState) continue;
      if (std::holds_alternative<Delete>(op)) states.erase(path);
      const auto data = data_of(op);
      if (!data) continue;
      const auto state = zookeeper::decode_partition_state(*data, PartitionEpoch());
      if (!state) return at(transaction, path + ": " + state.error().describe());
      if (state->leader != kNoBroker && !state->in_isr(state->leader)) {
        return at(transaction, path + ": the leader is not in the ISR: " + *data);
      }
      const auto before = states.find(path);
      if (before != states.end()) {
        if (state->leader_epoch < before->second.leader_epoch) {
          return at(transaction, path + ": the leader epoch falls: " + *data);
        }
        if (state->leader != before->second.leader &&
            state->leader_epoch == before->second.leader_epoch) {
          return at(transaction, path + ": another leader in the same epoch: " + *data);
        }
      }
      states[path] = *state;
    }
  }
  return "";
}

}  // namespace ottla::testing
