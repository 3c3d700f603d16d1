// Adjoint of integral_image: image_grad[y][x] = sum of grad over (y, H] x (x, W], the entries of
// the table that pixel (y, x) is part of.
//
// grad        [B, H+1, W+1], any strides, of the table; row 0 and column 0 are not looked at
// image_grad  [B, H, W], any strides
//
// Summed in double, up the columns, then along the row from its end, and rounded once: the same
// bits for any number of threads. CUDA sums bands of rows and runs of columns first: always the
// same bits, and those of the CPU up to the rounding of sums in double, before the last.
#pragma once

#include "raz/parallel.h"
#include "raz/view.h"

namespace raz::cpu {

// workspace  [B, W], contiguous
template <class Grad, class Out>
void integral_image_backward(View<const Grad, 3> grad, View<Out, 3> image_grad,
                             View<double, 2> workspace, const Parallel& parallel);

}  // namespace raz::cpu

namespace raz::cuda {

inline constexpr int integral_image_backward_band = 16;  // rows

// workspace  [B, ceil(H / band), W], contiguous
// stream: a cudaStream_t. Returns a cudaError_t (0 = success).
template <class Grad, class Out>
int integral_image_backward(View<const Grad, 3> grad, View<Out, 3> image_grad,
                            View<double, 3> workspace, void* stream);

}  // namespace raz::cuda

// The pairs of types that are compiled: X(Grad, Out).
#define RAZ_INTEGRAL_IMAGE_BACKWARD_TYPES(X) \
  X(float, float)                            \
  X(double, float)                           \
  X(double, double)
