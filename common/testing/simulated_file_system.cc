#include "common/testing/simulated_file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ottla::testing {
namespace {

constexpr std::size_t kPage = 4096;

tl::unexpected<Error> failure(std::string_view operation, const std::string& path, int number) {
  return fail(env::io_error("cannot " + std::string(operation) + " " + path, number));
}

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> names;
  std::size_t at = 0;
  while (at < path.size()) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    if (end > at && path.substr(at, end - at) != ".") names.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return names;
}

}  // namespace

/// A file or a directory, as running processes see it and as the disk has it.
struct SimulatedFileSystem::Node {
  bool is_directory = false;
  env::WallTimeMs modified = 0;

  // A file. Changes since the last sync, in order.
  struct Change {
    bool is_truncate = false;
    std::uint64_t position = 0;
    std::string bytes;
  };
  std::string bytes;
  std::string synced_bytes;
  std::uint64_t taken = 0;  ///< Of the free bytes.
  std::vector<Change> changes;

  // A directory. A change sets a name, or with a null node removes it.
  struct NameChange {
    std::string name;
    NodePointer node;
    std::uint64_t group = 0;  ///< A rename's two changes happen both or not at all.
  };
  std::map<std::string, NodePointer> names;
  std::map<std::string, NodePointer> synced_names;
  std::vector<NameChange> name_changes;

  static void apply(std::string& content, const Change& change, std::size_t limit) {
    if (change.is_truncate) {
      content.resize(change.position, '\0');
      return;
    }
    const std::size_t size = std::min(limit, change.bytes.size());
    if (content.size() < change.position + size) content.resize(change.position + size, '\0');
    content.replace(change.position, size, change.bytes, 0, size);
  }
};

class SimulatedFileSystem::SimulatedFile final : public env::File {
 public:
  SimulatedFile(SimulatedFileSystem& files, NodePointer node, std::string path,
                std::uint64_t process)
      : files_(files), node_(std::move(node)), path_(std::move(path)), process_(process) {}

  Result<std::size_t> read_at(MutableByteView into, std::uint64_t position) const override {
    MutexLock lock(files_.mutex_);
    OTTLA_TRY_VOID(check_alive("read"));
    OTTLA_TRY_VOID(files_.check("read", path_));
    const std::string& bytes = node_->bytes;
    if (position >= bytes.size()) return std::size_t{0};
    const std::size_t size =
        std::min(into.size(), bytes.size() - static_cast<std::size_t>(position));
    std::memcpy(into.data(), bytes.data() + position, size);
    return size;
  }

  Result<> write_at(std::span<const ByteView> pieces, std::uint64_t position) override {
    MutexLock lock(files_.mutex_);
    OTTLA_TRY_VOID(check_alive("write"));
    return files_.write(*node_, path_, pieces, position);
  }

  Result<> truncate(std::uint64_t size) override {
    MutexLock lock(files_.mutex_);
    OTTLA_TRY_VOID(check_alive("truncate"));
    OTTLA_TRY(const bool happens, files_.check_change("truncate", path_));
    if (!happens) return failure("truncate", path_, EIO);
    if (size < node_->bytes.size()) files_.give_back(*node_, node_->bytes.size() - size);
    node_->bytes.resize(size, '\0');
    node_->modified = files_.now();
    node_->changes.push_back({.is_truncate = true, .position = size, .bytes = {}});
    return {};
  }

  Result<> sync() override {
    MutexLock lock(files_.mutex_);
    OTTLA_TRY_VOID(check_alive("sync"));
    OTTLA_TRY(const bool happens, files_.check_change("sync", path_));
    if (!happens) return failure("sync", path_, EIO);
    node_->synced_bytes = node_->bytes;
    node_->changes.clear();
    return {};
  }

  Result<> allocate(std::uint64_t size) override {
    MutexLock lock(files_.mutex_);
    OTTLA_TRY_VOID(check_alive("allocate"));
    const std::uint64_t held = node_->bytes.size();
    if (size <= held) return {};
    if (files_.free_bytes_ && size - held > *files_.free_bytes_) {
      return failure("allocate", path_, ENOSPC);
    }
    const std::string zeros(static_cast<std::size_t>(size - held), '\0');
    const ByteView piece = as_bytes(zeros);
    return files_.write(*node_, path_, std::span(&piece, 1), held);
  }

