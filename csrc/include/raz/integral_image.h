// Integral image (summed-area table): table[y][x] = sum of image[0..y) x [0..x).
//
// image  [B, H, W], any strides
// table  [B, H+1, W+1], contiguous; row 0 and column 0 are zero
//
// Sums run in Out: float64 by default, so that a box sum is exact to double rounding; int64, which
// wraps, for integers. A NaN poisons every entry below and right of it, as in a running sum.
// Float maps are summed in double and rounded once, to a float table; the order of additions is
// fixed, so the bits are the same from run to run. On the CPU they are those of any instruction set
// and number of threads: down the columns, then along the row, one by one; other maps along the
// row, then down. CUDA adds in another order: integers, and sums that double holds
// exactly (small integers and fractions of a power of two), have the same bits; other entries
// differ by the rounding of the double sums, below 2^-52 (H + W) times the sum of the absolute
// pixels, which a float table shows as one unit in the last place at most, and seldom.
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

// The 8-byte words that integral_image needs beside its result: about a 256th of the table, and for
// a float table ("rounded") 8 bytes a column in 32 rows.
int64_t integral_image_workspace(int64_t batch, int64_t height, int64_t width, bool rounded);

// One pass at any strides: reads the image once, writes the table once. What falls short: rows
// whose pixels are no neighbours are read by the 32-byte sector; a table row begins where the one
// before it ends, so its ends share sectors with others; a single image waits along 32-row bands
// and 128-column strips, one after the other.
//
// workspace  integral_image_workspace words; none for an empty image
// stream     a cudaStream_t. Returns a cudaError_t (0 = success).
template <class In, class Out>
int integral_image(View<const In, 3> image, View<Out, 3> table, int64_t* workspace, void* stream);

}  // namespace raz::cuda

// The pairs of types that are compiled: X(In, Out).
#define RAZ_INTEGRAL_IMAGE_TYPES(X) \
  X(float, float)                   \
  X(float, double)                  \
  X(double, double)                 \
  X(uint8_t, int64_t)               \
  X(int32_t, int64_t)               \
  X(int64_t, int64_t)
