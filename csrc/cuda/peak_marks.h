// The first kernel of find_peaks: marks the pixels that no neighbour exceeds, as peaks where they
// exceed all neighbours, else as tied. A warp a tile, all in registers; lanes exchange their outer
// columns. The map is read once from memory, the two rows around a tile once more from the cache;
// a tile in which no sum reaches the threshold writes eight bytes.
#pragma once

#include <limits>

#include "cuda/bits.h"
#include "cuda/peak_tiles.h"
#include "raz/smoothed.h"

namespace raz::cuda {

inline constexpr float infinity = std::numeric_limits<float>::infinity();

// Pixels of the map as a lane sees them: rows are counted from the tile's first one. What is
// outside the image is 0.
class TileReader {
 public:
  struct alignas(16) Four {
    float value[PeakTiles::lane_columns];
  };

  struct Row {
    Four own;
    float near;  // lane 0: the column left of the tile; lane 31: the one right of it
    float far;   // the one beyond
  };

  // aligned: four neighbours can be read as one.
  RAZ_DEVICE TileReader(const View<const float, 3>& map, const TilePlace& place, int lane,
                        bool aligned)
      : from_(map.data + place.b * map.stride[0] + place.y * map.stride[1] +
              place.x * map.stride[2]),
        row_stride_(map.stride[1]),
        column_stride_(map.stride[2]),
        first_row_(place.y < 2 ? -static_cast<int>(place.y) : -2),
        end_row_(static_cast<int>(map.size[1] - place.y < 20 ? map.size[1] - place.y : 20)),
        columns_(inside_columns(map.size[2] - place.x)),
        outward_(lane == 0                  ? -1
                 : lane == warp_threads - 1 ? PeakTiles::lane_columns
                                            : 0),
        step_(lane == 0 ? -1 : 1),
        near_inside_(outward_ < 0 ? place.x > 0 : outward_ > 0 && place.x + outward_ < map.size[2]),
        far_inside_(outward_ < 0 ? place.x > 1
                                 : outward_ > 0 && place.x + outward_ + 1 < map.size[2]),
        aligned_(aligned && columns_ == PeakTiles::lane_columns) {}

  RAZ_DEVICE bool has_row(int y) const { return first_row_ <= y && y < end_row_; }
  // How many of the lane's four columns are inside the image.
  RAZ_DEVICE int columns() const { return columns_; }
  // Whether the column next to the tile is, for the lanes that see it.
  RAZ_DEVICE bool near_inside() const { return near_inside_; }

  RAZ_DEVICE Row row(int y) const {
    Row row{};
    if (!has_row(y)) return row;
    const float* from = from_ + y * row_stride_;
    if (aligned_) {
      row.own = *reinterpret_cast<const Four*>(from);
    } else {
      for (int i = 0; i < PeakTiles::lane_columns; ++i) {
        if (i < columns_) row.own.value[i] = from[i * column_stride_];
      }
    }
    if (near_inside_) row.near = from[outward_ * column_stride_];
    if (far_inside_) row.far = from[(outward_ + step_) * column_stride_];
    return row;
  }

 private:
  RAZ_DEVICE static int inside_columns(int64_t columns) {
    if (columns <= 0) return 0;
    return static_cast<int>(columns < PeakTiles::lane_columns ? columns : PeakTiles::lane_columns);
  }

  const float* from_;
  int64_t row_stride_;
  int64_t column_stride_;
  int first_row_;
  int end_row_;
  int columns_;
  int outward_;
  int step_;
  bool near_inside_;
  bool far_inside_;
  bool aligned_;
};

// Of the lane's four columns, and of the column next to the tile (lanes 0 and 31).
struct LaneValues {
  float own[PeakTiles::lane_columns];
  float edge;
};

// The values left and right of the lane's four.
struct Sides {
  float left;
  float right;

  RAZ_DEVICE Sides(const Block& block, float first, float last, float edge)
      : left(block.shuffle_up(last, 1)), right(block.shuffle_down(first, 1)) {
    if (block.lane() == 0) left = edge;
    if (block.lane() == warp_threads - 1) right = edge;
  }
};

// (a + b) + c of each column.
RAZ_DEVICE inline LaneValues row_sums(const Block& block, const TileReader::Row& row) {
  const float* p = row.own.value;
  const Sides sides(block, p[0], p[3], row.near);
  return {{(sides.left + p[0]) + p[1], (p[0] + p[1]) + p[2], (p[1] + p[2]) + p[3],
           (p[2] + p[3]) + sides.right},
          block.lane() == 0 ? (row.far + row.near) + p[0] : (p[3] + row.near) + row.far};
}

template <int smooth>
struct MarkTile {
  static constexpr int warps = 4;

  RAZ_DEVICE void operator()(const Block& block, View<const float, 3> map, float threshold,
                             SumLimits limits, bool aligned, PeakTiles tiles) const {
    const TilePlace place(block, tiles);
    if (place.tile >= tiles.count()) return;
    const TileReader reader(map, place, block.lane(), aligned);
    uint32_t peaks = 0;
    uint32_t tied = 0;
    if (block.ballot(reaches(block, reader, place.inner ? limits.inner : limits.outer)) != 0) {
      mark(block, reader, place, threshold, tiles, peaks, tied);
    }
    if (block.lane() == 0) {
      tiles.peak_counts[place.tile] = peaks;
      tiles.tied_counts[place.tile] = tied;
    }
  }