  void drop_cache(std::uint64_t /*position*/, std::uint64_t /*length*/) override {}

  void start_writeback(std::uint64_t /*position*/, std::uint64_t /*length*/) override {}

  void start_reading(std::uint64_t /*position*/, std::uint64_t /*length*/) const override {}

  bool is_cached(std::uint64_t /*position*/, std::uint64_t /*length*/) const override {
    MutexLock lock(files_.mutex_);
    return files_.cached_;
  }

  Result<std::uint64_t> size() const override {
    MutexLock lock(files_.mutex_);
    OTTLA_TRY_VOID(check_alive("stat"));
    return std::uint64_t{node_->bytes.size()};
  }

  int descriptor() const override { return -1; }

 private:
  Result<> check_alive(std::string_view operation) const OTTLA_REQUIRES(files_.mutex_) {
    if (process_ == files_.process_) return {};
    return failure(operation, path_, EBADF);  // a file of a process that is no more
  }

  SimulatedFileSystem& files_;
  const NodePointer node_;
  const std::string path_;
  const std::uint64_t process_;
};

class SimulatedFileSystem::SimulatedLock final : public env::FileLock {
 public:
  SimulatedLock(SimulatedFileSystem& files, std::string path, std::uint64_t process)
      : files_(files), path_(std::move(path)), process_(process) {}
  ~SimulatedLock() override {
    MutexLock lock(files_.mutex_);
    const auto held = files_.locks_.find(path_);
    if (held != files_.locks_.end() && held->second == process_) files_.locks_.erase(held);
  }

 private:
  SimulatedFileSystem& files_;
  const std::string path_;
  const std::uint64_t process_;
};

SimulatedFileSystem::SimulatedFileSystem(std::uint64_t seed, const env::Clock* clock)
    : clock_(clock), random_(seed), root_(std::make_shared<Node>()) {
  root_->is_directory = true;
}

SimulatedFileSystem::~SimulatedFileSystem() = default;

// Faults.

void SimulatedFileSystem::crash_process() {
  MutexLock lock(mutex_);
  ++process_;
  locks_.clear();
  stopped_ = false;
  stop_at_.reset();
}

void SimulatedFileSystem::crash_host() {
  MutexLock lock(mutex_);
  ++process_;
  ++boot_;
  locks_.clear();
  stopped_ = false;
  stop_at_.reset();
  lose_unsynced(*root_);
}

/// The journal of a directory survives up to some entry; then the same for what is in it.
void SimulatedFileSystem::lose_unsynced(Node& node) {
  if (!node.is_directory) {
    lose_bytes(node);
    return;
  }
  std::size_t kept = static_cast<std::size_t>(random_.below(node.name_changes.size() + 1));
  while (kept > 0 && kept < node.name_changes.size() && node.name_changes[kept].group != 0 &&
         node.name_changes[kept].group == node.name_changes[kept - 1].group) {
    ++kept;
  }
  node.names = node.synced_names;
  for (std::size_t i = 0; i < kept; ++i) {
    const Node::NameChange& change = node.name_changes[i];
    if (change.node) {
      node.names[change.name] = change.node;
    } else {
      node.names.erase(change.name);
    }
  }
  node.synced_names = node.names;
  node.name_changes.clear();
  for (const auto& [name, child] : node.names) lose_unsynced(*child);
}

