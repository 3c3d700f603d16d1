#include "raz/point_nms.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "cpu/score_order.h"

namespace raz::cpu {
namespace {

// A point whose turn it is, its cell, and the first of the tiles around it.
struct Candidate {
  float xy[2];
  int64_t cell;
  int64_t first_tile;
};

// The kept points in a grid so fine that two of a cell are always in reach: one at most is kept
// in each. Cells without one hold infinity, which is in nobody's reach. The radius reaches two
// cells to every side. Cells lie in tiles of 2 rows and 4 columns, which fill a line of the cache,
// so that those around a point are in 3 rows of 2 tiles wherever it lies.
struct KeptGrid {
  static constexpr int margin = 2;
  static constexpr int tile_cells = 8;
  static constexpr int window_rows = 3;
  static constexpr int window_columns = 2;

  float* cells;      // x, y each
  int64_t row_size;  // tiles, margins included
  int64_t image_size;
  int64_t nowhere;  // the first tile for points that are not finite
  int64_t first_image;
  double left;
  double top;
  double cells_of_pixel;

  Candidate candidate(int64_t i, View<const float, 2> points, View<const int64_t, 1> batch) const {
    const float x = points(i, 0);
    const float y = points(i, 1);
    if (!std::isfinite(x) || !std::isfinite(y)) return {{x, y}, nowhere * tile_cells, nowhere};
    const int64_t image = batch.data == nullptr ? 0 : batch(i) - first_image;
    const auto column = static_cast<int64_t>((x - left) * cells_of_pixel);
    const auto row = static_cast<int64_t>((y - top) * cells_of_pixel);
    const int64_t first = image * image_size;
    return {{x, y},
            tile(first, row + margin, column + margin) * tile_cells + (row + margin) % 2 * 4 +
                (column + margin) % 4,
            tile(first, row, column)};
  }

 private:
  int64_t tile(int64_t first, int64_t row, int64_t column) const {
    return first + (row >> 1) * row_size + (column >> 2);
  }
};

}  // namespace
}  // namespace raz::cpu

// The kernel file uses the types above, so it cannot precede them.
#define RAZ_KERNEL_FILE "cpu/point_nms_greedy.inc"
#include "cpu/for_each_instruction_set.h"

namespace raz::cpu {
namespace {

constexpr int64_t none = -1;

int64_t slot_count(int64_t count) {
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(2 * count + 1)));
}

// Where a point lies: column and row of its cell are whole numbers, held as doubles because they
// exceed int64 for far points and small cells.
struct Cell {
  int64_t image;
  double column;
  double row;

  bool operator==(const Cell&) const = default;
};

uint64_t mixed(uint64_t bits) {
  bits = (bits ^ (bits >> 31)) * 0x9E3779B97F4A7C15u;
  return bits ^ (bits >> 29);
}

uint64_t hash(const Cell& cell) {
  // + 0.0 makes a negative zero positive: equal cells must have equal bits.
  uint64_t bits = mixed(static_cast<uint64_t>(cell.image));
  bits = mixed(bits ^ std::bit_cast<uint64_t>(cell.column + 0.0));
  return mixed(bits ^ std::bit_cast<uint64_t>(cell.row + 0.0));
}

// The kept points, found by cell: an open addressed table of lists.
class HashedGrid {
 public:
  // No point is suppressed farther away than `reach`.
  HashedGrid(View<const float, 2> points, View<const int64_t, 1> batch, float reach,
             int64_t* workspace)
      : points_(points),
        batch_(batch),
        // Wider than that by more than float32 rounds d2, and than where d2 underflows to 0,
        // so that points in reach of each other are in the same or in adjacent cells.
        cell_size_(static_cast<double>(reach) * (1.0 + 1e-6) + 1e-18),
        next_(workspace),
        slots_(workspace + points.size[0]),
        mask_(static_cast<uint64_t>(slot_count(points.size[0]) - 1)) {
    std::fill(slots_, slots_ + slot_count(points.size[0]), none);
  }

  bool suppresses(int64_t i, float limit) const {
    const Cell centre = cell(i);
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) {
        const Cell near{centre.image, centre.column + dx, centre.row + dy};
        for (int64_t j = slots_[find(near)]; j != none; j = next_[j]) {
          if (close(i, j, limit)) return true;
        }
      }
    }
    return false;
  }

  void insert(int64_t i) {
    int64_t& head = slots_[find(cell(i))];
    next_[i] = head;
    head = i;
  }

 private:
  Cell cell(int64_t i) const {
    return {batch_.data == nullptr ? 0 : batch_(i), std::floor(points_(i, 0) / cell_size_),
            std::floor(points_(i, 1) / cell_size_)};
  }

  // The slot of the cell's list, or the empty slot where it would begin.
  uint64_t find(const Cell& wanted) const {
    uint64_t slot = hash(wanted) & mask_;
    while (slots_[slot] != none && !(cell(slots_[slot]) == wanted)) slot = (slot + 1) & mask_;
    return slot;
  }

  bool close(int64_t i, int64_t j, float limit) const {
    const float dx = points_(i, 0) - points_(j, 0);
    const float dy = points_(i, 1) - points_(j, 1);
    return dx * dx + dy * dy <= limit;
  }

  View<const float, 2> points_;
  View<const int64_t, 1> batch_;
  double cell_size_;
  int64_t* next_;
  int64_t* slots_;
  uint64_t mask_;
};

// Of the points that a grid can hold.
struct Extent {
  double low[2] = {std::numeric_limits<double>::infinity(),
                   std::numeric_limits<double>::infinity()};
  double high[2] = {-std::numeric_limits<double>::infinity(),
                    -std::numeric_limits<double>::infinity()};
  int64_t first_image = 0;
  int64_t last_image = 0;
};

