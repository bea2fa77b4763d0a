#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "bench/load/loopback.h"
#include "bench/load/options.h"
#include "bench/load/outcome.h"

namespace ottla::load {
namespace {

constexpr std::size_t kPiece = 1 << 20;  ///< What a fetch has of a partition.

void send_piece(const std::vector<int>& sockets, int file, off_t at, std::size_t size) {
  for (const int fd : sockets) {
    off_t from = at;
    std::size_t left = size;
    while (left > 0) {
      const ssize_t sent = ::sendfile(fd, file, &from, left);
      if (sent <= 0) die("sendfile failed");
      left -= static_cast<std::size_t>(sent);
    }
  }
}

}  // namespace

void sendfile_files(const Options& options) {
  const std::int64_t wanted = options.megabytes << 20;
  const Exchange exchange =
      send_over_loopback(options.consumers, [&](const std::vector<int>& sockets) {
        std::int64_t sent = 0;
        while (sent < wanted) {
          const std::int64_t before = sent;
          for (const std::string& path : options.files) {
            const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
            struct stat status{};
            if (file < 0 || fstat(file, &status) != 0) die(path + " cannot be read");
            for (off_t at = 0; at < status.st_size && sent < wanted; at += kPiece) {
              const auto size =
                  std::min<std::size_t>(kPiece, static_cast<std::size_t>(status.st_size - at));
              send_piece(sockets, file, at, size);
              sent += static_cast<std::int64_t>(size * sockets.size());
            }
            close(file);
          }
          if (sent == before) die("the files are empty");
        }
      });
  std::printf("{\"bytes\":%lld,\"seconds\":%.4f,\"cpu_seconds_per_gb\":%.4f}\n",
              static_cast<long long>(exchange.bytes), exchange.seconds,
              exchange.server_cpu_seconds / exchange.gigabytes());
}

}  // namespace ottla::load
