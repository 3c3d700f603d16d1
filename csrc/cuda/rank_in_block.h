// Threads of a block that hold something, counted in order: how a block makes a list without
// atomics, in an order that never changes.
#pragma once

#include "cuda/bits.h"
#include "cuda/launch.h"

namespace raz::cuda {

struct Rank {
  int rank;   // how many threads of lower number hold
  int total;  // how many of the block
};

// Reached by all threads of the block. counts: shared, room for an int a warp.
RAZ_DEVICE inline Rank rank_in_block(const Block& block, bool holds, int32_t* counts) {
  const uint32_t mask = block.ballot(holds);
  if (block.lane() == 0) counts[block.warp()] = count_bits(mask);
  block.sync();
  Rank result{count_bits(mask & ((uint32_t{1} << block.lane()) - 1)), 0};
  for (int warp = 0; warp < block.threads() / warp_threads; ++warp) {
    if (warp < block.warp()) result.rank += counts[warp];
    result.total += counts[warp];
  }
  block.sync();  // before the counts are used again
  return result;
}

}  // namespace raz::cuda
