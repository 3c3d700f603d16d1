// Bits of a word, on both sides.
#pragma once

#include <bit>

#include "cuda/launch.h"

namespace raz::cuda {

RAZ_DEVICE inline int count_bits(uint32_t word) {
#if defined(__CUDA_ARCH__)
  return __popc(word);
#else
  return std::popcount(word);
#endif
}

// The index of the lowest bit that is set; word != 0.
RAZ_DEVICE inline int lowest_bit(uint32_t word) {
#if defined(__CUDA_ARCH__)
  return __ffs(static_cast<int>(word)) - 1;
#else
  return std::countr_zero(word);
#endif
}

}  // namespace raz::cuda
