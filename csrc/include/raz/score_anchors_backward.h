// Gradients of score_anchors, see there.
//
// grad   [B, N], any strides, of the scores
// boxes  [B, N, 4], any strides
//
// All in double. Every entry of a result adds the boxes in the order of their index: the same bits
// for any number of threads, and on every device.
#pragma once

#include "raz/parallel.h"
#include "raz/view.h"

namespace raz::cpu {

// With respect to the table: every box reaches the sixteen entries that it reads.
// integral_grad  [B, H+1, W+1], any strides
void score_anchors_backward_integral(View<const double, 2> grad, View<const double, 3> boxes,
                                     View<double, 3> integral_grad, bool mean,
                                     const Parallel& parallel);

// With respect to the edges: the derivative to the right where an edge lies on a pixel's edge; 0
// where it lies outside [0, size) and for boxes that cover nothing. A pixel that a box ends at and
// does not cover gives 0 where it is not finite.
// integral  [B, H+1, W+1], any strides;  boxes_grad  [B, N, 4], any strides
template <class Table>
void score_anchors_backward_boxes(View<const double, 2> grad, View<const Table, 3> integral,
                                  View<const double, 3> boxes, View<double, 3> boxes_grad,
                                  bool mean, const Parallel& parallel);

}  // namespace raz::cpu

namespace raz::cuda {

// stream: a cudaStream_t. Returns a cudaError_t (0 = success).
int score_anchors_backward_integral(View<const double, 2> grad, View<const double, 3> boxes,
                                    View<double, 3> integral_grad, bool mean, void* stream);

template <class Table>
int score_anchors_backward_boxes(View<const double, 2> grad, View<const Table, 3> integral,
                                 View<const double, 3> boxes, View<double, 3> boxes_grad, bool mean,
                                 void* stream);

}  // namespace raz::cuda

// The types of table that are compiled: X(Table).
#define RAZ_SCORE_ANCHORS_BACKWARD_TYPES(X) \
  X(float)                                  \
  X(double)                                 \
  X(int64_t)
