// Attention map: the target of the zooming-region-proposal branch, high where heads are crowded.
//
// points      [N, 2], (x, y) in pixels, any strides
// batch       [N], the image of every head, or no data: all heads in image 0
// congestion  [N], pixels: heads below the limit are marked
// map         [B, ceil(H/stride), ceil(W/stride)], any strides, in [0, 1]
//
// A marked head inside the image is a Gaussian of peak 1, evaluated at the pixel centres up to
// ceil(4 sigma) pixels away from its own pixel floor(x), floor(y), along both axes. A pixel takes
// the greatest of them, a cell the mean of its pixels inside the image. Heads of no image of the
// batch or not finite give nothing.
//
// All in double. The greatest Gaussian is that of the nearest head, so the order of heads does not
// matter; a cell adds its pixels in a fixed order, whatever the number of threads. A CUDA device
// has an exp of its own, and so other last bits than the CPU.
#pragma once

#include "raz/parallel.h"
#include "raz/view.h"

namespace raz {

struct AttentionGrid {
  int64_t height;  // of the images, pixels
  int64_t width;
  int64_t stride;  // side of a cell, pixels
  double limit;    // of the congestion, pixels
  double sigma;    // pixels, positive and finite
};

namespace cpu {

// order: workspace, room for N.
void attention_map(View<const double, 2> points, View<const int64_t, 1> batch,
                   View<const double, 1> congestion, AttentionGrid grid, int64_t* order,
                   View<double, 3> map, const Parallel& parallel);

}  // namespace cpu

namespace cuda {

// One thread has a whole cell: made for strides of some 16 pixels at most, and for at most 256
// marked heads that reach 8 x 8 cells; beyond both it takes long.
// congestion: [N], or no data: 0.
// workspace: room for 2 ceil(N / 256) numbers.
// stream: a cudaStream_t. Returns a cudaError_t (0 = success).
int attention_map(View<const double, 2> points, View<const int64_t, 1> batch,
                  View<const double, 1> congestion, AttentionGrid grid, int64_t* workspace,
                  View<double, 3> map, void* stream);

}  // namespace cuda
}  // namespace raz
