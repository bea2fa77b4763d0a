#include "common/zookeeper/layout.h"

#include <gtest/gtest.h>

namespace ottla::zookeeper::layout {
namespace {

TEST(Layout, LocatesWhatItNames) {
  EXPECT_EQ(locate(broker(BrokerId(12))).broker, BrokerId(12));
  EXPECT_EQ(locate(topic("a.b")).place, Place::Topic);
  EXPECT_EQ(locate(topic("a.b")).topic, "a.b");
  EXPECT_EQ(locate(partitions("t")).place, Place::Partitions);
  const Location state = locate(partition_state("t", 7));
  EXPECT_EQ(state.place, Place::PartitionState);
  EXPECT_EQ(state.topic, "t");
  EXPECT_EQ(state.partition, 7);
  EXPECT_EQ(locate("/controller").place, Place::Controller);
  EXPECT_EQ(locate("/admin/delete_topics").place, Place::DeleteTopics);
}

TEST(Layout, LocatesNothingElse) {
  for (const char* path : {"/", "", "/brokers", "/brokers/ids/x", "/brokers/ids/-1",
                           "/brokers/topics/t/partitions/1", "/brokers/topics/t/partitions/x/state",
                           "/brokers/topics/t/0/leaderAndISR", "/controllers"}) {
    EXPECT_EQ(locate(path).place, Place::Other) << path;
  }
}

TEST(Layout, ConfigEntitiesAreNamedByTheirPath) {
  const ConfigEntity entity{"users/u1/clients/c%201"};
  EXPECT_EQ(entity.type(), "users");
  EXPECT_EQ(entity.name(), "u1/clients/c%201");
  EXPECT_EQ(entity.node(), "/config/users/u1/clients/c%201");
  EXPECT_EQ(ConfigEntity::default_broker().node(), "/config/brokers/<default>");
}

TEST(Layout, SequenceNumberIsTheLastTenDigits) {
  EXPECT_EQ(sequence_number("config_change_0000000042"), 42);
  EXPECT_EQ(sequence_number("42"), std::nullopt);
  EXPECT_EQ(sequence_number("config_change_00000000x2"), std::nullopt);
}

}  // namespace
}  // namespace ottla::zookeeper::layout
