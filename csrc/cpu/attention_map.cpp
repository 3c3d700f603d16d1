#include "raz/attention_map.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace raz::cpu {
namespace {

constexpr int64_t tile = 512;  // pixels of a row whose distances are held at once

struct Head {
  double x;
  double y;
};

// The marked heads inside the images, by image and then from top to bottom.
class MarkedHeads {
 public:
  MarkedHeads(View<const double, 2> points, View<const int64_t, 1> batch,
              View<const double, 1> congestion, const AttentionGrid& grid, int64_t images,
              int64_t* order)
      : points_(points), batch_(batch), order_(order), end_(order) {
    for (int64_t n = 0; n < points.size[0]; ++n) {
      const double x = points(n, 0);
      const double y = points(n, 1);
      // False for a NaN.
      const bool inside = 0 <= x && x <= double(grid.width) && 0 <= y && y <= double(grid.height);
      const bool of_batch = 0 <= image(n) && image(n) < images;
      if (inside && of_batch && congestion(n) < grid.limit) *end_++ = n;
    }
    std::sort(order_, end_, [this](int64_t a, int64_t b) {
      return image(a) != image(b) ? image(a) < image(b) : points_(a, 1) < points_(b, 1);
    });
  }

  // The first of an image whose y is at least that.
  const int64_t* from(int64_t wanted, double y) const {
    return std::partition_point(order_, end_, [&](int64_t n) {
      return image(n) != wanted ? image(n) < wanted : points_(n, 1) < y;
    });
  }

  Head head(int64_t n) const { return {points_(n, 0), points_(n, 1)}; }

 private:
  int64_t image(int64_t n) const { return batch_.data == nullptr ? 0 : batch_(n); }

  View<const double, 2> points_;
  View<const int64_t, 1> batch_;
  int64_t* order_;
  int64_t* end_;
};

// Lowers the squared distances of pixels [left, right) of a row where the head is nearer.
void approach(const Head& head, int64_t reach, int64_t row, int64_t left, int64_t right,
              double* squared) {
  const auto column = static_cast<int64_t>(head.x);
  const int64_t begin = std::max(left, column - reach);
  const int64_t end = std::min(right, column + reach + 1);
  if (begin >= end) return;  // the head may be too far away for 32 bits
  const double dy = double(row) + 0.5 - head.y;
  const double dy_squared = dy * dy;
  const double x = double(left) + 0.5 - head.x;
  for (auto j = static_cast<int32_t>(begin - left); j < end - left; ++j) {
    const double dx = x + double(j);
    squared[j] = std::min(squared[j], dx * dx + dy_squared);
  }
}

// The distance is divided, not its square: sigma may be so small that its square is 0.
double gaussian(double squared, double sigma) {
  const double z = std::sqrt(squared) / sigma;
  return std::exp(-0.5 * z * z);
}

}  // namespace

// The unit of work is a row of cells of the whole batch.
void attention_map(View<const double, 2> points, View<const int64_t, 1> batch,
                   View<const double, 1> congestion, AttentionGrid grid, int64_t* order,
                   View<double, 3> map, const Parallel& parallel) {
  const int64_t rows = map.size[1];
  const int64_t columns = map.size[2];
  if (map.numel() == 0) return;
  const MarkedHeads heads(points, batch, congestion, grid, map.size[0], order);
  const double longest = double(std::max(grid.height, grid.width));
  const auto reach = static_cast<int64_t>(std::min(std::ceil(4 * grid.sigma), longest));
  parallel(map.size[0] * rows, 4, [&](int64_t begin, int64_t end) {
    double squared[tile];
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t b = unit / rows;
      const int64_t i = unit % rows;
      const int64_t top = i * grid.stride;
      const int64_t bottom = std::min(top + grid.stride, grid.height);
      for (int64_t j = 0; j < columns; ++j) map(b, i, j) = 0;
      for (int64_t row = top; row < bottom; ++row) {
        const int64_t* first = heads.from(b, double(row - reach));
        const int64_t* last = heads.from(b, double(row + reach + 1));
        if (first == last) continue;
        for (int64_t left = 0; left < grid.width; left += tile) {
          const int64_t right = std::min(left + tile, grid.width);
          std::fill_n(squared, right - left, std::numeric_limits<double>::infinity());
          for (const int64_t* n = first; n != last; ++n) {
            approach(heads.head(*n), reach, row, left, right, squared);
          }
          for (int64_t j = left; j < right; ++j) {
            if (std::isinf(squared[j - left])) continue;
            map(b, i, j / grid.stride) += gaussian(squared[j - left], grid.sigma);
          }
        }
      }
      for (int64_t j = 0; j < columns; ++j) {
        const int64_t wide = std::min(grid.stride, grid.width - j * grid.stride);
        map(b, i, j) /= double((bottom - top) * wide);
      }
    }
  });
}

}  // namespace raz::cpu
