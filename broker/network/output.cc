#include "broker/network/output.h"

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "common/base/bytes.h"

namespace ottla::network {
namespace {

constexpr std::uint64_t kFileChunk = 256 * 1024;
constexpr std::uint64_t kProbeStep = 64 * 1024;
constexpr std::uint64_t kTurnBytes = 2 * 1024 * 1024;
constexpr std::size_t kMaxVectors = 64;

bool is_would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}

bool is_byte_cached(int fd, std::uint64_t position) {
  std::byte probe;
  const iovec into{&probe, 1};
  const ssize_t got = ::preadv2(fd, &into, 1, static_cast<off_t>(position), RWF_NOWAIT);
  // Where the file system does not know RWF_NOWAIT, sendfile has to find out.
  return got >= 0 || !is_would_block(errno);
}

}  // namespace

void Output::add(Payload response, std::shared_ptr<AnswerObserver> observer) {
  if (response.empty()) {
    if (observer) observer->sent();
    return;
  }
  pending_bytes_ += response.size();
  responses_.push_back({std::move(response), std::move(observer)});
}

const FileRange* Output::file_at_front() const {
  const Response& front = responses_.front();
  return std::get_if<FileRange>(&front.payload.pieces()[front.piece]);
}

Output::Progress Output::send(int socket) {
  std::uint64_t sent = 0;
  while (!responses_.empty()) {
    if (sent >= kTurnBytes) return Progress::Yield;
    const FileRange* const file = file_at_front();
    const Progress progress =
        file != nullptr ? send_file(socket, *file, sent) : send_memory(socket, sent);
    if (progress != Progress::Idle) return progress;
  }
  return Progress::Idle;
}

/// Gathers memory up to the next file, over the borders of responses.
Output::Progress Output::send_memory(int socket, std::uint64_t& sent) {
  std::array<iovec, kMaxVectors> vectors;
  std::size_t count = 0;
  bool file_follows = false;
  const auto gather = [&](const std::byte* data, std::size_t size) {
    if (size > 0) vectors[count++] = {const_cast<std::byte*>(data), size};
  };
  for (const Response& response : responses_) {
    if (count == kMaxVectors || file_follows) break;
    const auto& pieces = response.payload.pieces();
    std::uint64_t skip = response.offset;
    for (std::size_t i = response.piece; i < pieces.size() && count < kMaxVectors; ++i) {
      const auto* const memory = std::get_if<MemoryRange>(&pieces[i]);
      if (memory == nullptr) {
        file_follows = true;
        break;
      }
      gather(memory->bytes.data() + skip, memory->bytes.size() - skip);
      skip = 0;
    }
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  const ssize_t wrote =
      ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT | (file_follows ? MSG_MORE : 0));
  if (wrote < 0) {
    if (errno == EINTR) return Progress::Idle;
    return is_would_block(errno) ? Progress::WouldBlock : Progress::Broken;
  }
  sent += static_cast<std::uint64_t>(wrote);
  advance(static_cast<std::size_t>(wrote));
  return Progress::Idle;
}

std::uint64_t Output::chunk_of(const FileRange& range, std::uint64_t offset) {
  return std::min(range.length - offset, kFileChunk);
}

Output::Progress Output::send_file(int socket, const FileRange& range, std::uint64_t& sent) {
  const std::uint64_t offset = responses_.front().offset;
  const std::uint64_t length = chunk_of(range, offset);
  if (!warm_ && !is_in_page_cache(range.fd, range.position + offset, length)) {
    return Progress::Cold;
  }
  auto position = static_cast<off_t>(range.position + offset);
  const ssize_t wrote = ::sendfile(socket, range.fd, &position, length);
  if (wrote < 0) {
    if (errno == EINTR) return Progress::Idle;
    return is_would_block(errno) ? Progress::WouldBlock : Progress::Broken;
  }
  if (wrote == 0) return Progress::Broken;
  warm_ = false;
  sent += static_cast<std::uint64_t>(wrote);
  advance(static_cast<std::size_t>(wrote));
  return Progress::Idle;
}

void Output::advance(std::size_t bytes) {
  pending_bytes_ -= bytes;
  while (bytes > 0 || (!responses_.empty() && responses_.front().done())) {
    Response& front = responses_.front();
    const auto& pieces = front.payload.pieces();
    while (front.piece < pieces.size() && bytes > 0) {
      const std::uint64_t length = std::visit(
          [](const auto& piece) -> std::uint64_t {
            if constexpr (requires { piece.length; }) {
              return piece.length;
            } else {
              return piece.bytes.size();
            }
          },
          pieces[front.piece]);
      const auto of_piece =
          static_cast<std::size_t>(std::min<std::uint64_t>(bytes, length - front.offset));
      front.offset += of_piece;
      bytes -= of_piece;
      if (front.offset < length) break;
      ++front.piece;
      front.offset = 0;
    }
    if (!front.done()) continue;
    if (front.observer) front.observer->sent();
    responses_.pop_front();
  }
}

FileRange Output::cold_range() const {
  const Response& front = responses_.front();
  const FileRange& range = *file_at_front();
  return {range.owner, range.fd, range.position + front.offset, chunk_of(range, front.offset)};
}

void Output::mark_warm() {
  warm_ = true;
}

bool is_in_page_cache(int fd, std::uint64_t position, std::uint64_t length) {
  for (std::uint64_t at = 0; at < length; at += kProbeStep) {
    if (!is_byte_cached(fd, position + at)) return false;
  }
  return is_byte_cached(fd, position + length - 1);
}

void read_into_page_cache(const FileRange& range) {
  std::vector<std::byte> scratch(kProbeStep);
  for (std::uint64_t at = 0; at < range.length; at += kProbeStep) {
    const std::size_t length = std::min<std::uint64_t>(kProbeStep, range.length - at);
    // An error is found again, and handled, by the sendfile that follows.
    if (::pread(range.fd, scratch.data(), length, static_cast<off_t>(range.position + at)) <= 0) {
      return;
    }
  }
}

}  // namespace ottla::network
