#include "common/zookeeper/store.h"

#include <algorithm>
#include <functional>
#include <set>

#include <glog/logging.h>

#include "common/zookeeper/fenced_batch.h"
#include "common/zookeeper/postbox.h"

namespace ottla::zookeeper {
namespace {

/// Partition states per transaction: few enough that one bad version costs little, far below
/// ZooKeeper's limit of 1 MB for a request.
constexpr std::size_t kStatesPerTransaction = 64;
constexpr std::size_t kDeletionsPerTransaction = 256;
constexpr std::int64_t kProducerIdsPerBlock = 1000;
/// How often an optimistic write is repeated when others are faster each time.
constexpr int kOptimisticAttempts = 32;

/// Collects `count` results (at least one) and calls back with all of them, in the order of their
/// numbers.
template <class T>
class Gather {
 public:
  Gather(std::size_t count, Callback<std::vector<T>> done)
      : state_(std::make_shared<State>(count, std::move(done))) {}

  [[nodiscard]] Callback<T> slot(std::size_t number) const {
    return [state = state_, number](T result) {
      state->results[number] = std::move(result);
      if (--state->missing > 0) return;
      std::vector<T> all;
      all.reserve(state->results.size());
      for (auto& one : state->results) all.push_back(*std::move(one));
      std::move(state->done)(std::move(all));
    };
  }

 private:
  struct State {
    State(std::size_t count, Callback<std::vector<T>> callback)
        : results(count), missing(count), done(std::move(callback)) {}
    std::vector<std::optional<T>> results;
    std::size_t missing;
    Callback<std::vector<T>> done;
  };
  std::shared_ptr<State> state_;
};

template <class T>
StoreResult<T> failed(ZkError error) {
  return tl::unexpected(store_error(error));
}

/// The culprit's error of a transaction.
StoreError first_error(const std::vector<ZkError>& errors) {
  for (const ZkError error : errors) {
    if (error != ZkError::RolledBack) return store_error(error);
  }
  return StoreError::Other;
}

/// A decoded value, or Malformed with the reason in the log.
template <class T>
StoreResult<T> understood(Result<T> decoded) {
  if (decoded) return *std::move(decoded);
  LOG(ERROR) << "ZooKeeper: " << decoded.error().describe();
  return tl::unexpected(StoreError::Malformed);
}

std::vector<std::string> paths_below(std::string_view parent,
                                     const std::vector<std::string>& names) {
  std::vector<std::string> paths;
  paths.reserve(names.size());
  for (const std::string& name : names) paths.push_back(layout::child(parent, name));
  return paths;
}

struct Topics {
  std::vector<std::optional<TopicNodes>> topics;
  std::vector<std::string> malformed;
};

/// Where `load_outline` puts its parts together.
struct OutlineLoad {
  explicit OutlineLoad(Callback<StoreResult<ClusterNodes>> callback) : done(std::move(callback)) {}

  ClusterNodes nodes;
  std::optional<StoreError> error;
  int parts_missing = 5;
  Callback<StoreResult<ClusterNodes>> done;

  template <class T, class Take>
  void part(StoreResult<T> result, Take take) {
    if (result) {
      take(*std::move(result));
    } else if (!error) {
      error = result.error();
    }
    if (--parts_missing > 0) return;
    if (error) {
      std::move(done)(tl::unexpected(*error));
    } else {
      std::move(done)(std::move(nodes));
    }
  }
};

}  // namespace

const char* name_of(StoreError error) {
  switch (error) {
    case StoreError::NoNode:
      return "NoNode";
    case StoreError::NodeExists:
      return "NodeExists";
    case StoreError::BadVersion:
      return "BadVersion";
    case StoreError::ControllerMoved:
      return "ControllerMoved";
    case StoreError::Unknown:
      return "Unknown";
    case StoreError::SessionExpired:
      return "SessionExpired";
    case StoreError::Malformed:
      return "Malformed";
    case StoreError::Other:
      return "Other";
  }
  return "?";
}

/// Every continuation runs on the executor, and only while the store lives: lambdas may hold
/// `this`.
struct Store::Impl {
  Impl(Client& c, env::Executor& executor) : client(c), postbox(executor) {}

  Client& client;
  Postbox postbox;

  // --- Single operations, answered on the executor ---

