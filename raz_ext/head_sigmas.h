// The standard deviation of every head of a density map, for the map and its gradient.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "raz/density_map.h"
#include "tensor.h"

namespace raz {

// On the CPU: float64 [N], sigma for every head, or adaptive ones without it.
inline Tensor head_sigmas(const Tensor& points, View<const int64_t, 1> images,
                          std::optional<double> sigma, const DensityGrid& grid) {
  const int64_t count = points.size(0);
  Tensor sigmas = new_empty(points, {count}, ScalarType::Double);
  if (sigma) {
    STD_TORCH_CHECK(*sigma > 0 && std::isfinite(*sigma), "raz: sigma must be positive and finite");
    std::fill_n(static_cast<double*>(sigmas.data_ptr()), count, *sigma);
  } else {
    std::vector<CongestionNode> nodes(count);
    cpu::adaptive_sigmas(view<const double, 2>(points), images, grid, nodes.data(),
                         view<double, 1>(sigmas), torch_parallel);
  }
  return sigmas;
}

}  // namespace raz
