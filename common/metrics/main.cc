// ottla_metrics_doc [FILE]: writes docs/metrics.md from the tables, to FILE or to stdout.
#include <fstream>
#include <iostream>

#include "common/metrics/reference.h"

int main(int argc, char** argv) {
  if (argc > 2) {
    std::cerr << "usage: ottla_metrics_doc [FILE]\n";
    return 1;
  }
  if (argc < 2) {
    std::cout << ottla::metrics::reference();
    return 0;
  }
  std::ofstream file(argv[1]);
  file << ottla::metrics::reference();
  file.close();
  if (!file) {
    std::cerr << argv[1] << ": cannot be written\n";
    return 1;
  }
  return 0;
}
