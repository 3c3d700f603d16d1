#include <exception>
#include <iostream>

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

// Runs every case; the last line counts them, the exit code is the number of failures.
int main() {
  int passed = 0;
  int failed = 0;
  for (const auto& test : raz::testing::cases()) {
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
