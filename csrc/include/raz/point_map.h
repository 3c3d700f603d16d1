// Point map: 1 at every pixel that holds a head and at the four beside it, 0 elsewhere.
//
// points  [N, 2], (x, y) in pixels, any strides
// batch   [N], the image of every head, or no data: all heads in image 0
// map     [B, H, W], any strides
//
// A head marks the pixel floor(x), floor(y), one on the image's last edge the last pixel. Heads
// outside the image, NaN or of no image of the batch mark nothing.
#pragma once

#include "raz/parallel.h"
#include "raz/view.h"

namespace raz::cpu {

template <class Point>
void point_map(View<const Point, 2> points, View<const int64_t, 1> batch, View<float, 3> map,
               const Parallel& parallel);

}  // namespace raz::cpu

namespace raz::cuda {

// stream: a cudaStream_t. Returns a cudaError_t (0 = success).
template <class Point>
int point_map(View<const Point, 2> points, View<const int64_t, 1> batch, View<float, 3> map,
              void* stream);

}  // namespace raz::cuda

// The types that are compiled: X(Point).
#define RAZ_POINT_MAP_TYPES(X) \
  X(float)                     \
  X(double)
