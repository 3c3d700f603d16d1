#include <exception>
#include <iostream>
#include <string>

#include "cuda/launch.h"
#include "testing.h"

namespace {

// Cases that launch blocks of threads run again with the threads in the other order.
void run(const raz::testing::Case& test) {
  const int64_t launches = raz::cuda::emulation::launches;
  test.run();
  if (raz::cuda::emulation::launches == launches) return;
  raz::cuda::emulation::descending = true;
  test.run();
}

}  // namespace

// native_tests [FIRST STEP]: runs every case, or every STEP-th from FIRST on, counted from 0.
// The last line counts them, the exit code is the number of failures.
int main(int count, char** arguments) {
  int passed = 0;
  int failed = 0;
  const size_t first = count == 3 ? std::stoul(arguments[1]) : 0;
  const size_t step = count == 3 ? std::stoul(arguments[2]) : 1;
  size_t index = 0;
  for (const auto& test : raz::testing::cases()) {
    if (index++ % step != first) continue;
    try {
      run(test);
      ++passed;
    } catch (const std::exception& error) {
      std::cout << "FAILED " << test.name << ": " << error.what() << "\n";
      ++failed;
    }
    raz::cuda::emulation::descending = false;
  }
  std::cout << passed << " passed, " << failed << " failed\n";
  return failed + (passed == 0 ? 1 : 0);
}
