// Density map of a crowd: every head inside the image becomes a Gaussian that sums to 1.
//
// points  [N, 2], (x, y) in pixels, any strides
// batch   [N], the image of every head, or no data: all heads in image 0
// sigmas  [N], standard deviations in pixels
// map     [B, ceil(H/stride), ceil(W/stride)], row-major, persons per cell; double or float
// sums    for a map of floats, room for a double a cell, of which little is touched: a range of
//         rows that `parallel` hands out is summed piece by piece at the start of its own part
//
// A cell's share of a head is the Gaussian's integral over the cell (the difference of two erf, per
// axis), cut at the image's edges and at 4 sigma, divided by what those cuts leave. Heads outside
// the image, not finite or of no image of the batch give nothing.
//
// All in double: a cell of a dense crowd sums hundreds of small shares. A float map is rounded
// once, so that it sums to the number of heads up to that rounding. erf is within 1e-15 of the true
// one, and whatever its error, the shares of an axis sum to 1: they are differences of the same
// values. Every cell adds the heads in the order of their index, whatever the number of threads:
// the same bits on every device.
#pragma once

#include "raz/congestion.h"
#include "raz/instruction_set.h"
#include "raz/parallel.h"
#include "raz/view.h"

namespace raz {

// Size of the images in pixels and the side of a cell.
struct DensityGrid {
  int64_t height;
  int64_t width;
  int64_t stride;
};

inline constexpr int64_t sigma_neighbours = 3;

// sigma of a head in pixels from its congestion, the mean distance to so many neighbours.
RAZ_HOST_DEVICE inline double adaptive_sigma(double congestion, DensityGrid grid) {
  constexpr double least = 1;
  constexpr double greatest = 50;
  const bool lonely = congestion - congestion != 0;  // infinite
  const double sigma =
      lonely ? (static_cast<double>(grid.height) + static_cast<double>(grid.width)) / 8
             : 0.1 * sigma_neighbours * congestion;
  return sigma < least ? least : greatest < sigma ? greatest : sigma;
}

namespace cpu {

// sigma = 0.1 (d1 + d2 + d3), the distances to the three nearest heads of the same image (heads
// outside the image are neighbours too), clamped to [1, 50] pixels; (H + W) / 8, clamped likewise,
// where there are fewer than three. See congestion.h for heads that are not finite and the nodes.
void adaptive_sigmas(View<const double, 2> points, View<const int64_t, 1> batch, DensityGrid grid,
                     CongestionNode* nodes, View<double, 1> sigmas, const Parallel& parallel);

template <class Out>
void density_map(View<const double, 2> points, View<const int64_t, 1> batch,
                 View<const double, 1> sigmas, DensityGrid grid, double* sums, View<Out, 3> map,
                 const Parallel& parallel, InstructionSet set);

}  // namespace cpu

namespace cuda {

// stream: a cudaStream_t. These return a cudaError_t (0 = success).

// Heads in double, as the others take them.
int widen_points(View<const float, 2> points, View<double, 2> result, void* stream);

int constant_sigmas(double sigma, View<double, 1> sigmas, void* stream);

// See cuda::congestion for the workspace and the number of heads.
int adaptive_sigmas(View<const double, 2> points, View<const int64_t, 1> batch, DensityGrid grid,
                    int64_t* workspace, View<double, 1> sigmas, void* stream);

// Bytes of workspace that density_map takes.
int64_t density_map_workspace(int64_t heads);

// Rows and columns of the map: at most longest_side (raz/longest_side.h). The heads of an image
// should stand together, see cuda/head_chunks.h. workspace: 16-byte aligned.
template <class Out>
int density_map(View<const double, 2> points, View<const int64_t, 1> batch,
                View<const double, 1> sigmas, DensityGrid grid, void* workspace, View<Out, 3> map,
                void* stream);

}  // namespace cuda
}  // namespace raz

// The types of maps that are compiled.
#define RAZ_DENSITY_MAP_TYPES(X) \
  X(float)                       \
  X(double)
