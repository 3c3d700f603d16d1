// The standard deviation of every head of a density map on a CUDA device, for the map and its
// gradient.
#pragma once

#include <cmath>
#include <optional>

#include "check.h"
#include "cuda_stream.h"
#include "raz/density_map.h"

namespace raz {

// Two numbers for every 256 heads: the workspace of congestion, adaptive sigmas and attention maps.
inline Tensor image_ranges(const Tensor& points) {
  return new_empty(points, {(points.size(0) + 255) / 256 * 2}, ScalarType::Long);
}

// As sigmas_of of head_sigmas.h, [N] in double.
inline Tensor sigmas_of_cuda(const Tensor& heads, View<const int64_t, 1> batch,
                             std::optional<double> sigma, DensityGrid grid) {
  Tensor sigmas = new_empty(heads, {heads.size(0)}, ScalarType::Double);
  if (sigma) {
    STD_TORCH_CHECK(*sigma > 0 && std::isfinite(*sigma), "raz: sigma must be positive and finite");
    check_launch(cuda::constant_sigmas(*sigma, view<double, 1>(sigmas), current_stream(heads)),
                 "density_map");
    return sigmas;
  }
  Tensor ranges = image_ranges(heads);
  check_launch(cuda::adaptive_sigmas(view<const double, 2>(heads), batch, grid,
                                     static_cast<int64_t*>(ranges.data_ptr()),
                                     view<double, 1>(sigmas), current_stream(heads)),
               "density_map");
  return sigmas;
}

}  // namespace raz