  void get(std::string path, Watch watch, Callback<ZkResult<Node>> done) {
    client.get(std::move(path), watch, postbox.wrap(std::move(done)));
  }
  /// Watches also when there is no node yet, which a get does not.
  void get_watched(std::string path, Watch watch, Callback<ZkResult<Node>> done) {
    if (watch == Watch::Yes) client.exists(path, Watch::Yes, [](const ZkResult<Stat>&) {});
    get(std::move(path), Watch::No, std::move(done));
  }
  void children(std::string_view path, Watch watch,
                Callback<ZkResult<std::vector<std::string>>> done) {
    client.children(std::string(path), watch, postbox.wrap(std::move(done)));
  }
  void write(Op op, Callback<ZkResult<OpResult>> done) {
    client.write(std::move(op), postbox.wrap(std::move(done)));
  }
  void multi(std::vector<Op> ops, Callback<MultiResult> done) {
    client.multi(std::move(ops), postbox.wrap(std::move(done)));
  }
  void get_all(std::vector<std::string> paths, Watch watch,
               Callback<std::vector<ZkResult<Node>>> done) {
    if (paths.empty()) {
      return postbox.post([done = std::move(done)]() mutable { std::move(done)({}); });
    }
    const Gather<ZkResult<Node>> gather(paths.size(), std::move(done));
    for (std::size_t i = 0; i < paths.size(); ++i) {
      get(std::move(paths[i]), watch, gather.slot(i));
    }
  }
  /// A folder that does not exist has no children.
  void list(std::string_view path, Watch watch,
            Callback<StoreResult<std::vector<std::string>>> done) {
    children(path, watch,
             [done = std::move(done)](ZkResult<std::vector<std::string>> names) mutable {
               if (names) {
                 std::move(done)(*std::move(names));
               } else if (names.error() == ZkError::NoNode) {
                 std::move(done)(std::vector<std::string>());
               } else {
                 std::move(done)(failed<std::vector<std::string>>(names.error()));
               }
             });
  }
  /// The children of a folder with their data; those that vanish in between are left out.
  void read_folder(const std::string& folder, Watch watch_children, Watch watch_data,
                   Callback<StoreResult<std::vector<std::pair<std::string, Node>>>> done) {
    list(folder, watch_children,
         [this, folder, watch_data,
          done = std::move(done)](StoreResult<std::vector<std::string>> names) mutable {
           if (!names) return std::move(done)(tl::unexpected(names.error()));
           auto paths = paths_below(folder, *names);
           get_all(std::move(paths), watch_data,
                   [names = *std::move(names),
                    done = std::move(done)](std::vector<ZkResult<Node>> nodes) mutable {
                     std::vector<std::pair<std::string, Node>> folder_content;
                     for (std::size_t i = 0; i < nodes.size(); ++i) {
                       if (nodes[i]) {
                         folder_content.emplace_back(std::move(names[i]), *std::move(nodes[i]));
                       } else if (nodes[i].error() != ZkError::NoNode) {
                         return std::move(done)(tl::unexpected(store_error(nodes[i].error())));
                       }
                     }
                     std::move(done)(std::move(folder_content));
                   });
         });
  }
  /// A fenced batch, sent until each of its operations has an outcome.
  void run(FencedBatch batch, Callback<FencedBatch> done) {
    if (batch.finished()) return std::move(done)(std::move(batch));
    auto ops = batch.transaction();
    multi(std::move(ops),
          [this, batch = std::move(batch), done = std::move(done)](MultiResult result) mutable {
            batch.on_result(std::move(result));
            run(std::move(batch), std::move(done));
          });
  }
  void run_one(ControllerFence fence, Op op, std::optional<ZkError> fine,
               Callback<StoreResult<>> done) {
    std::vector<FencedBatch::Item> items;
    items.push_back({.op = std::move(op), .item = 0, .fine = fine});
    run(FencedBatch(fence, std::move(items)),
        [done = std::move(done)](const FencedBatch& batch) mutable {
          std::move(done)(batch.overall());
        });
  }
  /// Batches one after another: each needs what the one before it did.
  void run_in_turn(std::vector<FencedBatch> batches, std::size_t next,
                   Callback<StoreResult<>> done) {
    if (next == batches.size()) return std::move(done)(StoreResult<>());
    FencedBatch batch = batches[next];
    run(std::move(batch), [this, batches = std::move(batches), next,
                           done = std::move(done)](const FencedBatch& finished) mutable {
      const auto outcome = finished.overall();
      if (!outcome) return std::move(done)(outcome);
      run_in_turn(std::move(batches), next + 1, std::move(done));
    });
  }

  // --- Topics ---

  /// Without the states.
  void load_topics(std::vector<std::string> names, Watch watch,
                   Callback<StoreResult<Topics>> done) {
    auto paths = paths_below(layout::kTopics, names);
    get_all(std::move(paths), watch,
            [this, names = std::move(names),
             done = std::move(done)](std::vector<ZkResult<Node>> nodes) mutable {
              Topics topics;
              topics.topics.resize(names.size());
              for (std::size_t i = 0; i < nodes.size(); ++i) {
                if (!nodes[i] && nodes[i].error() == ZkError::NoNode) continue;
                if (!nodes[i]) return std::move(done)(failed<Topics>(nodes[i].error()));
                auto topic = understood(decode_topic(names[i], nodes[i]->data));
                if (!topic) {
                  topics.malformed.push_back(layout::topic(names[i]));
                  continue;
                }
                topics.topics[i] = TopicNodes{
                    .topic = *std::move(topic), .version = nodes[i]->stat.version, .states = {}};
              }
              std::move(done)(std::move(topics));
            });
  }

  /// `topics` must stay where they are until `done`, which gets what could not be understood.
  void load_states(const std::vector<TopicNodes*>& topics,
                   Callback<StoreResult<std::vector<std::string>>> done) {
    std::vector<TopicPartition> partitions;
    for (const TopicNodes* topic : topics) {
      for (std::size_t i = 0; i < topic->topic.partitions.size(); ++i) {
        partitions.push_back({topic->topic.name, static_cast<std::int32_t>(i)});
      }
    }
    read_states(partitions,
                [topics, done = std::move(done)](
                    StoreResult<std::vector<StoreResult<cluster::PartitionState>>> states) mutable {
                  if (!states) return std::move(done)(tl::unexpected(states.error()));
                  std::vector<std::string> malformed;
                  auto next = states->begin();
                  for (TopicNodes* topic : topics) {
                    for (std::size_t i = 0; i < topic->topic.partitions.size(); ++i, ++next) {
                      topic->states.push_back(*next ? std::optional(**next) : std::nullopt);
                      if (!*next && next->error() == StoreError::Malformed) {
                        malformed.push_back(layout::partition_state(topic->topic.name,
                                                                    static_cast<std::int32_t>(i)));
                      }
                    }
                  }
                  std::move(done)(std::move(malformed));
                });
  }

  void read_states(const std::vector<TopicPartition>& partitions,
                   Callback<StoreResult<std::vector<StoreResult<cluster::PartitionState>>>> done) {
    std::vector<std::string> paths;
    paths.reserve(partitions.size());
    for (const TopicPartition& partition : partitions) {
      paths.push_back(layout::partition_state(partition.topic, partition.partition));
    }
    get_all(std::move(paths), Watch::No,
            [done = std::move(done)](const std::vector<ZkResult<Node>>& nodes) mutable {
              std::vector<StoreResult<cluster::PartitionState>> states;
              states.reserve(nodes.size());
              for (const auto& node : nodes) {
                if (!node && node.error() == ZkError::SessionExpired) {
                  return std::move(done)(tl::unexpected(StoreError::SessionExpired));
                }
                if (node) {
                  states.push_back(understood(
                      decode_partition_state(node->data, PartitionEpoch(node->stat.version))));
                  if (states.back()) states.back()->created_zxid = node->stat.czxid;
                } else {
                  states.push_back(tl::unexpected(store_error(node.error())));
                }
              }
              std::move(done)(std::move(states));
            });
  }

