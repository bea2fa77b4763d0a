#include "common/env/file_system.h"

#include <cerrno>
#include <cstring>

namespace ottla::env {
namespace {

// The kind travels as the text's prefix: Error has no room for it, and texts are for people anyway.
constexpr std::string_view kNotFound = "not found: ";
constexpr std::string_view kExists = "exists: ";
constexpr std::string_view kDiskFull = "disk full: ";
constexpr std::string_view kLocked = "locked: ";

std::string_view prefix_of(int error_number) {
  switch (error_number) {
    case ENOENT:
      return kNotFound;
    case EEXIST:
      return kExists;
    case ENOSPC:
    case EDQUOT:
      return kDiskFull;
    case EAGAIN:  // what a lock held elsewhere answers
      return kLocked;
    default:
      return "";
  }
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

IoErrorKind io_error_kind(const Error& error) {
  const std::string& text = error.message();
  if (text.starts_with(kNotFound)) return IoErrorKind::NotFound;
  if (text.starts_with(kExists)) return IoErrorKind::Exists;
  if (text.starts_with(kDiskFull)) return IoErrorKind::DiskFull;
  if (text.starts_with(kLocked)) return IoErrorKind::Locked;
  return IoErrorKind::Other;
}

Error io_error(std::string_view what, int error_number) {
  std::string text(prefix_of(error_number));
  text.append(what).append(": ").append(std::strerror(error_number));
  return Error(ErrorCode::KafkaStorageError, std::move(text));
}

Result<std::optional<std::size_t>> File::read_cached_at(MutableByteView into,
                                                        std::uint64_t position) const {
  if (!is_cached(position, into.size())) return std::nullopt;
  return read_at(into, position);
}

Result<std::string> read_file(FileSystem& files, const std::string& path) {
  OTTLA_TRY(const auto file, files.open(path, OpenMode::Read));
  OTTLA_TRY(const std::uint64_t size, file->size());
  std::string content(size, '\0');
  OTTLA_TRY(const std::size_t got,
            file->read_at(std::as_writable_bytes(std::span(content.data(), content.size())), 0));
  content.resize(got);
  return content;
}

Result<> replace_file(FileSystem& files, const std::string& path, std::string_view content) {
  const std::string temporary = path + ".tmp";
  {
    OTTLA_TRY(const auto file, files.open(temporary, OpenMode::CreateOrOpen));
    OTTLA_TRY_VOID(file->truncate(0));
    const ByteView piece = as_bytes(content);
    OTTLA_TRY_VOID(file->write_at(std::span(&piece, 1), 0));
    OTTLA_TRY_VOID(file->sync());
  }
  OTTLA_TRY_VOID(files.rename(temporary, path));
  return files.sync_directory(parent_of(path));
}

Result<> create_directories_durably(FileSystem& files, const std::string& path) {
  std::vector<std::string> missing;
  for (std::string at = path; at != "/" && at != "."; at = parent_of(at)) {
    OTTLA_TRY(const bool exists, files.exists(at));
    if (exists) break;
    missing.push_back(at);
  }
  OTTLA_TRY_VOID(files.create_directories(path));
  for (const std::string& created : missing) {
    OTTLA_TRY_VOID(files.sync_directory(parent_of(created)));
  }
  return {};
}

}  // namespace ottla::env
