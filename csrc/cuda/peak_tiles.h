// What the kernels of find_peaks hand to each other: marks of tiles, labels of plateaus, lists.
#pragma once

#include <algorithm>

#include "cuda/launch.h"

namespace raz::cuda {

// Four words, moved as one.
struct alignas(16) MarkWords {
  uint32_t word[4];
};

struct ListedPeak {
  uint32_t index;  // y * W + x
  float score;
};

// A tile is a warp's: 16 rows of 128 columns, four neighbouring columns a lane. Bit `lane` of word
// i of a row is column 4 * lane + i.
struct PeakTiles {
  static constexpr int rows = 16;
  static constexpr int lane_columns = 4;
  static constexpr int columns = warp_threads * lane_columns;

  int64_t batch;
  int64_t height;
  int64_t width;
  int64_t bands;       // of 16 rows
  int64_t strips;      // of 128 columns
  int64_t most_peaks;  // of an image: no two peaks touch

  // [B, bands, strips, 16]: undefined where a tile has no mark
  MarkWords* peaks = nullptr;
  MarkWords* tied = nullptr;
  uint32_t* labels = nullptr;       // [B, H, W], of tied pixels; then the memory is the lists'
  ListedPeak* lists = nullptr;      // [B, most_peaks], in raster order
  uint32_t* peak_counts = nullptr;  // [B, bands, strips]
  uint32_t* tied_counts = nullptr;

  PeakTiles(int64_t batch, int64_t height, int64_t width)
      : batch(batch),
        height(height),
        width(width),
        bands((height + rows - 1) / rows),
        strips((width + columns - 1) / columns),
        most_peaks(((height + 1) / 2) * ((width + 1) / 2)) {}

  RAZ_HOST_DEVICE int64_t count() const { return batch * bands * strips; }

  // In words of 4 bytes.
  int64_t workspace() const {
    return count() * (2 * rows * 4 + 2) + std::max(batch * height * width, 2 * batch * most_peaks);
  }

  // workspace: 16-byte aligned.
  void lay_out(uint32_t* workspace) {
    peaks = reinterpret_cast<MarkWords*>(workspace);
    tied = peaks + count() * rows;
    labels = reinterpret_cast<uint32_t*>(tied + count() * rows);
    lists = reinterpret_cast<ListedPeak*>(labels);
    peak_counts = workspace + this->workspace() - 2 * count();
    tied_counts = peak_counts + count();
  }

  RAZ_DEVICE bool is_tied(int64_t b, int64_t y, int64_t x) const {
    const int64_t tile = (b * bands + y / rows) * strips + x / columns;
    if (tied_counts[tile] == 0) return false;
    const auto column = static_cast<int>(x % columns);
    const uint32_t word = tied[tile * rows + y % rows].word[column % lane_columns];
    return (word >> (column / lane_columns) & 1) != 0;
  }
};

// Where a warp's tile lies.
struct TilePlace {
  int64_t tile;
  int64_t b;
  int64_t y;   // of its first row
  int64_t x;   // of the lane's first column
  int rows;    // inside the image
  bool inner;  // the image goes on at all sides

  // 32-bit divisions: find_peaks_serves.
  RAZ_DEVICE TilePlace(const Block& block, const PeakTiles& tiles)
      : tile(block.index() * (block.threads() / warp_threads) + block.warp()) {
    const auto strips = static_cast<uint32_t>(tiles.strips);
    const auto bands = static_cast<uint32_t>(tiles.bands);
    const auto band = static_cast<uint32_t>(tile) / strips;
    const uint32_t strip = static_cast<uint32_t>(tile) - band * strips;
    b = band / bands;
    y = int64_t{band % bands} * PeakTiles::rows;
    x = int64_t{strip} * PeakTiles::columns + block.lane() * PeakTiles::lane_columns;
    rows =
        static_cast<int>(tiles.height - y < PeakTiles::rows ? tiles.height - y : PeakTiles::rows);
    inner = y > 0 && y + PeakTiles::rows < tiles.height && strip > 0 && strip + 1 < strips;
  }
};

}  // namespace raz::cuda