  /// Sends items in batches, all at once, and puts their outcomes together. `item_ops` makes the
  /// operations of one write; the last of them decides.
  void write_states(ControllerFence fence, const std::vector<PartitionStateWrite>& writes,
                    const std::function<std::vector<FencedBatch::Item>(
                        const PartitionStateWrite&, std::set<std::string>&)>& ops_of,
                    Callback<PartitionOutcomes> done) {
    struct Part {
      std::vector<FencedBatch::Item> items;
      std::vector<std::size_t> deciding;  ///< Index of the operation that decides, per write.
    };
    if (writes.empty()) {
      return postbox.post([done = std::move(done)]() mutable { std::move(done)({}); });
    }
    std::vector<Part> parts;
    std::set<std::string> folders_made;  // by this transaction
    for (std::size_t i = 0; i < writes.size(); ++i) {
      if (i % kStatesPerTransaction == 0) {
        parts.emplace_back();
        folders_made.clear();
      }
      Part& part = parts.back();
      for (auto& item : ops_of(writes[i], folders_made)) {
        item.item = part.deciding.size();
        part.items.push_back(std::move(item));
      }
      part.deciding.push_back(part.items.size() - 1);
    }
    const Gather<PartitionOutcomes> gather(
        parts.size(), [done = std::move(done)](std::vector<PartitionOutcomes> all) mutable {
          PartitionOutcomes outcomes;
          for (auto& part : all) outcomes.insert(outcomes.end(), part.begin(), part.end());
          std::move(done)(std::move(outcomes));
        });
    for (std::size_t p = 0; p < parts.size(); ++p) {
      run(FencedBatch(fence, std::move(parts[p].items)),
          [deciding = std::move(parts[p].deciding),
           slot = gather.slot(p)](const FencedBatch& batch) mutable {
            PartitionOutcomes outcomes;
            for (const std::size_t index : deciding) {
              const auto& outcome = batch.outcomes()[index];
              if (outcome) {
                outcomes.emplace_back(PartitionEpoch(outcome->version));
              } else {
                outcomes.push_back(tl::unexpected(outcome.error()));
              }
            }
            std::move(slot)(std::move(outcomes));
          });
    }
  }

  // --- Optimistic loops: read, write on condition, again if somebody was faster ---

  void allocate_producer_ids(BrokerId broker, int attempts,
                             Callback<StoreResult<ProducerIdBlock>> done) {
    if (attempts == 0) return std::move(done)(tl::unexpected(StoreError::Other));
    get(std::string(layout::kProducerIdBlock), Watch::No,
        [this, broker, attempts, done = std::move(done)](ZkResult<Node> node) mutable {
          if (!node && node.error() != ZkError::NoNode) {
            return std::move(done)(failed<ProducerIdBlock>(node.error()));
          }
          ProducerId first{0};
          if (node && !node->data.empty()) {
            const auto last_block = understood(decode_producer_id_block(node->data));
            if (!last_block) return std::move(done)(tl::unexpected(last_block.error()));
            first = last_block->last.next();
          }
          const ProducerIdBlock block{broker, first,
                                      ProducerId(first.value() + kProducerIdsPerBlock - 1)};
          const std::string path(layout::kProducerIdBlock);
          Op op = node ? Op(Set{path, encode_producer_id_block(block), node->stat.version})
                       : Op(Create{path, encode_producer_id_block(block)});
          write(std::move(op), [this, broker, attempts, block,
                                done = std::move(done)](ZkResult<OpResult> result) mutable {
            if (result) return std::move(done)(block);
            if (result.error() == ZkError::BadVersion || result.error() == ZkError::NodeExists ||
                result.error() == ZkError::NoNode) {
              return allocate_producer_ids(broker, attempts - 1, std::move(done));
            }
            std::move(done)(failed<ProducerIdBlock>(result.error()));
          });
        });
  }

  void get_or_create_cluster_id(std::string candidate, int attempts,
                                Callback<StoreResult<std::string>> done) {
    if (attempts == 0) return std::move(done)(tl::unexpected(StoreError::Unknown));
    get(std::string(layout::kClusterId), Watch::No,
        [this, candidate = std::move(candidate), attempts,
         done = std::move(done)](ZkResult<Node> node) mutable {
          if (node) return std::move(done)(understood(decode_cluster_id(node->data)));
          if (node.error() != ZkError::NoNode) {
            return std::move(done)(failed<std::string>(node.error()));
          }
          client.write(Create{"/cluster", std::nullopt}, [](const ZkResult<OpResult>&) {});
          Create create{std::string(layout::kClusterId), encode_cluster_id(candidate)};
          write(std::move(create), [this, candidate = std::move(candidate), attempts,
                                    done = std::move(done)](const ZkResult<OpResult>&) mutable {
            // Ours, another broker's or unknown: what stands there is the truth.
            get_or_create_cluster_id(std::move(candidate), attempts - 1, std::move(done));
          });
        });
  }

  /// One transaction of the config and its notification; `exists` is what is believed of the node.
  void write_config(layout::ConfigEntity entity, ConfigMap config, bool exists, int attempts,
                    Callback<StoreResult<>> done) {
    if (attempts == 0) return std::move(done)(tl::unexpected(StoreError::Other));
    std::vector<Op> ops;
    if (exists) {
      ops.push_back(Set{entity.node(), encode_config(config)});
    } else {
      ops.push_back(Create{entity.node(), encode_config(config)});
    }
    ops.push_back(Create{layout::config_change_prefix(), encode_config_change(entity),
                         CreateMode::PersistentSequential});
    multi(std::move(ops), [this, entity = std::move(entity), config = std::move(config), exists,
                           attempts, done = std::move(done)](MultiResult result) mutable {
      if (result) return std::move(done)(StoreResult<>());
      const ZkError error = result.error()[0];
      if (error == ZkError::NodeExists || (exists && error == ZkError::NoNode)) {
        return write_config(std::move(entity), std::move(config), !exists, attempts - 1,
                            std::move(done));
      }
      if (error == ZkError::NoNode) {
        create_parents(entity.node());
        return write_config(std::move(entity), std::move(config), exists, attempts - 1,
                            std::move(done));
      }
      std::move(done)(tl::unexpected(first_error(result.error())));
    });
  }
  /// Sent before what follows; those that exist are fine.
  void create_parents(const std::string& path) {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      client.write(Create{path.substr(0, slash), std::nullopt}, [](const ZkResult<OpResult>&) {});
    }
  }

