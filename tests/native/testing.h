// Just enough to test kernels without torch: named cases, random data, bit comparison.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "raz/parallel.h"
#include "raz/view.h"

namespace raz::testing {

struct Case {
  std::string name;
  std::function<void()> run;
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

// Registers a case before main: `static const Register x("name", [] { ... });`
struct Register {
  Register(std::string name, std::function<void()> run) { cases().push_back({name, run}); }
};

inline void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

template <class T, class Same>
void require_entries(const std::vector<T>& a, const std::vector<T>& b, const std::string& what,
                     Same same) {
  require(a.size() == b.size(), what + ": sizes differ");
  for (size_t i = 0; i < a.size(); ++i) {
    if (same(a[i], b[i])) continue;  // the message takes longer than the kernel
    throw std::runtime_error(what + ": entry " + std::to_string(i) + " is " + std::to_string(a[i]) +
                             ", must be " + std::to_string(b[i]));
  }
}

// Bit equality: a NaN equals the same NaN, -0 differs from 0.
template <class T>
void require_same_bits(const std::vector<T>& a, const std::vector<T>& b, const std::string& what) {
  require_entries(a, b, what,
                  [](const T& x, const T& y) { return std::memcmp(&x, &y, sizeof(T)) == 0; });
}

// The same, but any NaN equals any other: which of two is kept by a sum, the compiler chooses.
template <class T>
void require_same_values(const std::vector<T>& a, const std::vector<T>& b,
                         const std::string& what) {
  require_entries(a, b, what, [](const T& x, const T& y) {
    return std::memcmp(&x, &y, sizeof(T)) == 0 || (x != x && y != y);
  });
}

// Values on a coarse grid in [low, high], so that ties are common and float sums stay exact.
template <class T>
std::vector<T> random_values(int64_t count, double low, double high, uint32_t seed) {
  std::mt19937 engine(seed);
  std::uniform_int_distribution<int64_t> draw(static_cast<int64_t>(low * 8),
                                              static_cast<int64_t>(high * 8));
  std::vector<T> values(static_cast<size_t>(count));
  for (T& value : values) value = static_cast<T>(static_cast<double>(draw(engine)) / 8);
  return values;
}

// Shapes (batch, height, width) that a kernel must survive.
inline constexpr int64_t shapes[][3] = {{0, 3, 4}, {2, 0, 5}, {2, 5, 0},   {1, 1, 1},   {1, 7, 1},
                                        {1, 1, 9}, {3, 5, 7}, {2, 33, 65}, {2, 4, 1100}};

// In pieces of 1, 2, 3, 1, ... items, every other one first: what a piece writes outside its own
// range is either too early or too late.
inline constexpr Parallel piecewise{[](int64_t count, int64_t, Parallel::Task task, void* context) {
  for (const int64_t parity : {0, 1}) {
    for (int64_t piece = 0, begin = 0, end; begin < count; ++piece, begin = end) {
      end = std::min(begin + piece % 3 + 1, count);
      if (piece % 2 == parity) task(context, begin, end);
    }
  }
}};

}  // namespace raz::testing
