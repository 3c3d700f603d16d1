// Stable sort of pairs of a 32-bit key and a 32-bit value, digit by digit, the lowest first.
#pragma once

#include "cuda/bits.h"
#include "cuda/block_scan.h"
#include "cuda/launch.h"

namespace raz::cuda {

inline constexpr int sort_threads = 256;
inline constexpr int digit_bits = 8;
inline constexpr int digit_values = 1 << digit_bits;  // a thread each
inline constexpr int sort_items = 4;                  // of a thread at a time
inline constexpr int64_t sort_tile = sort_threads * sort_items;
inline constexpr int64_t most_sort_blocks = 128;
inline constexpr int64_t sort_counts = most_sort_blocks * digit_values;
static_assert(digit_values == sort_threads);

// Room for `count` pairs in each of two places, and for sort_counts counters.
struct SortBuffers {
  uint32_t* keys[2];
  uint32_t* values[2];
  uint32_t* counts;
};

// Each block sorts a run of whole tiles.
struct SortRuns {
  int64_t count;
  int64_t length;

  static SortRuns of(int64_t count) {
    const int64_t tiles = (count + sort_tile - 1) / sort_tile;
    return {count, (tiles + most_sort_blocks - 1) / most_sort_blocks * sort_tile};
  }
  int64_t blocks() const { return (count + length - 1) / length; }
  RAZ_DEVICE int64_t begin(const Block& block) const { return block.index() * length; }
  RAZ_DEVICE int64_t end(const Block& block) const {
    const int64_t end = begin(block) + length;
    return end < count ? end : count;
  }
};

RAZ_DEVICE inline uint32_t lanes_below(int lane) { return (uint32_t{1} << lane) - 1; }

// The lanes of the warp that take part and hold the same digit. All lanes must come.
RAZ_DEVICE inline uint32_t same_digit(const Block& block, uint32_t digit, bool takes_part) {
  uint32_t lanes = block.ballot(takes_part);
  for (int bit = 0; bit < digit_bits; ++bit) {
    const bool set = (digit >> bit & 1) != 0;
    const uint32_t others = block.ballot(set);
    lanes &= set ? others : ~others;
  }
  return lanes;
}

// counts[block][digit]: how many keys of each block have the digit. Reads the keys once.
struct CountDigits {
  RAZ_DEVICE void operator()(const Block& block, SortRuns runs, const uint32_t* keys, int shift,
                             uint32_t* counts) const {
    auto* digits = block.shared<uint32_t>();
    digits[block.thread()] = 0;
    block.sync();
    const int64_t end = runs.end(block);
    // Warp by warp: those without keys are done.
    int64_t base = runs.begin(block) + block.warp() * warp_threads;
    for (; base < end; base += sort_threads) {
      const int64_t i = base + block.lane();
      const bool inside = i < end;
      const uint32_t digit = inside ? keys[i] >> shift & (digit_values - 1) : 0;
      const uint32_t lanes = same_digit(block, digit, inside);
      // One lane for all: keys often share a digit, and would queue for its counter.
      if (inside && (lanes & lanes_below(block.lane())) == 0) {
        atomic_add(&digits[digit], static_cast<uint32_t>(count_bits(lanes)));
      }
    }
    block.sync();
    counts[block.index() * digit_values + block.thread()] = digits[block.thread()];
  }
};

// Moves each pair to its place: behind the pairs of lower digits, of the digit in blocks before,
// and of the digit before it in its block. Reads and writes the pairs once; every block reads all
// counts (128 KiB at most) in place of a launch that would sum them.
struct MovePairs {
  static constexpr int warps = sort_threads / warp_threads;
  static constexpr int64_t shared_bytes =
      ((warps + 1) * digit_values + scan_scratch) * sizeof(uint32_t);

