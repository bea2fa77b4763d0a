#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ottla::load {

/// The flags of every command (main.cc says what they mean).
struct Options {
  std::string command;
  std::string bootstrap;
  std::string topic;
  std::int64_t megabytes = 0;
  std::int64_t requests = 0;
  double seconds = 0;
  std::size_t record_bytes = 1024;
  std::size_t batch_bytes = 65536;
  int acks = -1;
  int connections = 0;
  int in_flight = 1;
  int active = 0;
  int consumers = 1;
  bool once = false;
  bool random = false;
  int max_bytes = 1 << 20;
  double rate = 2000;
  std::string directory;
  std::vector<std::string> files;
  bool wait = false;
};

/// The commands, a file each.
void produce(const Options& options);
void fetch(const Options& options);
void commit(const Options& options);
void latency(const Options& options);
void sendfile_files(const Options& options);
void limits(const Options& options);

}  // namespace ottla::load