  void create_topic(std::optional<ControllerFence> fence, cluster::Topic topic, ConfigMap config,
                    bool config_exists, int attempts, Callback<StoreResult<>> done) {
    if (attempts == 0) return std::move(done)(tl::unexpected(StoreError::Other));
    const std::string config_path = layout::ConfigEntity::topic(topic.name).node();
    std::vector<Op> ops;
    if (config_exists) {
      ops.push_back(Set{config_path, encode_config(config)});
    } else {
      ops.push_back(Create{config_path, encode_config(config)});
    }
    ops.push_back(Create{layout::topic(topic.name), encode_topic(topic)});
    if (fence) {
      ops.push_back(Check{std::string(layout::kControllerEpoch), fence->epoch_version});
    }
    multi(std::move(ops), [this, fence, topic = std::move(topic), config = std::move(config),
                           config_exists, attempts,
                           done = std::move(done)](MultiResult result) mutable {
      if (result) return std::move(done)(StoreResult<>());
      const std::vector<ZkError>& errors = result.error();
      if (errors[0] == ZkError::NodeExists || (config_exists && errors[0] == ZkError::NoNode)) {
        return create_topic(fence, std::move(topic), std::move(config), !config_exists,
                            attempts - 1, std::move(done));
      }
      const bool moved =
          fence && (errors[2] == ZkError::BadVersion || errors[2] == ZkError::NoNode);
      std::move(done)(tl::unexpected(moved ? StoreError::ControllerMoved : first_error(errors)));
    });
  }

  // --- Notifications ---

  /// Reads sequential notifications and deletes those that were read.
  template <class T>
  void take_notifications(std::string_view folder, ControllerFence fence, Watch watch,
                          Result<T> (*decode)(std::string_view),
                          Callback<StoreResult<std::vector<T>>> done) {
    read_folder(std::string(folder), watch, Watch::No,
                [this, folder = std::string(folder), fence, decode, done = std::move(done)](
                    StoreResult<std::vector<std::pair<std::string, Node>>> nodes) mutable {
                  if (!nodes) return std::move(done)(tl::unexpected(nodes.error()));
                  std::vector<T> values;
                  std::vector<FencedBatch> batches;
                  std::vector<FencedBatch::Item> items;
                  for (auto& [name, node] : *nodes) {
                    if (auto value = understood(decode(node.data))) {
                      values.push_back(*std::move(value));
                    }
                    items.push_back({.op = Delete{layout::child(folder, name)},
                                     .item = items.size(),
                                     .fine = ZkError::NoNode});
                    if (items.size() < kDeletionsPerTransaction) continue;
                    batches.emplace_back(fence, std::exchange(items, {}));
                  }
                  batches.emplace_back(fence, std::move(items));
                  run_in_turn(std::move(batches), 0,
                              [values = std::move(values),
                               done = std::move(done)](StoreResult<> deleted) mutable {
                                // What is perhaps left is read again with the next hint: twice is
                                // better than never, as who wrote them thinks that it has told.
                                if (!deleted && deleted.error() == StoreError::ControllerMoved)
                                  return std::move(done)(tl::unexpected(deleted.error()));
                                std::move(done)(std::move(values));
                              });
                });
  }
};

Store::Store(Client& client, env::Executor& executor)
    : impl_(std::make_unique<Impl>(client, executor)) {}
Store::~Store() = default;

// --- Reading ---

void Store::load_cluster(Watch watch, Callback<StoreResult<ClusterNodes>> done) {
  load_outline(watch, [this, done = std::move(done)](StoreResult<ClusterNodes> outline) mutable {
    if (!outline) return std::move(done)(std::move(outline));
    load_states(*std::move(outline), std::move(done));
  });
}

void Store::load_states(ClusterNodes outline, Callback<StoreResult<ClusterNodes>> done) {
  const auto nodes = std::make_shared<ClusterNodes>(std::move(outline));
  std::vector<TopicNodes*> topics;
  for (auto& [name, topic] : nodes->topics) topics.push_back(&topic);
  impl_->load_states(topics, [nodes, done = std::move(done)](
                                 StoreResult<std::vector<std::string>> malformed) mutable {
    if (!malformed) return std::move(done)(tl::unexpected(malformed.error()));
    nodes->malformed.insert(nodes->malformed.end(), malformed->begin(), malformed->end());
    std::move(done)(std::move(*nodes));
  });
}

void Store::load_outline(Watch watch, Callback<StoreResult<ClusterNodes>> done) {
  const auto load = std::make_shared<OutlineLoad>(std::move(done));
  load_brokers(watch, [load](StoreResult<std::map<BrokerId, cluster::Broker>> brokers) {
    load->part(std::move(brokers), [&](auto value) { load->nodes.brokers = std::move(value); });
  });
  list_topics(watch, [this, watch, load](StoreResult<std::vector<std::string>> names) {
    if (!names) return load->part(std::move(names), [](const auto&) {});
    impl_->load_topics(*std::move(names), watch, [load](StoreResult<Topics> topics) {
      load->part(std::move(topics), [&](Topics value) {
        for (auto& topic : value.topics) {
          if (!topic) continue;
          const std::string name = topic->topic.name;
          load->nodes.topics.emplace(name, *std::move(topic));
        }
        load->nodes.malformed.insert(load->nodes.malformed.end(), value.malformed.begin(),
                                     value.malformed.end());
      });
    });
  });
  load_configs("topics", [load](StoreResult<std::map<std::string, ConfigMap>> configs) {
    load->part(std::move(configs),
               [&](auto value) { load->nodes.topic_configs = std::move(value); });
  });
  load_configs("brokers", [load](StoreResult<std::map<std::string, ConfigMap>> configs) {
    load->part(std::move(configs),
               [&](auto value) { load->nodes.broker_configs = std::move(value); });
  });
  list_deletions(watch, [load](StoreResult<std::vector<std::string>> names) {
    load->part(std::move(names),
               [&](auto value) { load->nodes.topics_to_delete = std::move(value); });
  });
}