void SimulatedFileSystem::lose_bytes(Node& file) {
  if (file.changes.empty()) return;
  std::string content = file.synced_bytes;
  if (random_.below(2) == 0) {
    // A prefix of the changes, the last one cut at any byte.
    const std::size_t kept = static_cast<std::size_t>(random_.below(file.changes.size() + 1));
    for (std::size_t i = 0; i < kept; ++i) Node::apply(content, file.changes[i], SIZE_MAX);
    if (kept < file.changes.size() && !file.changes[kept].is_truncate) {
      const Node::Change& torn = file.changes[kept];
      Node::apply(content, torn, static_cast<std::size_t>(random_.below(torn.bytes.size() + 1)));
    }
  } else {
    // Any set of pages, and any size between the old and the new one.
    const std::size_t smaller = std::min(content.size(), file.bytes.size());
    const std::size_t larger = std::max(content.size(), file.bytes.size());
    content.resize(smaller + static_cast<std::size_t>(random_.below(larger - smaller + 1)), '\0');
    for (std::size_t at = 0; at < content.size(); at += kPage) {
      if (random_.below(2) == 0 || at >= file.bytes.size()) continue;
      const std::size_t size = std::min({kPage, content.size() - at, file.bytes.size() - at});
      content.replace(at, size, file.bytes, at, size);
    }
  }
  file.bytes = content;
  file.synced_bytes = content;
  file.changes.clear();
}

void SimulatedFileSystem::stop_after(std::uint64_t operations) {
  MutexLock lock(mutex_);
  stop_at_ = operations_ + operations;
}

bool SimulatedFileSystem::is_stopped() const {
  MutexLock lock(mutex_);
  return stopped_;
}

std::uint64_t SimulatedFileSystem::operations() const {
  MutexLock lock(mutex_);
  return operations_;
}

void SimulatedFileSystem::set_free_bytes(std::optional<std::uint64_t> bytes) {
  MutexLock lock(mutex_);
  free_bytes_ = bytes;
}

void SimulatedFileSystem::set_fault(Fault fault) {
  MutexLock lock(mutex_);
  fault_ = std::move(fault);
}

void SimulatedFileSystem::set_cached(bool cached) {
  MutexLock lock(mutex_);
  cached_ = cached;
}

// What tests see.

std::optional<std::string> SimulatedFileSystem::content(const std::string& path) const {
  MutexLock lock(mutex_);
  const Place place = find(path);
  if (!place.node || place.node->is_directory) return std::nullopt;
  return place.node->bytes;
}

std::vector<std::string> SimulatedFileSystem::names(const std::string& path) const {
  MutexLock lock(mutex_);
  const Place place = find(path);
  std::vector<std::string> names;
  if (!place.node) return names;
  for (const auto& [name, node] : place.node->names) names.push_back(name);
  return names;
}

Result<> SimulatedFileSystem::check(std::string_view operation, const std::string& path) {
  if (stopped_) return failure(operation, path, EIO);
  const int number = fault_ ? fault_(operation, path) : 0;
  if (number != 0) return failure(operation, path, number);
  return {};
}

Result<bool> SimulatedFileSystem::check_change(std::string_view operation,
                                               const std::string& path) {
  OTTLA_TRY_VOID(check(operation, path));
  ++operations_;
  if (stop_at_ && operations_ >= *stop_at_) stopped_ = true;
  return !stopped_;
}

// Operations.

SimulatedFileSystem::Place SimulatedFileSystem::find(const std::string& path) const {
  Place place{nullptr, "", root_};
  for (std::string& name : split(path)) {
    if (!place.node || !place.node->is_directory) return {nullptr, std::move(name), nullptr};
    place.parent = place.node;
    const auto found = place.parent->names.find(name);
    place.node = found == place.parent->names.end() ? nullptr : found->second;
    place.name = std::move(name);
  }
  return place;
}

void SimulatedFileSystem::set_name(Node& directory, const std::string& name, NodePointer node) {
  if (node) {
    directory.names[name] = node;
  } else {
    directory.names.erase(name);
  }
  directory.name_changes.push_back({name, std::move(node), 0});
}

