#pragma once

#include "common/rpc/control.h"
#include "proto/ottla/control.pb.h"

/// Between the control plane's structs and their protobuf messages. Decoding never fails: protobuf
/// has checked the form, and what the values mean is checked by their receiver.
namespace ottla::rpc {

void encode(const ClusterUpdate& from, proto::ClusterUpdate& to);
void decode(const proto::ClusterUpdate& from, ClusterUpdate& to);
void encode(const ClusterUpdateReply& from, proto::ClusterUpdateReply& to);
void decode(const proto::ClusterUpdateReply& from, ClusterUpdateReply& to);

void encode(const ReplicaLogQuery& from, proto::ReplicaLogQuery& to);
void decode(const proto::ReplicaLogQuery& from, ReplicaLogQuery& to);
void encode(const ReplicaLogAnswer& from, proto::ReplicaLogAnswer& to);
void decode(const proto::ReplicaLogAnswer& from, ReplicaLogAnswer& to);

void encode(const AlterPartitionRequest& from, proto::AlterPartitionRequest& to);
void decode(const proto::AlterPartitionRequest& from, AlterPartitionRequest& to);
void encode(const AlterPartitionReply& from, proto::AlterPartitionReply& to);
void decode(const proto::AlterPartitionReply& from, AlterPartitionReply& to);

void encode(const ControlledShutdownRequest& from, proto::ControlledShutdownRequest& to);
void decode(const proto::ControlledShutdownRequest& from, ControlledShutdownRequest& to);
void encode(const ControlledShutdownReply& from, proto::ControlledShutdownReply& to);
void decode(const proto::ControlledShutdownReply& from, ControlledShutdownReply& to);

void encode(const AllocateProducerIdsRequest& from, proto::AllocateProducerIdsRequest& to);
void decode(const proto::AllocateProducerIdsRequest& from, AllocateProducerIdsRequest& to);
void encode(const AllocateProducerIdsReply& from, proto::AllocateProducerIdsReply& to);
void decode(const proto::AllocateProducerIdsReply& from, AllocateProducerIdsReply& to);

void encode(const SlowReplicasReport& from, proto::SlowReplicasReport& to);
void decode(const proto::SlowReplicasReport& from, SlowReplicasReport& to);
void encode(const SlowReplicasReply& from, proto::SlowReplicasReply& to);
void decode(const proto::SlowReplicasReply& from, SlowReplicasReply& to);

}  // namespace ottla::rpc