void Store::load_brokers(Watch watch,
                         Callback<StoreResult<std::map<BrokerId, cluster::Broker>>> done) {
  impl_->read_folder(std::string(layout::kBrokerIds), watch, watch,
                     [done = std::move(done)](
                         StoreResult<std::vector<std::pair<std::string, Node>>> nodes) mutable {
                       if (!nodes) return std::move(done)(tl::unexpected(nodes.error()));
                       std::map<BrokerId, cluster::Broker> brokers;
                       for (const auto& [name, node] : *nodes) {
                         const auto id = layout::parse_number(name);
                         if (!id) continue;
                         auto broker = understood(
                             decode_broker(BrokerId(*id), node.data, BrokerEpoch(node.stat.czxid)));
                         if (broker) brokers.emplace(BrokerId(*id), *std::move(broker));
                       }
                       std::move(done)(std::move(brokers));
                     });
}

void Store::list_topics(Watch watch, Callback<StoreResult<std::vector<std::string>>> done) {
  impl_->list(layout::kTopics, watch, std::move(done));
}

void Store::load_topics(std::vector<std::string> names, Watch watch,
                        Callback<StoreResult<std::vector<std::optional<TopicNodes>>>> done) {
  impl_->load_topics(
      std::move(names), watch, [this, done = std::move(done)](StoreResult<Topics> read) mutable {
        if (!read) return std::move(done)(tl::unexpected(read.error()));
        const auto topics = std::make_shared<Topics>(*std::move(read));
        std::vector<TopicNodes*> existing;
        for (auto& topic : topics->topics) {
          if (topic) existing.push_back(&*topic);
        }
        impl_->load_states(existing, [topics, done = std::move(done)](
                                         StoreResult<std::vector<std::string>> malformed) mutable {
          if (!malformed) return std::move(done)(tl::unexpected(malformed.error()));
          std::move(done)(std::move(topics->topics));
        });
      });
}

void Store::read_partition_states(
    const std::vector<TopicPartition>& partitions,
    Callback<StoreResult<std::vector<StoreResult<cluster::PartitionState>>>> done) {
  impl_->read_states(partitions, std::move(done));
}

void Store::list_deletions(Watch watch, Callback<StoreResult<std::vector<std::string>>> done) {
  impl_->list(layout::kDeleteTopics, watch, std::move(done));
}

void Store::read_office(Watch watch, Callback<StoreResult<ControllerOffice>> done) {
  const Gather<ZkResult<Node>> gather(
      2, [done = std::move(done)](std::vector<ZkResult<Node>> nodes) mutable {
        ControllerOffice office;
        for (const auto& node : nodes) {
          if (!node && node.error() != ZkError::NoNode) {
            return std::move(done)(failed<ControllerOffice>(node.error()));
          }
        }
        if (nodes[0]) {
          const auto epoch = understood(decode_controller_epoch(nodes[0]->data));
          if (!epoch) return std::move(done)(tl::unexpected(epoch.error()));
          office.epoch = *epoch;
          office.epoch_version = nodes[0]->stat.version;
        }
        if (nodes[1]) {
          const auto holder = understood(decode_controller(nodes[1]->data));
          if (!holder) return std::move(done)(tl::unexpected(holder.error()));
          office.holder = {.value = *holder,
                           .version = nodes[1]->stat.version,
                           .czxid = nodes[1]->stat.czxid,
                           .ephemeral_owner = nodes[1]->stat.ephemeral_owner};
        }
        std::move(done)(office);
      });
  // The epoch first: whoever is elected between the two reads makes it stale, and an election
  // that relies on it fails.
  impl_->get(std::string(layout::kControllerEpoch), Watch::No, gather.slot(0));
  impl_->get_watched(std::string(layout::kController), watch, gather.slot(1));
}

void Store::read_cluster_id(Callback<StoreResult<std::string>> done) {
  impl_->get(std::string(layout::kClusterId), Watch::No,
             [done = std::move(done)](ZkResult<Node> node) mutable {
               if (!node) return std::move(done)(failed<std::string>(node.error()));
               std::move(done)(understood(decode_cluster_id(node->data)));
             });
}

void Store::read_broker(BrokerId id, Watch watch,
                        Callback<StoreResult<Versioned<cluster::Broker>>> done) {
  impl_->get_watched(
      layout::broker(id), watch, [id, done = std::move(done)](ZkResult<Node> node) mutable {
        if (!node) return std::move(done)(failed<Versioned<cluster::Broker>>(node.error()));
        auto broker = understood(decode_broker(id, node->data, BrokerEpoch(node->stat.czxid)));
        if (!broker) return std::move(done)(tl::unexpected(broker.error()));
        std::move(done)(Versioned<cluster::Broker>{.value = *std::move(broker),
                                                   .version = node->stat.version,
                                                   .czxid = node->stat.czxid,
                                                   .ephemeral_owner = node->stat.ephemeral_owner});
      });
}

void Store::read_config(const layout::ConfigEntity& entity, Callback<StoreResult<ConfigMap>> done) {
  impl_->get(entity.node(), Watch::No, [done = std::move(done)](ZkResult<Node> node) mutable {
    if (node) return std::move(done)(understood(decode_config(node->data)));
    if (node.error() == ZkError::NoNode) return std::move(done)(ConfigMap());
    std::move(done)(failed<ConfigMap>(node.error()));
  });
}

