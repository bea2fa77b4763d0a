#include "broker/group/deleted_topics.h"

namespace ottla::group {

std::set<std::string> deleted_topics(const metadata::MetadataImage& before,
                                     const metadata::MetadataImage& after) {
  std::set<std::string> deleted;
  if (&before.topics() == &after.topics()) return deleted;
  for (const auto& [name, topic] : before.topics()) {
    const auto now = after.topic(name);
    const bool is_another =
        now && now->id != topic->id && !now->id.is_zero() && !topic->id.is_zero();
    if (!now || is_another) deleted.insert(name);
  }
  return deleted;
}

}  // namespace ottla::group
