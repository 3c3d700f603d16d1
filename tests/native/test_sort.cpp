#include <algorithm>
#include <numeric>

#include "cuda/sort.h"
#include "testing.h"

namespace raz::testing {
namespace {

using Words = std::vector<uint32_t>;

struct Pairs {
  Words keys[2];
  Words values[2];
  Words counts = Words(static_cast<size_t>(cuda::sort_counts));

  explicit Pairs(const Words& unsorted)
      : keys{unsorted, Words(unsorted.size())}, values{Words(unsorted.size()), keys[1]} {
    std::iota(values[0].begin(), values[0].end(), 0u);
  }

  cuda::SortBuffers buffers() {
    return {{keys[0].data(), keys[1].data()}, {values[0].data(), values[1].data()}, counts.data()};
  }

  // By the lowest bits of the keys.
  void require_sorted(int place, int bits, const Words& unsorted) const {
    const int whole_digits = (bits + cuda::digit_bits - 1) / cuda::digit_bits * cuda::digit_bits;
    const uint64_t mask = (uint64_t{1} << whole_digits) - 1;
    Words order(unsorted.size());
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      return (unsorted[a] & mask) < (unsorted[b] & mask);
    });
    require_same_bits(values[place], order, "values");
    Words sorted;
    for (const uint32_t i : order) sorted.push_back(unsorted[i]);
    require_same_bits(keys[place], sorted, "keys");
  }
};

Words random_words(int64_t count, uint32_t most, uint32_t seed) {
  std::mt19937 engine(seed);
  std::uniform_int_distribution<uint32_t> draw(0, most);
  Words words(static_cast<size_t>(count));
  for (uint32_t& word : words) word = draw(engine);
  return words;
}

void pairs_are_sorted_as_by_a_stable_sort() {
  uint32_t seed = 0;
  for (const int64_t count : {0, 1, 33, 300}) {
    for (const uint32_t most : {5u, 0xFFFFFFFFu}) {
      for (const int bits : {8, 17, 32}) {
        const Words unsorted = random_words(count, most, ++seed);
        Pairs pairs(unsorted);
        require(cuda::sort_pairs(pairs.buffers(), count, bits, nullptr) == 0, "launch failed");
        pairs.require_sorted(cuda::sorted_place(bits), bits, unsorted);
      }
    }
  }
}

// As for more pairs than the blocks have tiles.
void blocks_sort_runs_of_several_tiles() {
  constexpr int64_t count = 2500;
  const Words unsorted = random_words(count, 255, 1);
  const cuda::SortRuns runs{count, 2 * cuda::sort_tile};
  require(cuda::SortRuns::of(count).length == cuda::sort_tile, "few tiles are a block each");
  require(cuda::SortRuns::of(int64_t{1} << 32).blocks() <= cuda::most_sort_blocks, "blocks");
  Pairs pairs(unsorted);
  const cuda::SortBuffers at = pairs.buffers();
  require(cuda::launch_blocks<cuda::sort_threads>(cuda::CountDigits{}, runs.blocks(), 1024, nullptr,
                                                  runs, at.keys[0], 0, at.counts) == 0,
          "launch failed");
  require(cuda::launch_blocks<cuda::sort_threads>(
              cuda::MovePairs{}, runs.blocks(), cuda::MovePairs::shared_bytes, nullptr, runs,
              at.keys[0], at.values[0], 0, at.counts, at.keys[1], at.values[1]) == 0,
          "launch failed");
  pairs.require_sorted(1, 8, unsorted);
}

const Register sorted("sort_pairs equals a stable sort", pairs_are_sorted_as_by_a_stable_sort);
const Register tiles("sort_pairs: runs of several tiles", blocks_sort_runs_of_several_tiles);

}  // namespace
}  // namespace raz::testing