void Store::read_config_node(const layout::ConfigEntity& entity,
                             Callback<StoreResult<ReadConfig>> done) {
  impl_->get(entity.node(), Watch::No, [done = std::move(done)](ZkResult<Node> node) mutable {
    if (!node && node.error() == ZkError::NoNode) return std::move(done)(ReadConfig());
    if (!node) return std::move(done)(failed<ReadConfig>(node.error()));
    auto config = understood(decode_config(node->data));
    if (!config) return std::move(done)(tl::unexpected(config.error()));
    std::move(done)(ReadConfig{*std::move(config), node->stat.version});
  });
}

void Store::load_configs(const std::string& type,
                         Callback<StoreResult<std::map<std::string, ConfigMap>>> done) {
  impl_->read_folder(layout::child(layout::kConfig, type), Watch::No, Watch::No,
                     [done = std::move(done)](
                         StoreResult<std::vector<std::pair<std::string, Node>>> nodes) mutable {
                       if (!nodes) return std::move(done)(tl::unexpected(nodes.error()));
                       std::map<std::string, ConfigMap> configs;
                       for (const auto& [name, node] : *nodes) {
                         if (auto config = understood(decode_config(node.data))) {
                           configs.emplace(name, *std::move(config));
                         }
                       }
                       std::move(done)(std::move(configs));
                     });
}

void Store::read_config_changes(std::set<std::string> seen, Watch watch,
                                Callback<StoreResult<ConfigChanges>> done) {
  impl_->list(
      layout::kConfigChanges, watch,
      [this, seen = std::move(seen),
       done = std::move(done)](StoreResult<std::vector<std::string>> names) mutable {
        if (!names) return std::move(done)(tl::unexpected(names.error()));
        ConfigChanges changes{.standing = *std::move(names), .fresh = {}};
        std::vector<std::string> fresh;
        for (const std::string& name : changes.standing) {
          if (!seen.contains(name)) fresh.push_back(name);
        }
        auto paths = paths_below(layout::kConfigChanges, fresh);
        impl_->get_all(
            std::move(paths), Watch::No,
            [fresh = std::move(fresh), changes = std::move(changes),
             done = std::move(done)](std::vector<ZkResult<Node>> nodes) mutable {
              for (std::size_t i = 0; i < nodes.size(); ++i) {
                if (!nodes[i] && nodes[i].error() == ZkError::NoNode) continue;
                if (!nodes[i]) return std::move(done)(failed<ConfigChanges>(nodes[i].error()));
                const auto entity = understood(decode_config_change(nodes[i]->data));
                changes.fresh.push_back({.name = fresh[i],
                                         .created_ms = nodes[i]->stat.created_ms,
                                         .entity = entity ? std::optional(*entity) : std::nullopt});
              }
              std::move(done)(std::move(changes));
            });
      });
}

void Store::read_reassignments(
    Watch watch, Callback<StoreResult<std::optional<std::vector<Reassignment>>>> done) {
  using Value = std::optional<std::vector<Reassignment>>;
  impl_->get_watched(std::string(layout::kReassignPartitions), watch,
                     [done = std::move(done)](ZkResult<Node> node) mutable {
                       if (!node && node.error() == ZkError::NoNode) {
                         return std::move(done)(Value());
                       }
                       if (!node) return std::move(done)(failed<Value>(node.error()));
                       auto request = understood(decode_reassignments(node->data));
                       if (!request) return std::move(done)(tl::unexpected(request.error()));
                       std::move(done)(Value(*std::move(request)));
                     });
}

void Store::read_preferred_election(
    Watch watch, Callback<StoreResult<std::optional<std::vector<TopicPartition>>>> done) {
  using Value = std::optional<std::vector<TopicPartition>>;
  impl_->get_watched(std::string(layout::kPreferredReplicaElection), watch,
                     [done = std::move(done)](ZkResult<Node> node) mutable {
                       if (!node && node.error() == ZkError::NoNode) {
                         return std::move(done)(Value());
                       }
                       if (!node) return std::move(done)(failed<Value>(node.error()));
                       auto request = understood(decode_partition_list(node->data));
                       if (!request) return std::move(done)(tl::unexpected(request.error()));
                       std::move(done)(Value(*std::move(request)));
                     });
}

// --- A broker starts ---

void Store::create_persistent_paths(Callback<StoreResult<>> done) {
  const Gather<ZkResult<OpResult>> gather(
      std::size(layout::kPersistentPaths),
      [done = std::move(done)](const std::vector<ZkResult<OpResult>>& results) mutable {
        for (const auto& result : results) {
          if (!result && result.error() != ZkError::NodeExists) {
            return std::move(done)(failed<void>(result.error()));
          }
        }
        std::move(done)(StoreResult<>());
      });
  for (std::size_t i = 0; i < std::size(layout::kPersistentPaths); ++i) {
    impl_->write(Create{std::string(layout::kPersistentPaths[i]), std::nullopt}, gather.slot(i));
  }
}

void Store::get_or_create_cluster_id(std::string candidate,
                                     Callback<StoreResult<std::string>> done) {
  impl_->get_or_create_cluster_id(std::move(candidate), kOptimisticAttempts, std::move(done));
}

void Store::next_broker_sequence(Callback<StoreResult<std::int32_t>> done) {
  impl_->create_parents(std::string(layout::kBrokerIdSequence) + "/");
  impl_->write(Set{std::string(layout::kBrokerIdSequence), ""},
               [done = std::move(done)](ZkResult<OpResult> result) mutable {
                 if (!result) return std::move(done)(failed<std::int32_t>(result.error()));
                 std::move(done)(result->stat.version);
               });
}

void Store::register_broker(const cluster::Broker& broker, std::optional<std::int32_t> replaces,
                            Callback<StoreResult<BrokerEpoch>> done) {
  const std::string path = layout::broker(broker.id);
  std::vector<Op> ops;
  if (replaces) ops.push_back(Delete{path, *replaces});
  // Created empty and then set, so that the zkVersion is 1 as with Kafka.
  ops.push_back(Create{path, std::nullopt, CreateMode::Ephemeral});
  ops.push_back(Set{path, encode_broker(broker), 0});
  impl_->multi(std::move(ops), [done = std::move(done)](MultiResult result) mutable {
    if (!result) return std::move(done)(tl::unexpected(first_error(result.error())));
    std::move(done)(BrokerEpoch(result->back().stat.czxid));
  });
}

