#include "broker/group/deleted_topics.h"

#include <gmock/gmock.h>

namespace ottla::group {
namespace {

using metadata::MetadataImage;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::shared_ptr<const MetadataImage> image_with(const std::map<std::string, TopicId>& topics) {
  rpc::ClusterUpdate update;
  update.full = true;
  for (const auto& [name, id] : topics) update.topics.push_back({name, id, {{.partition = 0}}});
  return MetadataImage{}.apply(update);
}

TEST(DeletedTopics, AreGoneOrHaveAnotherId) {
  const auto before = image_with({{"kept", {1, 1}}, {"gone", {2, 2}}, {"again", {3, 3}}});
  const auto after = image_with({{"kept", {1, 1}}, {"again", {4, 4}}, {"new", {5, 5}}});
  EXPECT_THAT(deleted_topics(*before, *after), ElementsAre("again", "gone"));
  EXPECT_THAT(deleted_topics(*before, *before), IsEmpty());
}

TEST(DeletedTopics, ATopicThatGetsItsIdIsTheSame) {
  const auto before = image_with({{"orders", {}}});
  const auto after = image_with({{"orders", {1, 1}}});
  EXPECT_THAT(deleted_topics(*before, *after), IsEmpty());
  EXPECT_THAT(deleted_topics(*after, *before), IsEmpty()) << "an older controller took over";
}

}  // namespace
}  // namespace ottla::group
