// Where the anchors of region proposals lie: counter-based random points, and boxes around them.
#pragma once

#include <cmath>

#include "raz/view.h"

namespace raz {

// A bijection of 64-bit words in which every input bit moves every output bit: the finaliser of
// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014; the constants are D. Stafford's variant 13).
RAZ_HOST_DEVICE inline uint64_t mix_bits(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// 64 random bits of a counter: output `index` of SplitMix64 started from mix_bits(seed). Seeds are
// mixed first because close seeds would give shifted copies of one sequence.
RAZ_HOST_DEVICE inline uint64_t random_bits(int64_t seed, int64_t index) {
  constexpr uint64_t golden_ratio = 0x9E3779B97F4A7C15u;  // 2^64 / phi, odd
  const uint64_t step = static_cast<uint64_t>(index) + 1;
  return mix_bits(mix_bits(static_cast<uint64_t>(seed)) + step * golden_ratio);
}

struct Point {
  double x, y;
};

// x from bits 40 to 63, y from bits 16 to 39, each as a fraction k / 2^24 of the map's side.
RAZ_HOST_DEVICE inline Point random_point(int64_t seed, int64_t index, int64_t height,
                                          int64_t width) {
  constexpr double unit = 1.0 / (1 << 24);
  const uint64_t bits = random_bits(seed, index);
  const auto u = static_cast<double>(bits >> 40) * unit;
  const auto v = static_cast<double>((bits >> 16) & 0xFFFFFFu) * unit;
  return {static_cast<double>(width) * u, static_cast<double>(height) * v};
}

// Writes the box of area side^2 and width / height = ratio around the point, clipped to the map.
RAZ_HOST_DEVICE inline void anchor_box(Point centre, double side, double ratio, int64_t height,
                                       int64_t width, float (&box)[4]) {
  const double root = std::sqrt(ratio);
  const double half_width = side * root * 0.5;
  const double half_height = side / root * 0.5;
  const double x2 = centre.x + half_width;
  const double y2 = centre.y + half_height;
  const auto right = static_cast<double>(width);
  const auto bottom = static_cast<double>(height);
  box[0] = static_cast<float>(centre.x > half_width ? centre.x - half_width : 0.0);
  box[1] = static_cast<float>(centre.y > half_height ? centre.y - half_height : 0.0);
  box[2] = static_cast<float>(x2 < right ? x2 : right);
  box[3] = static_cast<float>(y2 < bottom ? y2 : bottom);
}

}  // namespace raz
