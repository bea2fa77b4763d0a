// ottla_config_doc [FILE]: writes docs/configuration.md from the tables, to FILE or to stdout.
#include <fstream>
#include <iostream>

#include "common/config/reference.h"

int main(int argc, char** argv) {
  if (argc > 2) {
    std::cerr << "usage: ottla_config_doc [FILE]\n";
    return 1;
  }
  if (argc < 2) {
    std::cout << ottla::config::reference();
    return 0;
  }
  std::ofstream file(argv[1]);
  file << ottla::config::reference();
  file.close();
  if (!file) {
    std::cerr << argv[1] << ": cannot be written\n";
    return 1;
  }
  return 0;
}
