#include "raz/density_map_backward.h"

#include <algorithm>
#include <cmath>

#include "raz/density_axis.h"

namespace raz::cpu {
namespace {

constexpr int64_t tile = 256;  // columns whose shares are held at once

// Shares of cells [begin, begin + count) of an axis.
void axis_shares(const DensityAxis& axis, int64_t begin, int64_t count, const DensityDual& mass,
                 DensityDual* shares) {
  DensityDual left = density_integral(axis, axis.deviations_to(begin));
  for (int64_t j = 0; j < count; ++j) {
    const DensityDual right = density_integral(axis, axis.deviations_to(begin + j + 1));
    shares[j] = density_share(left, right, mass);
    left = right;
  }
}

struct Gradient {
  double x = 0;
  double y = 0;
};

Gradient head_gradient(View<const double, 3> grad, int64_t b, const DensityAxis& across,
                       const DensityAxis& down) {
  const DensityDual width = density_mass_dual(across);
  const DensityDual height = density_mass_dual(down);
  Gradient result;
  DensityDual columns[tile];
  for (int64_t left = across.first; left < across.last; left += tile) {
    const int64_t count = std::min(tile, across.last - left);
    axis_shares(across, left, count, width, columns);
    for (int64_t i = down.first; i < down.last; ++i) {
      DensityDual row;
      axis_shares(down, i, 1, height, &row);
      DensityDual sum{0, 0};
      for (int64_t j = 0; j < count; ++j) {
        sum.value += grad(b, i, left + j) * columns[j].value;
        sum.slope += grad(b, i, left + j) * columns[j].slope;
      }
      result.x += row.value * sum.slope;
      result.y += row.slope * sum.value;
    }
  }
  return result;
}

}  // namespace

void density_map_backward(View<const double, 3> grad, View<const double, 2> points,
                          View<const int64_t, 1> batch, View<const double, 1> sigmas,
                          DensityGrid grid, View<double, 2> points_grad, const Parallel& parallel) {
  const auto height = static_cast<double>(grid.height);
  const auto width = static_cast<double>(grid.width);
  parallel(points.size[0], 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const int64_t b = image_of(batch, n);
      const double x = points(n, 0);
      const double y = points(n, 1);
      Gradient result;
      if (0 <= b && b < grad.size[0] && 0 <= x && x <= width && 0 <= y && y <= height) {
        result =
            head_gradient(grad, b, DensityAxis(x, sigmas(n), grid.width, grid.stride, grad.size[2]),
                          DensityAxis(y, sigmas(n), grid.height, grid.stride, grad.size[1]));
      }
      points_grad(n, 0) = result.x;
      points_grad(n, 1) = result.y;
    }
  });
}

}  // namespace raz::cpu
