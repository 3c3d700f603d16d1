// Runs a target where there is no libFuzzer: files as they are, then random changes of them.
//
//   fuzz_<operator> [-runs=N] [-max_total_time=SECONDS] [-seed=N] [-artifact_prefix=PATH] FILES...
//
// FILES may be folders. The options are libFuzzer's, and mean the same; without one of the first
// two nothing is changed. The input at which a run ends is left in PATHcrash; the exit code is 1.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
extern "C" void __sanitizer_set_death_callback(void (*callback)());
#define RAZ_HAS_DEATH_CALLBACK 1
#endif

namespace {

using Input = std::vector<uint8_t>;

constexpr size_t most_bytes = 4096;

struct Options {
  int64_t runs = 0;
  double seconds = 0;
  uint64_t seed = 1;
  std::string artifact_prefix;
  std::vector<Input> inputs;
};

Input current;
std::string crash_file;

void keep_current() {
  std::ofstream(crash_file, std::ios::binary)
      .write(reinterpret_cast<const char*>(current.data()),
             static_cast<std::streamsize>(current.size()));
}

void watch() {
#ifdef RAZ_HAS_DEATH_CALLBACK
  __sanitizer_set_death_callback(keep_current);
#else
  const auto keep_and_end = [](int) {
    keep_current();
    std::_Exit(1);
  };
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGILL}) std::signal(signal, keep_and_end);
#endif
}

Input read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Input(std::istreambuf_iterator<char>(file), {});
}

void add(const std::filesystem::path& path, std::vector<Input>& inputs) {
  if (!std::filesystem::exists(path)) throw std::runtime_error("there is no " + path.string());
  if (!std::filesystem::is_directory(path)) return inputs.push_back(read(path));
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());  // a seed means the same everywhere
  for (const auto& file : files) inputs.push_back(read(file));
}

Options parsed(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    const std::string value = argument.substr(argument.find('=') + 1);
    if (argument.starts_with("-runs=")) {
      options.runs = std::stoll(value);
    } else if (argument.starts_with("-max_total_time=")) {
      options.seconds = std::stod(value);
    } else if (argument.starts_with("-seed=")) {
      options.seed = std::stoull(value);
    } else if (argument.starts_with("-artifact_prefix=")) {
      options.artifact_prefix = value;
    } else {
      add(argument, options.inputs);
    }
  }
  return options;
}

class Mutator {
 public:
  Mutator(uint64_t seed, const std::vector<Input>& inputs) : engine_(seed), inputs_(inputs) {}

  Input next() {
    Input input = inputs_.empty() ? Input(draw(64), 0) : inputs_[draw(inputs_.size())];
    for (size_t changes = 1 + draw(8); changes > 0; --changes) change(input);
    if (input.size() > most_bytes) input.resize(most_bytes);
    return input;
  }

 private:
  size_t draw(size_t count) { return engine_() % count; }

  void change(Input& input) {
    const size_t at = draw(input.size() + 1);
    const auto place = input.begin() + static_cast<std::ptrdiff_t>(at);
    const auto value = static_cast<uint8_t>(engine_());
    switch (draw(5)) {
      case 0:
        input.insert(place, 1 + draw(16), value);
        break;
      case 1:
        input.erase(place, place + static_cast<std::ptrdiff_t>(draw(input.size() - at + 1)));
        break;
      case 2: {  // the end of another
        if (inputs_.empty()) break;
        const Input& other = inputs_[draw(inputs_.size())];
        const auto from = other.begin() + static_cast<std::ptrdiff_t>(draw(other.size() + 1));
        input.erase(place, input.end());
        input.insert(input.end(), from, other.end());
        break;
      }
      case 3:
        if (at < input.size()) input[at] ^= static_cast<uint8_t>(1 << draw(8));
        break;
      default:
        if (at < input.size()) input[at] = value;
    }
  }

  std::mt19937_64 engine_;
  const std::vector<Input>& inputs_;
};

void run(const Options& options) {
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  const auto try_input = [](Input input) {
    current = std::move(input);
    LLVMFuzzerTestOneInput(current.data(), current.size());
  };
  for (const Input& input : options.inputs) try_input(input);
  Mutator mutator(options.seed, options.inputs);
  int64_t runs = 0;
  const auto goes_on = [&] {
    if (options.runs > 0 && runs >= options.runs) return false;
    return options.seconds > 0 ? seconds() < options.seconds : options.runs > 0;
  };
  for (; goes_on(); ++runs) try_input(mutator.next());
  std::cout << "Done " << runs + static_cast<int64_t>(options.inputs.size()) << " runs in "
            << seconds() << " second(s)\n";
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const Options options = parsed(count, arguments);
    crash_file = options.artifact_prefix + "crash";
    watch();
    try {
      run(options);
    } catch (const std::exception&) {
      keep_current();
      throw;
    }
  } catch (const std::exception& error) {
    std::cerr << "FAILED " << error.what() << "\n";
    return 1;
  }
}
