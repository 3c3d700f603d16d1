// Score of boxes: sum or mean of a map inside each, read from its integral image.
//
// integral  [B, H+1, W+1], any strides: see integral_image.h
// boxes     [B, N, 4], any strides: edges x1, y1, x2, y2 in pixels of the map
// scores    [B, N], any strides
//
// A box covers a pixel in part where an edge runs through it, and counts that part of its value:
// exact for the piecewise constant map, the same as bilinear interpolation of the table. Boxes are
// clipped to the map; the mean divides by the clipped area. Empty, inverted and NaN boxes, and
// those wholly outside, score 0. A NaN of the map reaches every box that ends below and right of
// it, because it poisons the table there; it never reaches a box that ends at its edge or before.
//
// Everything is float64, in the order of operations of box_score.h, then rounded once to Out:
// the same bits on every device and for every number of threads.
#pragma once

#include "raz/parallel.h"
#include "raz/view.h"

namespace raz::cpu {

template <class Table, class Box, class Out>
void score_anchors(View<const Table, 3> integral, View<const Box, 3> boxes, View<Out, 2> scores,
                   bool mean, const Parallel& parallel);

}  // namespace raz::cpu

namespace raz::cuda {

// stream: a cudaStream_t. Returns a cudaError_t (0 = success).
template <class Table, class Box, class Out>
int score_anchors(View<const Table, 3> integral, View<const Box, 3> boxes, View<Out, 2> scores,
                  bool mean, void* stream);

}  // namespace raz::cuda

// The types that are compiled: X(Table, Box, Out). Out is float64 where either input is.
#define RAZ_SCORE_ANCHORS_TYPES(X) \
  X(float, float, float)           \
  X(float, double, double)         \
  X(double, float, double)         \
  X(double, double, double)        \
  X(int64_t, float, float)         \
  X(int64_t, double, double)
