// ottla-load: the loads of bench/, the same for every broker under comparison.
//
// Throughput comes from requests that are built once and sent on raw sockets by one thread, so that
// the brokers are what is measured; latency is that of librdkafka. Each command prints one JSON
// object.
#include <boost/program_options.hpp>
#include <iostream>
#include <map>

#include "bench/load/options.h"
#include "bench/load/outcome.h"

namespace po = boost::program_options;
using ottla::load::Options;

namespace {

constexpr const char* kUsage = R"(ottla-load COMMAND [flags]
  produce   the same batch to the partitions of a topic, in turn
  fetch     all partitions of a topic, by --consumers
  commit    offsets of groups without members, one on each connection
  latency   from when a record was due until librdkafka's consumer has it
  sendfile  what the kernel needs to send --file to --consumers over loopback
  limits    what this machine needs for a GB over loopback, into the page cache, onto the disk, by CRC32C

flags)";

po::options_description flags_into(Options& to) {
  po::options_description flags(kUsage);
  auto add = flags.add_options();
  add("command", po::value(&to.command));
  add("bootstrap-server", po::value(&to.bootstrap));
  add("topic", po::value(&to.topic));
  add("megabytes", po::value(&to.megabytes), "end after so many");
  add("requests", po::value(&to.requests), "end after so many");
  add("seconds", po::value(&to.seconds), "end then");
  add("record-bytes", po::value(&to.record_bytes), "bytes of a value");
  add("batch-bytes", po::value(&to.batch_bytes), "as many records in a batch as fit");
  add("acks", po::value(&to.acks), "-1 or 1");
  add("connections", po::value(&to.connections), "over all leaders; at least one for each");
  add("in-flight", po::value(&to.in_flight), "requests under way on each connection");
  add("active", po::value(&to.active), "requests under way over all connections");
  add("consumers", po::value(&to.consumers), "each has a connection to every leader");
  add("once", po::bool_switch(&to.once), "end at the end, instead of beginning again");
  add("random", po::bool_switch(&to.random), "fetch from random offsets");
  add("max-bytes", po::value(&to.max_bytes), "of a partition in a fetch");
  add("rate", po::value(&to.rate), "records each second (latency)");
  add("directory", po::value(&to.directory), "where limits writes");
  add("file", po::value(&to.files)->composing(), "what sendfile sends");
  add("wait", po::bool_switch(&to.wait), "say \"ready\", begin at a line on standard input");
  return flags;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  const po::options_description flags = flags_into(options);
  po::positional_options_description positions;
  positions.add("command", 1);
  try {
    po::variables_map given;
    po::store(po::command_line_parser(argc, argv).options(flags).positional(positions).run(),
              given);
    po::notify(given);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n' << flags;
    return 2;
  }
  const std::map<std::string, void (*)(const Options&)> commands = {
      {"produce", ottla::load::produce},         {"fetch", ottla::load::fetch},
      {"commit", ottla::load::commit},           {"latency", ottla::load::latency},
      {"sendfile", ottla::load::sendfile_files}, {"limits", ottla::load::limits}};
  const auto command = commands.find(options.command);
  if (command == commands.end()) {
    std::cerr << flags;
    return 2;
  }
  command->second(options);
  return 0;
}
