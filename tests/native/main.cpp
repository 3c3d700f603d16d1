#include <exception>
#include <iostream>

#include "testing.h"

// Runs every case; the last line counts them, the exit code is the number of failures.
int main() {
  int passed = 0;
  int failed = 0;
  for (const auto& test : raz::testing::cases()) {
    try {
      test.run();
      ++passed;
    } catch (const std::exception& error) {
      std::cout << "FAILED " << test.name << ": " << error.what() << "\n";
      ++failed;
    }
  }
  std::cout << passed << " passed, " << failed << " failed\n";
  return failed + (passed == 0 ? 1 : 0);
}
