// The last kernels of find_peaks: peaks in raster order, and the highest of them.
#pragma once

#include "cuda/bits.h"
#include "cuda/block_scan.h"
#include "cuda/peak_tiles.h"
#include "raz/score_key.h"
#include "raz/smoothed.h"

namespace raz::cuda {

// A block a band of tiles: adds up the counts of the bands above it, then ranks the words of its
// rows. Reads the words of tiles that hold a peak, and the nine pixels of each peak.
struct ListPeaks {
  static constexpr int threads = 256;
  static constexpr int64_t shared_bytes = scan_scratch * sizeof(uint32_t);

  RAZ_DEVICE void operator()(const Block& block, View<const float, 3> map, int64_t smooth,
                             PeakTiles tiles, View<int64_t, 1> counts) const {
    const int64_t b = block.index() / tiles.bands;
    const int64_t band = block.index() % tiles.bands;
    const int64_t first_tile = block.index() * tiles.strips;
    const uint32_t own = sum(block, tiles.peak_counts + first_tile, tiles.strips);
    const bool last = band == tiles.bands - 1;
    if (own == 0 && !last) return;
    const int64_t image_tile = b * tiles.bands * tiles.strips;
    uint32_t before = sum(block, tiles.peak_counts + image_tile, first_tile - image_tile);
    if (last && block.thread() == 0) counts(b) = before + own;

    const View<const float, 2> image = image_of(map, b);
    const int64_t words = PeakTiles::rows * tiles.strips;
    for (int64_t first = 0; own > 0 && first < words; first += threads) {
      const int64_t row = (first + block.thread()) / tiles.strips;
      const int64_t strip = (first + block.thread()) % tiles.strips;
      MarkWords marks{};
      if (row < PeakTiles::rows && tiles.peak_counts[first_tile + strip] > 0) {
        marks = tiles.peaks[(first_tile + strip) * PeakTiles::rows + row];
      }
      uint32_t found = 0;
      for (const uint32_t word : marks.word) found += count_bits(word);
      const Scan<uint32_t> scan = scan_block(block, found, block.shared<uint32_t>());
      write(tiles, image, smooth, marks, band * PeakTiles::rows + row, strip * PeakTiles::columns,
            tiles.lists + b * tiles.most_peaks + before + scan.before);
      before += scan.total;
    }
  }

  RAZ_DEVICE static uint32_t sum(const Block& block, const uint32_t* values, int64_t count) {
    uint32_t sum = 0;
    for (int64_t i = block.thread(); i < count; i += threads) sum += values[i];
    return scan_block(block, sum, block.shared<uint32_t>()).total;
  }

  RAZ_DEVICE static void write(const PeakTiles& tiles, View<const float, 2> image, int64_t smooth,
                               const MarkWords& marks, int64_t y, int64_t x, ListedPeak* out) {
    uint32_t lanes = marks.word[0] | marks.word[1] | marks.word[2] | marks.word[3];
    for (; lanes != 0; lanes &= lanes - 1) {
      const int lane = lowest_bit(lanes);
      for (int k = 0; k < PeakTiles::lane_columns; ++k) {
        if ((marks.word[k] >> lane & 1) == 0) continue;
        const int64_t column = x + lane * PeakTiles::lane_columns + k;
        *out++ = {static_cast<uint32_t>(y * tiles.width + column),
                  smoothed_at(image, y, column, smooth)};
      }
    }
  }
};

// A block an image: copies the list, or what is highest of it. A radix select finds the last key
// that is kept, a digit a round, and how many peaks that have it; the counts of digits do not
// depend on the order of threads.
struct WritePeaks {
  static constexpr int threads = 512;
  static constexpr int digits = 256;
  static constexpr int64_t shared_bytes = (scan_scratch + digits + 2) * sizeof(uint32_t);

  struct Last {
    uint32_t key;
    uint32_t ties;  // how many peaks of that key are kept: the first ones
  };

  RAZ_DEVICE void operator()(const Block& block, PeakTiles tiles, View<const int64_t, 1> counts,
                             View<float, 3> points, View<float, 2> scores) const {
    const int64_t b = block.index();
    const int64_t count = counts(b);
    const int64_t limit = scores.size[1];
    const ListedPeak* list = tiles.lists + b * tiles.most_peaks;
    const auto width = static_cast<uint32_t>(tiles.width);
    const auto write = [&](int64_t k, const ListedPeak& peak) {
      points(b, k, 0) = static_cast<float>(peak.index % width) + 0.5f;
      points(b, k, 1) = static_cast<float>(peak.index / width) + 0.5f;
      scores(b, k) = peak.score;
    };
    if (limit == 0) return;
    if (count <= limit) {
      for (int64_t k = block.thread(); k < limit; k += threads) {
        if (k < count) {
          write(k, list[k]);
        } else {
          points(b, k, 0) = points(b, k, 1) = -1.0f;
          scores(b, k) = 0.0f;
        }
      }
      return;
    }
    auto* scratch = block.shared<uint32_t>();
    const Last last = last_kept(block, list, count, static_cast<uint32_t>(limit), scratch);
    uint32_t kept = 0;
    uint32_t ties = 0;
    for (int64_t first = 0; first < count; first += threads) {
      const int64_t i = first + block.thread();
      const ListedPeak peak = i < count ? list[i] : ListedPeak{};
      const uint32_t key = descending_key(peak.score);
      const bool tie = i < count && key == last.key;
      const Scan<uint32_t> tied = scan_block(block, uint32_t{tie}, scratch);
      const bool keep = i < count && (key < last.key || (tie && ties + tied.before < last.ties));
      const Scan<uint32_t> rank = scan_block(block, uint32_t{keep}, scratch);
      if (keep) write(kept + rank.before, peak);
      ties += tied.total;
      kept += rank.total;
    }
  }

  // 0 < limit < count
  RAZ_DEVICE static Last last_kept(const Block& block, const ListedPeak* list, int64_t count,
                                   uint32_t limit, uint32_t* scratch) {
    uint32_t* found = scratch + scan_scratch;  // of each digit
    uint32_t* chosen = found + digits;
    Last last{0, limit};
    for (int shift = 24; shift >= 0; shift -= 8) {
      if (block.thread() < digits) found[block.thread()] = 0;
      block.sync();
      for (int64_t i = block.thread(); i < count; i += threads) {
        const uint32_t key = descending_key(list[i].score);
        const bool candidate = shift == 24 || key >> (shift + 8) == last.key >> (shift + 8);
        if (candidate) atomic_add(&found[key >> shift & (digits - 1)], 1u);
      }
      block.sync();
      const uint32_t own = block.thread() < digits ? found[block.thread()] : 0;
      const uint32_t before = scan_block(block, own, scratch).before;
      if (before < last.ties && last.ties <= before + own) {
        chosen[0] = static_cast<uint32_t>(block.thread());
        chosen[1] = last.ties - before;
      }
      block.sync();
      last.key |= chosen[0] << shift;
      last.ties = chosen[1];
      block.sync();
    }
    return last;
  }
};

}  // namespace raz::cuda
