// Heads in chunks of 256, and which images each chunk has heads of: who looks for the heads of one
// image passes over the other chunks, and needs no sorting where the heads of an image stand
// together, which is how batches are made. In any other order results are the same and take longer.
#pragma once

#include "cuda/launch.h"
#include "raz/view.h"

namespace raz::cuda {

inline constexpr int heads_of_chunk = 256;

inline int64_t chunks_of(int64_t heads) { return (heads + heads_of_chunk - 1) / heads_of_chunk; }

// The least and the greatest image of a chunk's heads.
struct ImageRange {
  int64_t least;
  int64_t greatest;

  RAZ_DEVICE bool meets(const ImageRange& other) const {
    return least <= other.greatest && other.least <= greatest;
  }
};

inline constexpr ImageRange no_images{INT64_MAX, INT64_MIN};

// The range of all heads of the block; every thread gives its own head's image, or nothing. Reached
// by all threads. of_warps: shared, room for one a warp.
RAZ_DEVICE inline ImageRange range_in_block(const Block& block, ImageRange own,
                                            ImageRange* of_warps) {
  for (int lanes = warp_threads / 2; lanes > 0; lanes /= 2) {
    const int64_t least = block.shuffle_xor(own.least, lanes);
    const int64_t greatest = block.shuffle_xor(own.greatest, lanes);
    own.least = least < own.least ? least : own.least;
    own.greatest = greatest > own.greatest ? greatest : own.greatest;
  }
  if (block.lane() == 0) of_warps[block.warp()] = own;
  block.sync();
  for (int warp = 0; warp < block.threads() / warp_threads; ++warp) {
    const ImageRange other = of_warps[warp];
    own.least = other.least < own.least ? other.least : own.least;
    own.greatest = other.greatest > own.greatest ? other.greatest : own.greatest;
  }
  return own;
}

}  // namespace raz::cuda
