// A short, repeatable run of a fuzz target without libFuzzer: inputs from a corpus, and damaged
// copies of them, by seed. `TARGET RUNS [CORPUS...]`: a file is an input; FILE.tsv:q and FILE.tsv:p
// are the requests and responses of recorded frames (q or p, API key, version, frame in hex); of
// +FILE a zero byte stands in front, where a target takes its options.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

constexpr std::size_t kLargestInput = 1 << 16;

Input from_hex(const std::string& text) {
  Input bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

/// Requests as they are; a response's API key and version stand in front of it.
std::vector<Input> read_frames(std::istream& file, const std::string& kind) {
  std::vector<Input> inputs;
  std::string frame_kind, key, version, hex;
  while (file >> frame_kind >> key >> version >> hex) {
    if (frame_kind != kind) continue;
    Input input;
    if (kind == "p") {
      input.push_back(static_cast<std::uint8_t>(std::stoi(key)));
      input.push_back(static_cast<std::uint8_t>(std::stoi(version)));
    }
    const Input frame = from_hex(hex);
    input.insert(input.end(), frame.begin(), frame.end());
    inputs.push_back(std::move(input));
  }
  return inputs;
}

std::vector<Input> read_corpus(const std::string& name) {
  constexpr std::string_view kFrames = ".tsv:";
  if (name.starts_with('+')) {
    std::vector<Input> inputs = read_corpus(name.substr(1));
    for (Input& input : inputs) input.insert(input.begin(), 0);
    return inputs;
  }
  const std::size_t frames = name.find(kFrames);
  const std::string path = frames == std::string::npos ? name : name.substr(0, frames + 4);
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::cerr << path << ": cannot be read\n";
    std::exit(2);
  }
  if (frames != std::string::npos) return read_frames(file, name.substr(frames + kFrames.size()));
  Input input(std::istreambuf_iterator<char>(file), {});
  input.resize(std::min(input.size(), kLargestInput));
  return {std::move(input)};
}

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t end) {
    return end == 0 ? 0 : std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }

  void damage(Input& input) {
    for (std::size_t times = 1 + below(4); times > 0; --times) damage_once(input);
    input.resize(std::min(input.size(), kLargestInput));
  }

 private:
  void damage_once(Input& input) {
    const std::size_t at = below(input.size());
    switch (below(6)) {
      case 0:
        if (!input.empty()) input[at] ^= static_cast<std::uint8_t>(1U << below(8));
        return;
      case 1:
        if (!input.empty()) input[at] = static_cast<std::uint8_t>(below(256));
        return;
      case 2:
        input.resize(at);
        return;
      case 3:
        input.insert(input.begin() + static_cast<std::ptrdiff_t>(at), 1 + below(8),
                     static_cast<std::uint8_t>(below(256)));
        return;
      case 4:
        overwrite_number(input, at);
        return;
      default:
        repeat_piece(input, at);
    }
  }

  /// Lengths and counts are what decoders trust too much.
  void overwrite_number(Input& input, std::size_t at) {
    constexpr std::uint32_t kNumbers[] = {0,          1,          0x7f,       0xff,
                                          0x7fff,     0xffff,     0x10000,    0x7fffffff,
                                          0x80000000, 0xffffffff, 0x00ffffff, 0x7ffffffe};
    const std::uint32_t number = kNumbers[below(std::size(kNumbers))];
    for (std::size_t i = 0; i < 4 && at + i < input.size(); ++i) {
      input[at + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
    }
  }

  void repeat_piece(Input& input, std::size_t at) {
    const std::size_t length = std::min<std::size_t>(below(64), input.size() - at);
    const Input piece(input.begin() + static_cast<std::ptrdiff_t>(at),
                      input.begin() + static_cast<std::ptrdiff_t>(at + length));
    input.insert(input.begin() + static_cast<std::ptrdiff_t>(at), piece.begin(), piece.end());
  }

  std::mt19937_64 random_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: " << argv[0] << " RUNS [CORPUS...]\n";
    return 2;
  }
  const std::uint64_t runs = std::strtoull(argv[1], nullptr, 10);
  std::vector<Input> corpus = {{}, Input(64, 0)};
  for (int i = 2; i < argc; ++i) {
    for (Input& input : read_corpus(argv[i])) corpus.push_back(std::move(input));
  }
  for (const Input& input : corpus) LLVMFuzzerTestOneInput(input.data(), input.size());
  for (std::uint64_t run = 0; run < runs; ++run) {
    Mutator mutator(run);  // by its number alone, so that a run can be repeated
    Input input = corpus[mutator.below(corpus.size())];
    mutator.damage(input);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::cout << corpus.size() << " inputs, " << runs << " damaged ones\n";
  return 0;
}
