#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "broker/api/services.h"
#include "broker/group/memory_log_for_tests.h"

namespace ottla::api {

/// A group coordinator of one partition of __consumer_offsets without threads or disks.
class LocalGroups final : public group::GroupService {
 public:
  LocalGroups(env::Clock& clock, env::Random& random) : core(config, clock, random, log) {
    config.initial_rebalance_delay = std::chrono::milliseconds(0);
    core.set_partition_count(1);
    core.begin_loading(0, LeaderEpoch(0));
    core.finish_loading(0, LeaderEpoch(0), {});
  }

  void join(group::JoinCaller caller, protocol::JoinGroupRequest request,
            group::JoinReply reply) override {
    core.join(caller, request, std::move(reply));
    core.run_due();
  }
  void sync(protocol::SyncGroupRequest request, group::SyncReply reply) override {
    core.sync(request, std::move(reply));
  }
  void heartbeat(protocol::HeartbeatRequest request, Callback<ErrorCode> done) override {
    std::move(done)(core.heartbeat(request));
  }
  void leave(std::string group, std::vector<protocol::LeaveGroupRequest::Member> members,
             Callback<protocol::LeaveGroupResponse> done) override {
    std::move(done)(core.leave(group, members));
  }
  void commit(group::CommitRequest request, Callback<std::vector<ErrorCode>> done) override {
    core.commit(std::move(request), std::move(done));
  }
  void fetch(std::vector<group::FetchQuery> queries, bool require_stable,
             Callback<std::vector<group::FetchedOffsets>> done) override {
    std::vector<group::FetchedOffsets> fetched;
    for (const auto& query : queries) fetched.push_back(core.fetch(query, require_stable));
    std::move(done)(std::move(fetched));
  }
  void delete_offsets(std::string group, std::vector<TopicPartition> partitions,
                      Callback<group::DeletedOffsets> done) override {
    core.delete_offsets(group, std::move(partitions), std::move(done));
  }
  void explain(std::string group, Callback<const group::GroupAccount&> done) override {
    std::move(done)(core.explain(group));
  }
  void describe(std::vector<std::string> groups,
                Callback<std::vector<group::GroupDescription>> done) override {
    std::vector<group::GroupDescription> descriptions;
    for (const auto& group : groups) descriptions.push_back(core.describe(group));
    std::move(done)(std::move(descriptions));
  }
  void list(std::vector<std::string> states, Callback<group::GroupList> done) override {
    std::move(done)(core.list(states));
  }
  void delete_groups(std::vector<std::string> groups,
                     Callback<std::vector<ErrorCode>> done) override {
    std::vector<ErrorCode> outcomes;
    for (const auto& group : groups) {
      core.delete_group(group, [&](ErrorCode outcome) { outcomes.push_back(outcome); });
    }
    std::move(done)(std::move(outcomes));
  }

  group::GroupConfig config;
  group::MemoryLog log;
  group::CoordinatorCore core;
};

/// ZooKeeper's offsets in a map.
class FakeConfigStore final : public ConfigStore {
 public:
  void edit(zookeeper::layout::ConfigEntity entity, Edit edit, Callback<Result<>> done) override {
    const auto wanted = edit(configs[entity.path]);
    if (!wanted) return std::move(done)(fail(wanted.error()));
    if (*wanted) configs[entity.path] = **wanted;
    std::move(done)(Result<>());
  }
  std::map<std::string, zookeeper::ConfigMap> configs;  ///< By path below /config.
};

class FakeOldOffsets final : public OldOffsets {
 public:
  void commit(const std::string& group, std::vector<Item> items,
              Callback<std::vector<ErrorCode>> done) override {
    for (const Item& item : items) offsets[{group, item.partition}] = item.offset;
    std::move(done)(std::vector<ErrorCode>(items.size(), ErrorCode::None));
  }
  void fetch(const std::string& group, const std::vector<TopicPartition>& partitions,
             Callback<std::vector<Fetched>> done) override {
    std::vector<Fetched> fetched;
    for (const TopicPartition& partition : partitions) {
      const auto found = offsets.find({group, partition});
      if (found == offsets.end()) {
        fetched.push_back({kUnknownOffset, ErrorCode::UnknownTopicOrPartition});
      } else {
        fetched.push_back({found->second, ErrorCode::None});
      }
    }
    std::move(done)(std::move(fetched));
  }
  std::map<std::pair<std::string, TopicPartition>, Offset> offsets;
};

}  // namespace ottla::api