Result<> SimulatedFileSystem::write(Node& node, const std::string& path,
                                    std::span<const ByteView> pieces, std::uint64_t position) {
  std::string bytes;
  for (const ByteView piece : pieces) bytes.append(as_text(piece));
  const auto put = [&](std::size_t size) {
    Node::Change change{.is_truncate = false, .position = position, .bytes = bytes.substr(0, size)};
    Node::apply(node.bytes, change, SIZE_MAX);
    node.changes.push_back(std::move(change));
    node.modified = now();
  };
  const auto put_some = [&] { put(static_cast<std::size_t>(random_.below(bytes.size() + 1))); };
  if (!stopped_ && fault_) {
    const int number = fault_("write", path);
    if (number != 0) {
      put_some();
      return failure("write", path, number);
    }
  }
  const Fault fault = std::exchange(fault_, nullptr);  // asked already
  auto happens = check_change("write", path);
  fault_ = fault;
  if (!happens) return fail(std::move(happens).error());
  if (!*happens) {
    put_some();
    return failure("write", path, EIO);
  }
  const std::uint64_t end = position + bytes.size();
  const std::uint64_t growth = end > node.bytes.size() ? end - node.bytes.size() : 0;
  if (free_bytes_ && growth > *free_bytes_) {
    const std::size_t fits = static_cast<std::size_t>(bytes.size() - (growth - *free_bytes_));
    put(fits);
    node.taken += *free_bytes_;
    free_bytes_ = 0;
    return failure("write", path, ENOSPC);
  }
  if (free_bytes_) *free_bytes_ -= growth;
  node.taken += growth;
  put(bytes.size());
  return {};
}

/// No more than was taken: what a truncation made longer is a hole.
void SimulatedFileSystem::give_back(Node& node, std::uint64_t bytes) {
  const std::uint64_t given = std::min(node.taken, bytes);
  node.taken -= given;
  if (free_bytes_) *free_bytes_ += given;
}

Result<std::shared_ptr<env::File>> SimulatedFileSystem::open(const std::string& path,
                                                             env::OpenMode mode) {
  MutexLock lock(mutex_);
  OTTLA_TRY_VOID(check("open", path));
  Place place = find(path);
  if (place.node && place.node->is_directory) return failure("open", path, EISDIR);
  if (place.node && mode == env::OpenMode::CreateNew) return failure("open", path, EEXIST);
  if (!place.node) {
    const bool creates = mode == env::OpenMode::CreateOrOpen || mode == env::OpenMode::CreateNew;
    if (!place.parent || !creates) return failure("open", path, ENOENT);
    OTTLA_TRY(const bool happens, check_change("create", path));
    if (!happens) return failure("open", path, EIO);
    place.node = std::make_shared<Node>();
    place.node->modified = now();
    set_name(*place.parent, place.name, place.node);
  }
  return std::make_shared<SimulatedFile>(*this, place.node, path, process_);
}

Result<> SimulatedFileSystem::remove(const std::string& path) {
  MutexLock lock(mutex_);
  OTTLA_TRY(const bool happens, check_change("remove", path));
  if (!happens) return failure("remove", path, EIO);
  const Place place = find(path);
  if (!place.node) return failure("remove", path, ENOENT);
  if (place.node->is_directory) return failure("remove", path, EISDIR);
  give_back(*place.node, place.node->bytes.size());
  set_name(*place.parent, place.name, nullptr);
  return {};
}

Result<> SimulatedFileSystem::rename(const std::string& from, const std::string& to) {
  MutexLock lock(mutex_);
  OTTLA_TRY(const bool happens, check_change("rename", from));
  if (!happens) return failure("rename", from, EIO);
  const Place source = find(from);
  const Place target = find(to);
  if (!source.node || !target.parent) return failure("rename", from + " to " + to, ENOENT);
  if (target.node && target.node->is_directory && !target.node->names.empty()) {
    return failure("rename", from + " to " + to, ENOTEMPTY);
  }
  if (target.node && target.node != source.node) give_back(*target.node, target.node->bytes.size());
  set_name(*source.parent, source.name, nullptr);
  set_name(*target.parent, target.name, source.node);
  if (source.parent == target.parent) {
    auto& changes = source.parent->name_changes;
    changes[changes.size() - 1].group = operations_;
    changes[changes.size() - 2].group = operations_;
  }
  return {};
}

