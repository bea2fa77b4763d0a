#pragma once

#include <optional>
#include <string>
#include <vector>

#include "broker/group/coordinator_core.h"
#include "common/base/task.h"

namespace ottla::group {

/// What the API handlers ask of the group coordinator. Each callback comes once, on any thread,
/// possibly inside the call; views in what it is given are good during the callback. Byte views in
/// a request must be good until its callback has come. Calls of one thread keep their order.
class GroupService {
 public:
  virtual ~GroupService() = default;

  virtual void join(JoinCaller caller, protocol::JoinGroupRequest request, JoinReply reply) = 0;
  virtual void sync(protocol::SyncGroupRequest request, SyncReply reply) = 0;
  virtual void heartbeat(protocol::HeartbeatRequest request, Callback<ErrorCode> done) = 0;
  virtual void leave(std::string group, std::vector<protocol::LeaveGroupRequest::Member> members,
                     Callback<protocol::LeaveGroupResponse> done) = 0;

  virtual void commit(CommitRequest request, Callback<std::vector<ErrorCode>> done) = 0;
  /// In the order of the queries.
  virtual void fetch(std::vector<FetchQuery> queries, bool require_stable,
                     Callback<std::vector<FetchedOffsets>> done) = 0;
  virtual void delete_offsets(std::string group, std::vector<TopicPartition> partitions,
                              Callback<DeletedOffsets> done) = 0;

  virtual void explain(std::string group, Callback<const GroupAccount&> done) = 0;
  /// In the order of the groups.
  virtual void describe(std::vector<std::string> groups,
                        Callback<std::vector<GroupDescription>> done) = 0;
  virtual void list(std::vector<std::string> states, Callback<GroupList> done) = 0;
  virtual void delete_groups(std::vector<std::string> groups,
                             Callback<std::vector<ErrorCode>> done) = 0;
};

}  // namespace ottla::group