  // Whether a pixel (smooth 1) or a sum (smooth 3) of the lane's columns reaches the limit. Without
  // a division: most tiles of a map hold nothing.
  RAZ_DEVICE static bool reaches(const Block& block, const TileReader& reader, float limit) {
    constexpr int in_flight = 6;
    constexpr int margin = smooth / 2;
    bool reached = false;
    LaneValues r0{};
    LaneValues r1{};
#pragma unroll 1
    for (int first = -margin; first < PeakTiles::rows + margin; first += in_flight) {
      TileReader::Row rows[in_flight];
#pragma unroll
      for (int i = 0; i < in_flight; ++i) rows[i] = reader.row(first + i);
#pragma unroll
      for (int i = 0; i < in_flight; ++i) {
        if constexpr (smooth == 1) {
          for (const float value : rows[i].own.value) reached |= value >= limit;
        } else {
          const LaneValues r2 = row_sums(block, rows[i]);
          for (int k = 0; k < PeakTiles::lane_columns; ++k) {
            const float sum = (r0.own[k] + r1.own[k]) + r2.own[k];
            if (first + i >= margin) reached |= sum >= limit;
          }
          r0 = r1;
          r1 = r2;
        }
      }
    }
    return reached;
  }

  // A row of the smoothed map with what its neighbours ask of it. Outside the image values are
  // -infinity; NaN is raised to infinity, greater than what is next to it, but for `value`.
  struct Level {
    float value[PeakTiles::lane_columns];
    float sides[PeakTiles::lane_columns];     // the greater one of left and right
    float greatest[PeakTiles::lane_columns];  // of left, middle and right
  };

  RAZ_DEVICE static float greater(float a, float b) { return a > b ? a : b; }

  RAZ_DEVICE static float raised(float value, bool inside) {
    if (!inside) return -infinity;
    return value == value ? value : infinity;
  }

  RAZ_DEVICE static Level level_of(const Block& block, const TileReader& reader,
                                   const LaneValues& values, bool row_inside) {
    Level level;
    float raise[PeakTiles::lane_columns];
    for (int k = 0; k < PeakTiles::lane_columns; ++k) {
      level.value[k] = values.own[k];
      raise[k] = raised(values.own[k], row_inside && k < reader.columns());
    }
    const float edge = raised(values.edge, row_inside && reader.near_inside());
    const Sides outer(block, raise[0], raise[3], edge);
    for (int k = 0; k < PeakTiles::lane_columns; ++k) {
      const float left = k == 0 ? outer.left : raise[k - 1];
      const float right = k == 3 ? outer.right : raise[k + 1];
      level.sides[k] = greater(left, right);
      level.greatest[k] = greater(level.sides[k], raise[k]);
    }
    return level;
  }

  RAZ_DEVICE static void mark(const Block& block, const TileReader& reader, const TilePlace& place,
                              float threshold, const PeakTiles& tiles, uint32_t& peaks,
                              uint32_t& tied) {
    constexpr int margin = smooth / 2;
    float columns[PeakTiles::lane_columns];
    for (int k = 0; k < PeakTiles::lane_columns; ++k) {
      columns[k] = static_cast<float>(inside(place.x + k, tiles.width));
    }
    const int64_t edge = block.lane() == 0 ? place.x - 1 : place.x + PeakTiles::lane_columns;
    const auto edge_columns = static_cast<float>(inside(edge, tiles.width));
    MarkWords peak_words{};
    MarkWords tied_words{};
    LaneValues r0{};
    LaneValues r1{};
    Level up{};
    Level middle{};
#pragma unroll 1
    for (int y = -1 - margin; y <= PeakTiles::rows + margin; ++y) {
      const TileReader::Row row = reader.row(y);
      const int made = y - margin;  // the row of `values`
      LaneValues values{{row.own.value[0], row.own.value[1], row.own.value[2], row.own.value[3]},
                        row.near};
      if constexpr (smooth == 3) {
        const LaneValues r2 = row_sums(block, row);
        const auto n = static_cast<float>(inside(place.y + made, tiles.height));
        for (int k = 0; k < PeakTiles::lane_columns; ++k) {
          values.own[k] = ((r0.own[k] + r1.own[k]) + r2.own[k]) / (n * columns[k]);
        }
        values.edge = ((r0.edge + r1.edge) + r2.edge) / (n * edge_columns);
        r0 = r1;
        r1 = r2;
      }
      const Level down = level_of(block, reader, values, reader.has_row(made));
      const int marked = made - 1;
      for (int k = 0; k < PeakTiles::lane_columns; ++k) {
        const float value = middle.value[k];
        const float around = greater(greater(up.greatest[k], middle.sides[k]), down.greatest[k]);
        const bool candidate = 0 <= marked && marked < place.rows && k < reader.columns() &&
                               value >= threshold && value >= around;
        const uint32_t peak_word = block.ballot(candidate && value > around);
        const uint32_t tied_word = block.ballot(candidate && !(value > around));
        peaks += count_bits(peak_word);
        tied += count_bits(tied_word);
        if (block.lane() == marked) {
          peak_words.word[k] = peak_word;
          tied_words.word[k] = tied_word;
        }
        if (candidate && !(value > around)) {
          const int64_t index = (place.y + marked) * tiles.width + place.x + k;
          tiles.labels[place.b * tiles.height * tiles.width + index] =
              static_cast<uint32_t>(index + 1);
        }
      }
      up = middle;
      middle = down;
    }
    if (peaks + tied > 0 && block.lane() < PeakTiles::rows) {
      tiles.peaks[place.tile * PeakTiles::rows + block.lane()] = peak_words;
      tiles.tied[place.tile * PeakTiles::rows + block.lane()] = tied_words;
    }
  }
};

}  // namespace raz::cuda
