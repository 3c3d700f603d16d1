// The smoothed map of find_peaks, pixel by pixel: one definition for every device.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "raz/view.h"

namespace raz {

// How many of i - 1, i, i + 1 lie in [0, size).
RAZ_HOST_DEVICE inline int64_t inside(int64_t i, int64_t size) {
  return (i + 2 < size ? i + 2 : size) - (i > 1 ? i - 1 : 0);
}

// smooth 1: the pixel; 3: the mean of the pixels around it inside the image.
RAZ_HOST_DEVICE inline float smoothed_at(View<const float, 2> image, int64_t y, int64_t x,
                                         int64_t smooth) {
  if (smooth == 1) return image(y, x);
  const int64_t height = image.size[0];
  const int64_t width = image.size[1];
  const bool interior = y > 0 && y + 1 < height && x > 0 && x + 1 < width;
  float row[3];
  for (int64_t dy = -1; dy <= 1; ++dy) {
    float pixel[3] = {0.0f, 0.0f, 0.0f};
    for (int64_t dx = -1; dx <= 1; ++dx) {
      const bool in = interior || (y + dy >= 0 && y + dy < height && x + dx >= 0 && x + dx < width);
      if (in) pixel[dx + 1] = image(y + dy, x + dx);
    }
    row[dy + 1] = (pixel[0] + pixel[1]) + pixel[2];
  }
  const auto n = static_cast<float>(inside(y, height) * inside(x, width));
  return ((row[0] + row[1]) + row[2]) / n;
}

RAZ_HOST_DEVICE inline View<const float, 2> image_of(const View<const float, 3>& x, int64_t b) {
  return {x.data + b * x.stride[0], {x.size[1], x.size[2]}, {x.stride[1], x.stride[2]}};
}

// Below them lies no sum of the pixels around a candidate: `inner` where all nine are inside the
// image, `outer` anywhere.
struct SumLimits {
  float inner;
  float outer;
};

inline SumLimits sum_limits(float threshold, int64_t smooth) {
  if (smooth == 1) return {threshold, threshold};
  const auto limit = [&](float n) {
    // The margin covers the rounding of product and quotient, of subnormal numbers too.
    const float sum = std::min(threshold * n, std::numeric_limits<float>::max());
    return sum - std::abs(sum) * 0x1p-20f - std::numeric_limits<float>::min();
  };
  return {limit(9), std::min(limit(1), limit(9))};
}

}  // namespace raz
