// Integral image (summed-area table): table[y][x] = sum of image[0..y) x [0..x).
//
// image  [B, H, W], any strides
// table  [B, H+1, W+1], contiguous; row 0 and column 0 are zero
//
// Sums run in Out: float64 by default, so that a box sum is exact to double rounding; int64 for
// integers. A NaN poisons every entry below and right of it, as in a running sum.
// On the CPU float maps are summed in double, down the columns, then along the row, eight
// neighbours at a time, and rounded once; other maps along the row, then down. The bits are those
// of any instruction set and number of threads.
#pragma once

#include "raz/instruction_set.h"
#include "raz/parallel.h"
#include "raz/view.h"

namespace raz::cpu {

// workspace  [B, W], contiguous: for float maps; others do not touch it
template <class In, class Out>
void integral_image(View<const In, 3> image, View<Out, 3> table, View<double, 2> workspace,
                    const Parallel& parallel, InstructionSet set);

}  // namespace raz::cpu

namespace raz::cuda {

// stream: a cudaStream_t. Returns a cudaError_t (0 = success).
template <class In, class Out>
int integral_image(View<const In, 3> image, View<Out, 3> table, void* stream);

}  // namespace raz::cuda

// The pairs of types that are compiled: X(In, Out).
#define RAZ_INTEGRAL_IMAGE_TYPES(X) \
  X(float, float)                   \
  X(float, double)                  \
  X(double, double)                 \
  X(uint8_t, int64_t)               \
  X(int32_t, int64_t)               \
  X(int64_t, int64_t)