Result<> SimulatedFileSystem::create_directories(const std::string& path) {
  MutexLock lock(mutex_);
  OTTLA_TRY_VOID(check("create_directory", path));
  NodePointer at = root_;
  for (const std::string& name : split(path)) {
    NodePointer& child = at->names[name];
    if (!child) {
      at->names.erase(name);
      OTTLA_TRY(const bool happens, check_change("create_directory", path));
      if (!happens) return failure("create directory", path, EIO);
      auto created = std::make_shared<Node>();
      created->is_directory = true;
      set_name(*at, name, created);
      at = created;
    } else if (!child->is_directory) {
      return failure("create directory", path, ENOTDIR);
    } else {
      at = child;
    }
  }
  return {};
}

Result<> SimulatedFileSystem::remove_all(const std::string& path) {
  MutexLock lock(mutex_);
  OTTLA_TRY(const bool happens, check_change("remove", path));
  if (!happens) return failure("remove", path, EIO);
  const Place place = find(path);
  if (place.node && place.parent) set_name(*place.parent, place.name, nullptr);
  return {};
}

Result<> SimulatedFileSystem::sync_directory(const std::string& path) {
  MutexLock lock(mutex_);
  OTTLA_TRY(const bool happens, check_change("sync_directory", path));
  if (!happens) return failure("sync directory", path, EIO);
  const Place place = find(path);
  if (!place.node || !place.node->is_directory) return failure("sync directory", path, ENOENT);
  place.node->synced_names = place.node->names;
  place.node->name_changes.clear();
  return {};
}

Result<std::vector<env::DirectoryEntry>> SimulatedFileSystem::list(const std::string& path) {
  MutexLock lock(mutex_);
  OTTLA_TRY_VOID(check("list", path));
  const Place place = find(path);
  if (!place.node || !place.node->is_directory) return failure("list", path, ENOENT);
  std::vector<env::DirectoryEntry> entries;
  for (const auto& [name, node] : place.node->names) {
    entries.push_back({name, node->is_directory});
  }
  return entries;
}

Result<bool> SimulatedFileSystem::exists(const std::string& path) {
  MutexLock lock(mutex_);
  OTTLA_TRY_VOID(check("stat", path));
  return find(path).node != nullptr;
}

Result<env::WallTimeMs> SimulatedFileSystem::modified_ms(const std::string& path) {
  MutexLock lock(mutex_);
  OTTLA_TRY_VOID(check("stat", path));
  const Place place = find(path);
  if (!place.node) return failure("stat", path, ENOENT);
  return place.node->modified;
}

Result<> SimulatedFileSystem::set_modified_ms(const std::string& path, env::WallTimeMs time) {
  MutexLock lock(mutex_);
  OTTLA_TRY_VOID(check("stat", path));
  const Place place = find(path);
  if (!place.node) return failure("stat", path, ENOENT);
  place.node->modified = time;
  return {};
}

Result<env::VolumeSpace> SimulatedFileSystem::space(const std::string& directory) {
  constexpr std::uint64_t kTotal = std::uint64_t{1} << 40;
  MutexLock lock(mutex_);
  OTTLA_TRY_VOID(check("stat", directory));
  if (!find(directory).node) return failure("stat", directory, ENOENT);
  return env::VolumeSpace{kTotal, free_bytes_.value_or(kTotal)};
}

Result<std::unique_ptr<env::FileLock>> SimulatedFileSystem::lock(const std::string& path) {
  MutexLock guard(mutex_);
  OTTLA_TRY_VOID(check("lock", path));
  const Place place = find(path);
  if (!place.parent) return failure("lock", path, ENOENT);
  if (locks_.contains(path)) {
    return failure("lock", path + ": another process holds it", EAGAIN);
  }
  if (!place.node) {
    auto node = std::make_shared<Node>();
    node->modified = now();
    set_name(*place.parent, place.name, node);
  }
  locks_[path] = process_;
  return std::make_unique<SimulatedLock>(*this, path, process_);
}

std::string SimulatedFileSystem::boot_id() const {
  MutexLock lock(mutex_);
  return "simulated-boot-" + std::to_string(boot_);
}

}  // namespace ottla::testing
