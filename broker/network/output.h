#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "broker/network/request.h"
#include "common/base/fifo.h"
#include "common/base/payload.h"

namespace ottla::network {

/// The responses of one connection on their way out, in order: memory by writev, files by sendfile.
/// Thread: loop.
class Output {
 public:
  enum class Progress : std::uint8_t {
    Idle,        ///< All is sent.
    WouldBlock,  ///< The socket is full: wait until it is writable.
    Yield,       ///< Enough for one turn: others of the loop come first.
    Cold,        ///< `cold_range` is not in the page cache: read it on the I/O pool first.
    Broken,      ///< The connection is gone, or a file is shorter than promised.
  };

  /// Adds one response: a whole frame.
  void add(Payload response, std::shared_ptr<AnswerObserver> observer = nullptr);
  /// Sends what the non-blocking `socket` takes.
  [[nodiscard]] Progress send(int socket);
  [[nodiscard]] FileRange cold_range() const;
  /// After `cold_range` was read: it is sent without another look at the cache.
  void mark_warm();

  [[nodiscard]] bool empty() const { return responses_.empty(); }
  /// Responses of which something still waits here.
  [[nodiscard]] std::size_t size() const { return responses_.size(); }
  /// Bytes that still wait here.
  [[nodiscard]] std::uint64_t pending_bytes() const { return pending_bytes_; }

 private:
  struct Response {
    Payload payload;
    std::shared_ptr<AnswerObserver> observer;
    std::size_t piece = 0;     ///< The first piece that is not sent completely.
    std::uint64_t offset = 0;  ///< What is sent of it.
    [[nodiscard]] bool done() const { return piece == payload.pieces().size(); }
  };

  [[nodiscard]] const FileRange* file_at_front() const;
  Progress send_memory(int socket, std::uint64_t& sent);
  Progress send_file(int socket, const FileRange& range, std::uint64_t& sent);
  void advance(std::size_t bytes);
  [[nodiscard]] static std::uint64_t chunk_of(const FileRange& range, std::uint64_t offset);

  Fifo<Response> responses_;
  std::uint64_t pending_bytes_ = 0;
  bool warm_ = false;  ///< The chunk at the front was just read by the I/O pool.
};

/// Whether the range can be sent without waiting for the disk: probes it, never blocks.
[[nodiscard]] bool is_in_page_cache(int fd, std::uint64_t position, std::uint64_t length);
/// Reads the range, so that it is in the page cache. May block: on the I/O pool only.
void read_into_page_cache(const FileRange& range);

}  // namespace ottla::network