void Store::update_broker(const cluster::Broker& broker, Callback<StoreResult<>> done) {
  impl_->write(Set{layout::broker(broker.id), encode_broker(broker)},
               [done = std::move(done)](ZkResult<OpResult> result) mutable {
                 if (!result) return std::move(done)(failed<void>(result.error()));
                 std::move(done)(StoreResult<>());
               });
}

// --- Election ---

void Store::elect(ControllerNode candidate, ControllerOffice office,
                  Callback<StoreResult<ControllerFence>> done) {
  const std::string epoch_path(layout::kControllerEpoch);
  if (!office.epoch_version) {
    impl_->write(
        Create{epoch_path, encode_controller_epoch(ControllerEpoch(0))},
        [this, candidate, office, done = std::move(done)](ZkResult<OpResult> result) mutable {
          if (!result) return std::move(done)(failed<ControllerFence>(result.error()));
          office.epoch = ControllerEpoch(0);
          office.epoch_version = 0;
          elect(candidate, office, std::move(done));
        });
    return;
  }
  const ControllerEpoch epoch = office.epoch.next();
  std::vector<Op> ops;
  if (office.holder) {
    ops.push_back(Delete{std::string(layout::kController), office.holder->version});
  }
  ops.push_back(Create{std::string(layout::kController), encode_controller(candidate),
                       CreateMode::Ephemeral});
  ops.push_back(Set{epoch_path, encode_controller_epoch(epoch), *office.epoch_version});
  impl_->multi(std::move(ops), [epoch, done = std::move(done)](MultiResult result) mutable {
    if (!result) return std::move(done)(tl::unexpected(first_error(result.error())));
    std::move(done)(ControllerFence{epoch, result->back().stat.version});
  });
}

void Store::resign(ControllerFence fence, Callback<StoreResult<>> done) {
  impl_->run_one(fence, Delete{std::string(layout::kController)}, ZkError::NoNode, std::move(done));
}

void Store::ensure_feature(ControllerFence fence, Callback<StoreResult<>> done) {
  impl_->get(std::string(layout::kFeature), Watch::No,
             [this, fence, done = std::move(done)](ZkResult<Node> node) mutable {
               if (node && is_current_feature(node->data)) {
                 return std::move(done)(StoreResult<>());
               }
               const std::string path(layout::kFeature);
               if (node) {
                 return impl_->run_one(fence, Set{path, encode_feature(), node->stat.version},
                                       std::nullopt, std::move(done));
               }
               if (node.error() != ZkError::NoNode) {
                 return std::move(done)(failed<void>(node.error()));
               }
               impl_->run_one(fence, Create{path, encode_feature()}, ZkError::NodeExists,
                              std::move(done));
             });
}

// --- The controller writes ---

void Store::write_partition_states(ControllerFence fence,
                                   const std::vector<PartitionStateWrite>& writes,
                                   Callback<PartitionOutcomes> done) {
  impl_->write_states(
      fence, writes,
      [](const PartitionStateWrite& write, std::set<std::string>&) {
        std::vector<FencedBatch::Item> items;
        items.push_back(
            {.op = Set{layout::partition_state(write.partition.topic, write.partition.partition),
                       encode_partition_state(write.state), write.state.partition_epoch.value()},
             .item = 0,
             .fine = std::nullopt});
        return items;
      },
      std::move(done));
}

void Store::create_partition_states(ControllerFence fence,
                                    const std::vector<PartitionStateWrite>& writes,
                                    Callback<PartitionOutcomes> done) {
  impl_->write_states(
      fence, writes,
      [](const PartitionStateWrite& write, std::set<std::string>& folders_made) {
        const TopicPartition& tp = write.partition;
        std::vector<FencedBatch::Item> items;
        const auto folder = [&](std::string path) {
          if (!folders_made.insert(path).second) return;
          items.push_back({.op = Create{std::move(path), std::nullopt},
                           .item = 0,
                           .fine = ZkError::NodeExists});
        };
        folder(layout::partitions(tp.topic));
        folder(layout::partition(tp.topic, tp.partition));
        items.push_back({.op = Create{layout::partition_state(tp.topic, tp.partition),
                                      encode_partition_state(write.state)},
                         .item = 0,
                         .fine = std::nullopt});
        return items;
      },
      std::move(done));
}

void Store::write_topic(ControllerFence fence, const cluster::Topic& topic, std::int32_t version,
                        Callback<StoreResult<std::int32_t>> done) {
  std::vector<FencedBatch::Item> items;
  items.push_back({.op = Set{layout::topic(topic.name), encode_topic(topic), version},
                   .item = 0,
                   .fine = std::nullopt});
  impl_->run(FencedBatch(fence, std::move(items)),
             [done = std::move(done)](const FencedBatch& batch) mutable {
               const auto& outcome = batch.outcomes().front();
               if (!outcome) return std::move(done)(tl::unexpected(outcome.error()));
               std::move(done)(outcome->version);
             });
}

void Store::delete_topic(ControllerFence fence, std::string name, Callback<StoreResult<>> done) {
  const std::string folder = layout::partitions(name);
  impl_->list(
      folder, Watch::No,
      [this, fence, name = std::move(name), folder,
       done = std::move(done)](StoreResult<std::vector<std::string>> partitions) mutable {
        if (!partitions) return std::move(done)(tl::unexpected(partitions.error()));
        std::vector<FencedBatch> batches;
        std::vector<FencedBatch::Item> items;
        const auto remove = [&](std::string path) {
          items.push_back(
              {.op = Delete{std::move(path)}, .item = items.size(), .fine = ZkError::NoNode});
          if (items.size() < kDeletionsPerTransaction) return;
          batches.emplace_back(fence, std::exchange(items, {}));
        };
        for (const std::string& partition : *partitions) {
          const std::string path = layout::child(folder, partition);
          remove(path + "/state");
          remove(path);
        }
        remove(folder);
        remove(layout::topic(name));
        remove(layout::ConfigEntity::topic(name).node());
        remove(layout::delete_topic(name));
        batches.emplace_back(fence, std::move(items));
        impl_->run_in_turn(std::move(batches), 0, std::move(done));
      });
}

