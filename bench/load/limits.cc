#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>

#include "bench/load/loopback.h"
#include "bench/load/options.h"
#include "bench/load/outcome.h"
#include "common/base/checksum.h"

namespace ottla::load {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::size_t kBatch = 64 << 10;

double seconds_since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

std::vector<std::byte> random_bytes(std::size_t size) {
  std::vector<std::byte> bytes(size);
  std::mt19937 random(1);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

/// A file that is gone when this is.
class Scratch {
 public:
  explicit Scratch(const std::string& directory) : path_(directory + "/limits-XXXXXX") {
    fd_ = mkstemp(path_.data());
    if (fd_ < 0) die("cannot write in " + directory);
  }
  ~Scratch() {
    close(fd_);
    unlink(path_.c_str());
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  std::string path_;
  int fd_ = -1;
};

void report(const char* name, double value) {
  std::printf("\"%s\":%.5f,\n", name, value);
}

void loopback(std::int64_t bytes, const std::vector<std::byte>& data) {
  const Exchange stream = send_over_loopback(1, [&](const std::vector<int>& sockets) {
    for (std::int64_t sent = 0; sent < bytes;) {
      const ssize_t more = send(sockets[0], data.data(), data.size(), MSG_NOSIGNAL);
      if (more <= 0) die("send failed");
      sent += more;
    }
  });
  report("tcp send CPU-s/GB", stream.server_cpu_seconds / stream.gigabytes());
  report("tcp receive CPU-s/GB", stream.client_cpu_seconds / stream.gigabytes());
  report("tcp GB/s", stream.gigabytes() / stream.seconds);
  const Exchange questions = ask_over_loopback(32, 200, 1.0);
  const double trips = static_cast<double>(questions.bytes);
  report("round trip server CPU-us", questions.server_cpu_seconds * 1e6 / trips);
  report("round trips/s per server CPU-s", trips / questions.server_cpu_seconds);
  const Exchange alone = ask_over_loopback(1, 200, 0.5);
  report("round trip ms", alone.seconds * 1e3 / static_cast<double>(alone.bytes));
}

void checksum(std::int64_t bytes, const std::vector<std::byte>& data) {
  const auto begin = SteadyClock::now();
  std::uint32_t crc = 0;
  std::int64_t done = 0;
  for (; done < bytes; done += static_cast<std::int64_t>(kBatch)) {
    crc = crc32c(ByteView(data).first(kBatch), crc);
  }
  const double seconds = seconds_since(begin);
  if (crc == 1) std::puts("");  // its result is used
  report("CRC32C CPU-s/GB", seconds / (static_cast<double>(done) / 1e9));
}

void disk(std::int64_t bytes, const std::string& directory, const std::vector<std::byte>& data) {
  const Scratch file(directory);
  const double gigabytes = static_cast<double>(bytes) / 1e9;
  const double before = own_cpu_seconds();
  const auto begin = SteadyClock::now();
  for (std::int64_t at = 0; at < bytes; at += static_cast<std::int64_t>(kBatch)) {
    if (pwrite(file.fd(), data.data(), kBatch, at) != static_cast<ssize_t>(kBatch)) {
      die("pwrite failed");
    }
  }
  report("page cache write CPU-s/GB", (own_cpu_seconds() - before) / gigabytes);
  report("page cache write GB/s", gigabytes / seconds_since(begin));
  fdatasync(file.fd());
  report("disk write GB/s", gigabytes / seconds_since(begin));
  const double before_reading = own_cpu_seconds();
  std::vector<std::byte> piece(kBatch);
  for (std::int64_t at = 0; at < bytes; at += static_cast<std::int64_t>(kBatch)) {
    if (pread(file.fd(), piece.data(), kBatch, at) <= 0) die("pread failed");
  }
  report("page cache read CPU-s/GB", (own_cpu_seconds() - before_reading) / gigabytes);
  posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);
  const auto reading = SteadyClock::now();
  std::vector<std::byte> buffer(1 << 20);
  while (read(file.fd(), buffer.data(), buffer.size()) > 0) {
  }
  report("disk read GB/s", gigabytes / seconds_since(reading));
  std::vector<std::int64_t> syncs;
  for (int i = 0; i < 50; ++i) {
    if (pwrite(file.fd(), data.data(), 4096, i * 4096) != 4096) die("pwrite failed");
    const auto sync = SteadyClock::now();
    fdatasync(file.fd());
    syncs.push_back((SteadyClock::now() - sync).count());
  }
  std::ranges::sort(syncs);
  report("fdatasync p50 ms", quantile(syncs, 0.5) / 1e6);
}

}  // namespace

void limits(const Options& options) {
  const std::int64_t bytes = std::max<std::int64_t>(options.megabytes, 16) << 20;
  const std::vector<std::byte> data = random_bytes(1 << 20);
  std::puts("{");
  std::fflush(stdout);
  loopback(bytes, data);
  checksum(bytes, data);
  disk(bytes, options.directory, data);
  std::printf("\"megabytes\":%lld}\n", static_cast<long long>(options.megabytes));
}

}  // namespace ottla::load