Extent extent_of(View<const float, 2> points, View<const int64_t, 1> batch) {
  float low[2] = {INFINITY, INFINITY};
  float high[2] = {-INFINITY, -INFINITY};
  for (int64_t i = 0; i < points.size[0]; ++i) {
    const float x = points(i, 0);
    const float y = points(i, 1);
    const bool finite = std::isfinite(x) && std::isfinite(y);
    low[0] = std::min(low[0], finite ? x : low[0]);
    low[1] = std::min(low[1], finite ? y : low[1]);
    high[0] = std::max(high[0], finite ? x : high[0]);
    high[1] = std::max(high[1], finite ? y : high[1]);
  }
  Extent extent{{low[0], low[1]}, {high[0], high[1]}, 0, 0};
  if (batch.data != nullptr && batch.size[0] > 0) {
    extent.first_image = extent.last_image = batch(0);
    for (int64_t i = 1; i < batch.size[0]; ++i) {
      extent.first_image = std::min(extent.first_image, batch(i));
      extent.last_image = std::max(extent.last_image, batch(i));
    }
  }
  return extent;
}

// Memory of a grid for `count` points, in cells: wide enough for crowds and for most maps of peaks.
int64_t most_cells(int64_t count) { return 16 * count + 1024; }

// Where the points lie so far apart that the grid would be too large, cells == nullptr.
KeptGrid dense_grid(const Extent& extent, float radius, int64_t count, float* memory) {
  KeptGrid grid{};
  // A smaller radius squared is not exact enough in float32.
  if (radius < 1e-15f || extent.low[0] > extent.high[0]) return grid;
  // Smaller than its points' reach by more than float32 rounds a squared distance.
  grid.cells_of_pixel = std::sqrt(2.0) / radius * (1 + 1e-5);
  // Tiles; one row and column more than the margins need where a window begins inside a tile.
  const double columns = std::floor((extent.high[0] - extent.low[0]) * grid.cells_of_pixel / 4) + 3;
  const double rows = std::floor((extent.high[1] - extent.low[1]) * grid.cells_of_pixel / 2) + 4;
  // Labels are any int64. Doubles would take those above 2^53 for one; no difference of two exceeds
  // uint64, and as a double a large one may be rounded.
  const double images = static_cast<double>(static_cast<uint64_t>(extent.last_image) -
                                            static_cast<uint64_t>(extent.first_image)) +
                        1;
  const double tiles = (images * rows + KeptGrid::window_rows) * columns;
  const double cells = tiles * KeptGrid::tile_cells;
  if (!(cells <= static_cast<double>(most_cells(count)))) return grid;
  const auto line = static_cast<std::uintptr_t>(64);
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  grid.cells = memory + ((line - address % line) % line) / sizeof(float);
  grid.row_size = static_cast<int64_t>(columns);
  grid.image_size = static_cast<int64_t>(rows) * grid.row_size;
  grid.nowhere = static_cast<int64_t>(images) * grid.image_size;
  grid.first_image = extent.first_image;
  grid.left = extent.low[0];
  grid.top = extent.low[1];
  std::fill_n(grid.cells, 2 * static_cast<int64_t>(cells), INFINITY);
  return grid;
}

// The largest radius of a point.
float largest_radius(View<const float, 1> radii, float radius) {
  if (radii.data == nullptr) return radius;
  float largest = 0;
  for (int64_t i = 0; i < radii.size[0]; ++i) {
    if (radii(i) > largest) largest = radii(i);
  }
  return std::min(largest, radius);
}

int64_t keep_by_hash(const Ranked* ranked, int64_t count, View<const float, 2> points, float radius,
                     View<const float, 1> radii, HashedGrid grid, int64_t* keep) {
  int64_t kept = 0;
  for (int64_t n = 0; n < count; ++n) {
    const int64_t i = ranked[n].index;
    const bool finite = std::isfinite(points(i, 0)) && std::isfinite(points(i, 1));
    if (finite) {
      const float limit = point_nms_limit(radii, i, radius);
      if (limit >= 0 && grid.suppresses(i, limit)) continue;
      grid.insert(i);
    }
    keep[kept++] = i;
  }
  return kept;
}

}  // namespace

// Two lists of ranked scores, then a grid of either kind; the dense one begins with a line.
int64_t point_nms_workspace(int64_t count) {
  static_assert(sizeof(Ranked) == sizeof(int64_t));
  static_assert(2 * sizeof(float) == sizeof(int64_t));
  return 2 * count + std::max(most_cells(count) + 8, count + slot_count(count));
}

int64_t point_nms(View<const float, 2> points, View<const float, 1> scores,
                  View<const int64_t, 1> batch, float radius, View<const float, 1> radii,
                  int64_t* workspace, int64_t* keep, InstructionSet set) {
  const int64_t count = points.size[0];
  auto* ranked = reinterpret_cast<Ranked*>(workspace);
  const int64_t numbers = rank_by_score(scores, ranked, ranked + count);
  int64_t* rest = workspace + 2 * count;
  KeptGrid grid{};
  // With radii of their own, many points of a small cell may be kept.
  if (radii.data == nullptr) {
    grid = dense_grid(extent_of(points, batch), radius, count, reinterpret_cast<float*>(rest));
  }
  if (grid.cells == nullptr) {
    const HashedGrid hashed(points, batch, largest_radius(radii, radius), rest);
    return keep_by_hash(ranked, numbers, points, radius, radii, hashed, keep);
  }
  const auto keep_greedily = RAZ_FOR_INSTRUCTION_SET(set, keep_greedily);
  return keep_greedily(ranked, numbers, points, batch, grid, radius * radius, keep);
}

}  // namespace raz::cpu