void Store::delete_deletion_request(ControllerFence fence, const std::string& topic,
                                    Callback<StoreResult<>> done) {
  impl_->run_one(fence, Delete{layout::delete_topic(topic)}, ZkError::NoNode, std::move(done));
}

void Store::write_reassignments(ControllerFence fence, const std::vector<Reassignment>& left,
                                Callback<StoreResult<>> done) {
  std::string path(layout::kReassignPartitions);
  if (left.empty()) {
    return impl_->run_one(fence, Delete{std::move(path)}, ZkError::NoNode, std::move(done));
  }
  impl_->run_one(fence, Set{std::move(path), encode_reassignments(left)}, ZkError::NoNode,
                 std::move(done));
}

void Store::delete_preferred_election(ControllerFence fence, Callback<StoreResult<>> done) {
  impl_->run_one(fence, Delete{std::string(layout::kPreferredReplicaElection)}, ZkError::NoNode,
                 std::move(done));
}

void Store::take_log_dir_events(ControllerFence fence, Watch watch,
                                Callback<StoreResult<std::vector<BrokerId>>> done) {
  impl_->take_notifications<BrokerId>(
      layout::kLogDirEventNotification, fence, watch, &decode_log_dir_event,
      [done = std::move(done)](StoreResult<std::vector<BrokerId>> brokers) mutable {
        if (!brokers) return std::move(done)(std::move(brokers));
        std::sort(brokers->begin(), brokers->end());
        brokers->erase(std::unique(brokers->begin(), brokers->end()), brokers->end());
        std::move(done)(std::move(brokers));
      });
}

void Store::take_isr_changes(ControllerFence fence, Watch watch,
                             Callback<StoreResult<std::vector<TopicPartition>>> done) {
  using Lists = std::vector<std::vector<TopicPartition>>;
  impl_->take_notifications<std::vector<TopicPartition>>(
      layout::kIsrChangeNotification, fence, watch, &decode_partition_list,
      [done = std::move(done)](StoreResult<Lists> lists) mutable {
        if (!lists) return std::move(done)(tl::unexpected(lists.error()));
        std::set<TopicPartition> partitions;
        for (const auto& list : *lists) partitions.insert(list.begin(), list.end());
        std::move(done)(std::vector(partitions.begin(), partitions.end()));
      });
}

// --- What any broker writes ---

void Store::create_topic(std::optional<ControllerFence> fence, cluster::Topic topic,
                         ConfigMap config, Callback<StoreResult<>> done) {
  impl_->create_topic(fence, std::move(topic), std::move(config), /*config_exists=*/false,
                      kOptimisticAttempts, std::move(done));
}

void Store::request_topic_deletion(const std::string& name, Callback<StoreResult<>> done) {
  impl_->write(Create{layout::delete_topic(name), std::nullopt},
               [done = std::move(done)](ZkResult<OpResult> result) mutable {
                 if (result || result.error() == ZkError::NodeExists) {
                   return std::move(done)(StoreResult<>());
                 }
                 std::move(done)(failed<void>(result.error()));
               });
}

void Store::write_config(layout::ConfigEntity entity, ConfigMap config,
                         Callback<StoreResult<>> done) {
  impl_->write_config(std::move(entity), std::move(config), /*exists=*/true, kOptimisticAttempts,
                      std::move(done));
}

void Store::replace_config(const layout::ConfigEntity& entity, ConfigMap config,
                           std::optional<std::int32_t> expected, Callback<StoreResult<>> done) {
  std::vector<Op> ops;
  const bool of_topic = entity.type() == "topics";
  if (of_topic) ops.push_back(Check{layout::topic(entity.name()), kAnyVersion});
  if (expected) {
    ops.push_back(Set{entity.node(), encode_config(config), *expected});
  } else {
    ops.push_back(Create{entity.node(), encode_config(config)});
  }
  ops.push_back(Create{layout::config_change_prefix(), encode_config_change(entity),
                       CreateMode::PersistentSequential});
  impl_->multi(std::move(ops), [impl = impl_.get(), of_topic, expected, node = entity.node(),
                                done = std::move(done)](MultiResult result) mutable {
    if (result) return std::move(done)(StoreResult<>());
    const std::vector<ZkError>& errors = result.error();
    if (of_topic && errors.front() == ZkError::NoNode) {
      return std::move(done)(tl::unexpected(StoreError::NoNode));
    }
    const ZkError error = errors.at(of_topic ? 1 : 0);
    if (!expected && error == ZkError::NoNode) impl->create_parents(node);
    const bool changed =
        error == ZkError::BadVersion || error == ZkError::NoNode || error == ZkError::NodeExists;
    std::move(done)(tl::unexpected(changed ? StoreError::BadVersion : first_error(errors)));
  });
}

void Store::delete_config_changes(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    impl_->client.write(Delete{layout::child(layout::kConfigChanges, name)},
                        [](const ZkResult<OpResult>&) {});
  }
}

void Store::allocate_producer_ids(BrokerId broker, Callback<StoreResult<ProducerIdBlock>> done) {
  impl_->allocate_producer_ids(broker, kOptimisticAttempts, std::move(done));
}

void Store::notify_log_dir_failure(BrokerId broker, Callback<StoreResult<>> done) {
  impl_->write(Create{layout::log_dir_event_prefix(), encode_log_dir_event(broker),
                      CreateMode::PersistentSequential},
               [done = std::move(done)](ZkResult<OpResult> result) mutable {
                 if (!result) return std::move(done)(failed<void>(result.error()));
                 std::move(done)(StoreResult<>());
               });
}

}  // namespace ottla::zookeeper
