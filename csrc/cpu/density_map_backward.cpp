#include "raz/density_map_backward.h"

#include <algorithm>
#include <cmath>

#include "cpu/density_axis.h"
#include "cpu/error_function.h"

namespace raz::cpu {
namespace {

constexpr int64_t tile = 256;  // columns whose shares are held at once

// A value and its derivative with respect to the centre.
struct Dual {
  double value;
  double slope;
};

// Twice the Gaussian's integral from the centre to an edge, which the image and the window cut.
Dual integral_to(const Axis& axis, double edge) {
  const double z = (std::min(edge, axis.length) - axis.centre) / axis.sigma;
  if (!(-window <= z && z <= window))
    return {erf_in_window((z < 0 ? -window : window) * M_SQRT1_2), 0};
  constexpr double peak = M_2_SQRTPI * M_SQRT1_2;
  return {erf_in_window(z * M_SQRT1_2), -peak * std::exp(-0.5 * z * z) / axis.sigma};
}

// What cuts leave of the Gaussian.
Dual mass_of(const Axis& axis) {
  const Dual begin = integral_to(axis, 0);
  const Dual end = integral_to(axis, axis.length);
  return {end.value - begin.value, end.slope - begin.slope};
}

// The share of a cell, begin and end being the integrals to its edges.
Dual share_of(const Dual& begin, const Dual& end, const Dual& mass) {
  const double share = (end.value - begin.value) / mass.value;
  return {share, (end.slope - begin.slope - share * mass.slope) / mass.value};
}

// Shares of cells [begin, begin + count) of an axis.
void axis_shares(const Axis& axis, int64_t begin, int64_t count, const Dual& mass, Dual* shares) {
  Dual left = integral_to(axis, static_cast<double>(begin) * axis.stride);
  for (int64_t j = 0; j < count; ++j) {
    const Dual right = integral_to(axis, static_cast<double>(begin + j + 1) * axis.stride);
    shares[j] = share_of(left, right, mass);
    left = right;
  }
}

struct Gradient {
  double x = 0;
  double y = 0;
};

Gradient head_gradient(View<const double, 3> grad, int64_t b, const Axis& across,
                       const Axis& down) {
  const Dual width = mass_of(across);
  const Dual height = mass_of(down);
  Gradient result;
  Dual columns[tile];
  for (int64_t left = across.first; left < across.last; left += tile) {
    const int64_t count = std::min(tile, across.last - left);
    axis_shares(across, left, count, width, columns);
    for (int64_t i = down.first; i < down.last; ++i) {
      Dual row;
      axis_shares(down, i, 1, height, &row);
      Dual sum{0, 0};
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
        result = head_gradient(grad, b, Axis(x, sigmas(n), grid.width, grid.stride, grad.size[2]),
                               Axis(y, sigmas(n), grid.height, grid.stride, grad.size[1]));
      }
      points_grad(n, 0) = result.x;
      points_grad(n, 1) = result.y;
    }
  });
}

}  // namespace raz::cpu