  RAZ_DEVICE void operator()(const Block& block, SortRuns runs, const uint32_t* keys,
                             const uint32_t* values, int shift, const uint32_t* counts,
                             uint32_t* keys_out, uint32_t* values_out) const {
    auto* of_warps = block.shared<uint32_t>();  // [warps][digit_values]
    uint32_t* next = of_warps + warps * digit_values;
    next[block.thread()] = first_place(block, counts, next + digit_values);
    const int64_t end = runs.end(block);
    for (int64_t base = runs.begin(block); base < end; base += sort_tile) {
      for (int w = 0; w < warps; ++w) of_warps[w * digit_values + block.thread()] = 0;
      block.sync();
      const int64_t of_warp = base + block.warp() * warp_threads * sort_items;
      const int64_t first = of_warp + block.lane();
      uint32_t digit[sort_items] = {};
      uint32_t rank[sort_items] = {};  // among the warp's pairs of the digit
      for (int i = 0; i < sort_items && of_warp + i * warp_threads < end; ++i) {
        const int64_t at = first + i * warp_threads;
        digit[i] = at < end ? keys[at] >> shift & (digit_values - 1) : 0;
        const uint32_t lanes = same_digit(block, digit[i], at < end);
        uint32_t* counter = &of_warps[block.warp() * digit_values + digit[i]];
        const uint32_t below = lanes & lanes_below(block.lane());
        rank[i] = *counter + static_cast<uint32_t>(count_bits(below));
        block.sync_warp();
        if (at < end && below == 0) *counter += static_cast<uint32_t>(count_bits(lanes));
        block.sync_warp();
      }
      block.sync();
      place_warps(of_warps, next, block.thread());
      block.sync();
      for (int i = 0; i < sort_items; ++i) {
        const int64_t at = first + i * warp_threads;
        if (at >= end) continue;
        const uint32_t to = of_warps[block.warp() * digit_values + digit[i]] + rank[i];
        keys_out[to] = keys[at];
        values_out[to] = values[at];
      }
      block.sync();
    }
  }

 private:
  // Where the block's pairs of the thread's digit begin.
  RAZ_DEVICE static uint32_t first_place(const Block& block, const uint32_t* counts,
                                         uint32_t* scratch) {
    uint32_t before = 0;
    uint32_t all = 0;
    for (int64_t b = 0; b < block.count(); ++b) {
      const uint32_t count = counts[b * digit_values + block.thread()];
      before += b < block.index() ? count : 0;
      all += count;
    }
    return scan_block(block, all, scratch).before + before;
  }

  // From how many pairs of a digit each warp has to where they go.
  RAZ_DEVICE static void place_warps(uint32_t* of_warps, uint32_t* next, int digit) {
    uint32_t place = next[digit];
    for (int w = 0; w < warps; ++w) {
      const uint32_t count = of_warps[w * digit_values + digit];
      of_warps[w * digit_values + digit] = place;
      place += count;
    }
    next[digit] = place;
  }
};

// Which place holds the pairs after they were sorted by `bits` bits of the key.
inline int sorted_place(int bits) { return (bits + digit_bits - 1) / digit_bits % 2; }

// Sorts the pairs of place 0, at most 2^32, by the lowest bits of their keys, in whole digits;
// returns a cudaError_t. Two launches a digit.
inline int sort_pairs(const SortBuffers& buffers, int64_t count, int bits, void* stream) {
  if (count == 0) return 0;
  const SortRuns runs = SortRuns::of(count);
  int from = 0;
  for (int shift = 0; shift < bits; shift += digit_bits, from = 1 - from) {
    int error =
        launch_blocks<sort_threads>(CountDigits{}, runs.blocks(), digit_values * sizeof(uint32_t),
                                    stream, runs, buffers.keys[from], shift, buffers.counts);
    if (error != 0) return error;
    error = launch_blocks<sort_threads>(MovePairs{}, runs.blocks(), MovePairs::shared_bytes, stream,
                                        runs, buffers.keys[from], buffers.values[from], shift,
                                        buffers.counts, buffers.keys[1 - from],
                                        buffers.values[1 - from]);
    if (error != 0) return error;
  }
  return 0;
}

}  // namespace raz::cuda
