// ottla-micro: microbenchmarks (Google Benchmark) of what a request meets on its way. Its flags are
// the library's:
// --benchmark_filter=append --benchmark_repetitions=5
#include <benchmark/benchmark.h>
#include <glog/logging.h>

int main(int argc, char** argv) {
  google::InitGoogleLogging(argv[0]);
  FLAGS_logtostderr = true;
  FLAGS_minloglevel = google::GLOG_WARNING;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
