// The standard deviation of every head of a density map, for the map and its gradient.
#pragma once

#include <cmath>
#include <optional>
#include <vector>

#include "raz/density_map.h"
#include "tensor.h"

namespace raz {

// Standard deviations of heads in pixels: `sigma`, or adaptive ones where there is none.
inline std::vector<double> sigmas_of(View<const double, 2> points, View<const int64_t, 1> batch,
                                     std::optional<double> sigma, DensityGrid grid) {
  const int64_t count = points.size[0];
  if (sigma) {
    STD_TORCH_CHECK(*sigma > 0 && std::isfinite(*sigma), "raz: sigma must be positive and finite");
    return std::vector<double>(count, *sigma);
  }
  std::vector<double> sigmas(count);
  std::vector<CongestionNode> nodes(count);
  cpu::adaptive_sigmas(points, batch, grid, nodes.data(), contiguous_view(sigmas.data(), count),
                       torch_parallel);
  return sigmas;
}

}  // namespace raz
