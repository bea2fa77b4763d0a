#include "controller/model.h"

#include <gtest/gtest.h>

namespace ottla::controller {
namespace {

TopicEntry topic_of(std::int32_t partitions, TopicId id) {
  TopicEntry topic;
  topic.id = id;
  for (std::int32_t p = 0; p < partitions; ++p) {
    topic.partitions.emplace_back().assignment.replicas = {BrokerId(1), BrokerId(2), BrokerId(3)};
  }
  return topic;
}

// W5: a topic whose id nobody knows any more goes on, and somebody is told.
TEST(ModelCounts, W5TopicsWithoutAnIdAreCounted) {
  ClusterModel model;
  model.topics["orders"] = topic_of(2, Uuid(1, 1));
  model.topics["rewritten"] = topic_of(1, TopicId());
  EXPECT_EQ(count(model).topics, 2);
  EXPECT_EQ(count(model).topics_without_id, 1);
}

TEST(ModelCounts, WhatIsBeingDeletedIsCountedApart) {
  ClusterModel model;
  model.topics["orders"] = topic_of(2, Uuid(1, 1));
  model.topics["orders"].phase = TopicPhase::LeadersOff;
  const ModelCounts counts = count(model);
  EXPECT_EQ(counts.topics, 0);
  EXPECT_EQ(counts.topics_to_delete, 1);
  EXPECT_EQ(counts.replicas_to_delete, 6);
}

}  // namespace
}  // namespace ottla::controller
