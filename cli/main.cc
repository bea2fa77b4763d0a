#include <iostream>
#include <string>
#include <vector>

#include <glog/logging.h>
#include <unistd.h>

#include "cli/environment.h"
#include "cli/terminal.h"
#include "cli/tool.h"

int main(int argc, char** argv) {
  FLAGS_logtostderr = true;
  FLAGS_minloglevel = google::GLOG_WARNING;
  google::InitGoogleLogging(argv[0]);
  std::ios::sync_with_stdio(false);

  std::vector<std::string> words(argv + 1, argv + argc);
  // A link named kafka-topics.sh is that tool.
  const std::string_view name(argv[0]);
  const auto base = name.substr(name.rfind('/') == name.npos ? 0 : name.rfind('/') + 1);
  if (base.starts_with("kafka-") || base.starts_with("zookeeper-"))
    words.insert(words.begin(), std::string(base));

  const auto columns_of = [](int descriptor) {
    return ottla::cli::terminal_columns(descriptor, ottla::cli::variable_of_process);
  };
  ottla::cli::Console console{std::cin, std::cout, std::cerr, columns_of(STDOUT_FILENO),
                              columns_of(STDERR_FILENO)};
  const int code = ottla::cli::run(words, console);
  std::cout.flush();
  return std::cout ? code : 1;
}
