// The second and third kernel of find_peaks: plateaus, which are rare. Tied pixels that touch are
// equal, since neither exceeds the other; they are united under the lowest index (+ 1), or under 0
// where some pixel of the plateau has a neighbour that is not lower. What remains depends on the
// plateaus alone, not on the order of threads. A warp a tile; one without tied pixels costs a word.
#pragma once

#include "cuda/bits.h"
#include "cuda/peak_tiles.h"
#include "raz/smoothed.h"

namespace raz::cuda {

// A forest over the pixels of an image: the label of a pixel is its parent's, of a root its own.
// Labels only fall.
class Plateaus {
 public:
  RAZ_DEVICE explicit Plateaus(uint32_t* labels) : labels_(labels) {}

  RAZ_DEVICE void unite(uint32_t a, uint32_t b) const {
    for (;;) {
      a = root(a);
      b = root(b);
      if (a == b) return;
      if (a < b) {
        const uint32_t lower = a;
        a = b;
        b = lower;
      }
      const uint32_t parent = atomic_min(&labels_[a - 1], b);
      if (parent == a) return;
      a = parent;  // was no root any more
    }
  }

 private:
  // Shortens the way for those who come later; any ancestor will do as a parent.
  RAZ_DEVICE uint32_t root(uint32_t label) const {
    while (label != 0) {
      const uint32_t parent = load_acquire(&labels_[label - 1]);
      if (parent == label || parent == 0) return parent;
      const uint32_t grandparent = load_acquire(&labels_[parent - 1]);
      if (grandparent != parent) atomic_min(&labels_[label - 1], grandparent);
      label = grandparent;
    }
    return 0;
  }

  uint32_t* labels_;
};

struct JoinTied {
  static constexpr int warps = 4;

  RAZ_DEVICE void operator()(const Block& block, View<const float, 3> map, int64_t smooth,
                             PeakTiles tiles) const {
    const TilePlace place(block, tiles);
    if (place.tile >= tiles.count() || tiles.tied_counts[place.tile] == 0) return;
    const View<const float, 2> image = image_of(map, place.b);
    const Plateaus plateaus(tiles.labels + place.b * tiles.height * tiles.width);
#pragma unroll 1  // rare, and large
    for (int y = 0; y < place.rows; ++y) {
      const uint32_t* words = tiles.tied[place.tile * PeakTiles::rows + y].word;
#pragma unroll 1
      for (int k = 0; k < PeakTiles::lane_columns; ++k) {
        if ((words[k] >> block.lane() & 1) == 0) continue;
        join(image, smooth, tiles, plateaus, place.b, place.y + y, place.x + k);
      }
    }
  }

  // Whether the pixel is greater than those of the nine around it that have a bit; false beside a
  // NaN.
  RAZ_DEVICE static bool exceeds(View<const float, 2> image, int64_t smooth, int64_t y, int64_t x,
                                 uint32_t others) {
    const float value = smoothed_at(image, y, x, smooth);
    bool exceeds = true;
    for (; others != 0; others &= others - 1) {
      const int i = lowest_bit(others);
      exceeds = exceeds && smoothed_at(image, y + i / 3 - 1, x + i % 3 - 1, smooth) < value;
    }
    return exceeds;
  }

  RAZ_DEVICE static void join(View<const float, 2> image, int64_t smooth, const PeakTiles& tiles,
                              const Plateaus& plateaus, int64_t b, int64_t y, int64_t x) {
    uint32_t tied = 0;    // of the nine pixels
    uint32_t others = 0;  // inside the image
#pragma unroll 1
    for (int i = 0; i < 9; ++i) {
      const int64_t v = y + i / 3 - 1;
      const int64_t u = x + i % 3 - 1;
      if (i == 4 || v < 0 || v >= tiles.height || u < 0 || u >= tiles.width) continue;
      (tiles.is_tied(b, v, u) ? tied : others) |= 1u << i;
    }
    const auto label = static_cast<uint32_t>(y * tiles.width + x + 1);
    const auto above = static_cast<uint32_t>(label - tiles.width);
    const auto is_tied = [&](int i) { return (tied >> i & 1) != 0; };
    if (others != 0 && !exceeds(image, smooth, y, x, others)) plateaus.unite(label, 0);
    // Those above and the left one touch each other where they are neighbours, and join by
    // themselves.
    if (is_tied(1)) {
      plateaus.unite(label, above);
      return;
    }
    if (is_tied(3)) {
      plateaus.unite(label, label - 1);
    } else if (is_tied(0)) {
      plateaus.unite(label, above - 1);
    }
    if (is_tied(2)) plateaus.unite(label, above + 1);
  }
};

// The first pixel of a plateau that has no neighbour which is not lower becomes a peak.
struct SettleTied {
  static constexpr int warps = 4;

  RAZ_DEVICE void operator()(const Block& block, PeakTiles tiles) const {
    const TilePlace place(block, tiles);
    if (place.tile >= tiles.count() || tiles.tied_counts[place.tile] == 0) return;
    const uint32_t* labels = tiles.labels + place.b * tiles.height * tiles.width;
    uint32_t found = 0;
    for (int y = 0; y < place.rows; ++y) {
      const MarkWords tied = tiles.tied[place.tile * PeakTiles::rows + y];
      MarkWords& peaks = tiles.peaks[place.tile * PeakTiles::rows + y];
      for (int k = 0; k < PeakTiles::lane_columns; ++k) {
        const int64_t index = (place.y + y) * tiles.width + place.x + k;
        const bool first = (tied.word[k] >> block.lane() & 1) != 0 &&
                           labels[index] == static_cast<uint32_t>(index + 1);
        const uint32_t word = block.ballot(first);
        found += count_bits(word);
        if (block.lane() == 0) peaks.word[k] |= word;
      }
    }
    if (block.lane() == 0) tiles.peak_counts[place.tile] += found;
  }
};

}  // namespace raz::cuda
