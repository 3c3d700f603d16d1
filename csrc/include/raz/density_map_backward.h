// Gradient of density_map with respect to the points, sigmas held constant; see there.
//
// grad         [B, ceil(H/stride), ceil(W/stride)], any strides, of the map
// points_grad  [N, 2], any strides; 0 for heads that give nothing to the map
//
// The derivative of each cell's share, the normalisation included. An edge of a cell beyond 4 sigma
// does not move. Heads are independent: the same bits for any number of threads. CUDA adds the
// cells of a head in another order, always the same, and has an exp of its own.
#pragma once

#include "raz/density_map.h"

namespace raz::cpu {

void density_map_backward(View<const double, 3> grad, View<const double, 2> points,
                          View<const int64_t, 1> batch, View<const double, 1> sigmas,
                          DensityGrid grid, View<double, 2> points_grad, const Parallel& parallel);

}  // namespace raz::cpu

namespace raz::cuda {

// stream: a cudaStream_t. Returns a cudaError_t (0 = success).
int density_map_backward(View<const double, 3> grad, View<const double, 2> points,
                         View<const int64_t, 1> batch, View<const double, 1> sigmas,
                         DensityGrid grid, View<double, 2> points_grad, void* stream);

}  // namespace raz::cuda
