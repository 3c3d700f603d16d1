// Sums over a block of threads, in order of thread; integers alone, whose sums have no order.
#pragma once

#include "cuda/launch.h"

namespace raz::cuda {

template <class T>
struct Scan {
  T before;  // the sum of the values of lower threads
  T total;   // of all
};

inline constexpr int64_t scan_scratch = warp_threads + 1;

// The sum of the values of this lane and lower ones.
template <class T>
RAZ_DEVICE T scan_warp(const Block& block, T value) {
  for (int lanes = 1; lanes < warp_threads; lanes *= 2) {
    const T lower = block.shuffle_up(value, lanes);
    if (block.lane() >= lanes) value += lower;
  }
  return value;
}

// scratch: scan_scratch words of shared memory, which are free again on return.
template <class T>
RAZ_DEVICE Scan<T> scan_block(const Block& block, T value, T* scratch) {
  const T up_to = scan_warp(block, value);
  if (block.lane() == warp_threads - 1) scratch[block.warp()] = up_to;
  block.sync();
  if (block.warp() == 0) {
    const bool is_warp = block.lane() < block.threads() / warp_threads;
    const T of_warp = is_warp ? scratch[block.lane()] : T{0};
    const T of_warps = scan_warp(block, of_warp);
    scratch[block.lane()] = of_warps - of_warp;
    if (block.lane() == warp_threads - 1) scratch[warp_threads] = of_warps;
  }
  block.sync();
  const Scan<T> scan{scratch[block.warp()] + up_to - value, scratch[warp_threads]};
  block.sync();
  return scan;
}

}  // namespace raz::cuda
