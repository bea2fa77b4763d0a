#include "broker/membership/directory_id.h"

#include <glog/logging.h>

#include <optional>

namespace ottla::membership {

Result<Uuid> directory_id(env::FileSystem& files, env::Random& random,
                          const std::string& log_directory) {
  const std::string path = log_directory + "/" + kDirectoryIdFile;
  OTTLA_TRY(const bool exists, files.exists(path));
  if (exists) {
    OTTLA_TRY(std::string text, env::read_file(files, path));
    while (text.ends_with('\n')) text.pop_back();
    if (const std::optional<Uuid> id = Uuid::parse(text)) return *id;
    LOG(WARNING) << path << ": not an id; it gets a new one";
  }
  const Uuid id = random.uuid();
  OTTLA_TRY_VOID(env::replace_file(files, path, id.to_string() + "\n"));
  return id;
}

}  // namespace ottla::membership
