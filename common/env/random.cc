#include "common/env/random.h"

#include <sys/random.h>

#include <glog/logging.h>

namespace ottla::env {

std::uint64_t SystemRandom::next() {
  std::uint64_t number = 0;
  PCHECK(getrandom(&number, sizeof number, 0) == sizeof number);
  return number;
}

}  // namespace ottla::env
