#include "broker/status/process_metrics.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

namespace ottla::status {
namespace {

std::string read_file(const char* path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The number after `name` in lines of "name: number".
double number_after(const std::string& text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == std::string::npos) return -1;
  std::istringstream rest(text.substr(at + name.size()));
  double number = -1;
  rest >> number;
  return number;
}

class Text {
 public:
  void add(std::string_view name, std::string_view type, std::string_view doc, double value,
           std::string_view labels = "") {
    if (name != last_) {
      out_ += "# HELP " + std::string(name) + ' ' + std::string(doc) + "\n# TYPE " +
              std::string(name) + ' ' + std::string(type) + '\n';
      last_ = name;
    }
    std::array<char, 40> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out_ += std::string(name) + std::string(labels) + ' ' + std::string(digits.data(), end) + '\n';
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
  std::string last_;
};

/// Of /proc/self/stat, after the name in parentheses, which may hold anything.
struct Stat {
  double cpu_seconds = 0;
  double threads = 0;
  double start_ticks = 0;
};
Stat read_stat() {
  const std::string text = read_file("/proc/self/stat");
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string field;
  Stat stat;
  double ticks = 0;
  for (int number = 3; fields >> field; ++number) {
    if (number == 14 || number == 15) ticks += std::stod(field);  // utime, stime
    if (number == 20) stat.threads = std::stod(field);
    if (number == 22) stat.start_ticks = std::stod(field);
  }
  stat.cpu_seconds = ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
  return stat;
}

double open_files() {
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end;
       at.increment(error)) {
    ++count;
  }
  return count;
}

}  // namespace

DiskBytes disk_bytes() {
  const std::string io = read_file("/proc/self/io");
  return {.read = number_after(io, "\nread_bytes:"), .written = number_after(io, "\nwrite_bytes:")};
}

std::string process_text() {
  const Stat stat = read_stat();
  const std::string status = read_file("/proc/self/status");
  const double resident = number_after(status, "VmRSS:") * 1024;
  const double booted = number_after(read_file("/proc/stat"), "\nbtime ");
  const double heap = static_cast<double>(mallinfo2().uordblks);
  const double all =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  rlimit files{};
  (void)getrlimit(RLIMIT_NOFILE, &files);  // 0 if it is not known

  Text text;
  text.add("process_cpu_seconds_total", "counter", "Processor time.", stat.cpu_seconds);
  text.add("process_resident_memory_bytes", "gauge", "Memory in use.", resident);
  text.add("process_virtual_memory_bytes", "gauge", "Address space.",
           number_after(status, "VmSize:") * 1024);
  text.add("process_open_fds", "gauge", "Open files and sockets.", open_files());
  text.add("process_max_fds", "gauge", "The most files and sockets.",
           static_cast<double>(files.rlim_cur));
  text.add("process_start_time_seconds", "gauge", "When the process began.",
           booted + stat.start_ticks / static_cast<double>(sysconf(_SC_CLK_TCK)));
  text.add("process_threads", "gauge", "Threads.", stat.threads);
  text.add("jvm_threads_current", "gauge", "There is no JVM: threads of the process.",
           stat.threads);
  for (const char* name : {"jvm_memory_used_bytes", "jvm_memory_bytes_used"}) {
    text.add(name, "gauge", "There is no JVM: memory of the process.", heap, "{area=\"heap\"}");
    text.add(name, "gauge", "", resident - heap, "{area=\"native\"}");
  }
  for (const char* name : {"jvm_memory_max_bytes", "jvm_memory_bytes_max"}) {
    text.add(name, "gauge", "There is no JVM: memory of the machine.", all, "{area=\"heap\"}");
  }
  text.add("jvm_gc_collection_seconds_sum", "counter", "There is no garbage collection.", 0,
           "{gc=\"none\"}");
  text.add("jvm_gc_collection_seconds_count", "counter", "There is no garbage collection.", 0,
           "{gc=\"none\"}");
  return text.take();
}

}  // namespace ottla::status
