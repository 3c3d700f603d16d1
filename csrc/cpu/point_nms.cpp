#include "raz/point_nms.h"

#include <algorithm>
#include <bit>
#include <cmath>

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
class Grid {
 public:
  Grid(View<const float, 2> points, View<const int64_t, 1> batch, float radius, int64_t* workspace)
      : points_(points),
        batch_(batch),
        radius_squared_(radius * radius),
        // Wider than the radius by more than float32 rounds d2, and than where d2 underflows to 0,
        // so that points in reach of each other are in the same or in adjacent cells.
        cell_size_(static_cast<double>(radius) * (1.0 + 1e-6) + 1e-18),
        next_(workspace),
        slots_(workspace + points.size[0]),
        mask_(static_cast<uint64_t>(slot_count(points.size[0]) - 1)) {
    std::fill(slots_, slots_ + slot_count(points.size[0]), none);
  }

  bool suppresses(int64_t i) const {
    const Cell centre = cell(i);
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) {
        const Cell near{centre.image, centre.column + dx, centre.row + dy};
        for (int64_t j = slots_[find(near)]; j != none; j = next_[j]) {
          if (close(i, j)) return true;
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

  bool close(int64_t i, int64_t j) const {
    const float dx = points_(i, 0) - points_(j, 0);
    const float dy = points_(i, 1) - points_(j, 1);
    return dx * dx + dy * dy <= radius_squared_;
  }

  View<const float, 2> points_;
  View<const int64_t, 1> batch_;
  float radius_squared_;
  double cell_size_;
  int64_t* next_;
  int64_t* slots_;
  uint64_t mask_;
};

}  // namespace

int64_t point_nms_workspace(int64_t count) { return 2 * count + slot_count(count); }

int64_t point_nms(View<const float, 2> points, View<const float, 1> scores,
                  View<const int64_t, 1> batch, float radius, int64_t* workspace, int64_t* keep) {
  const int64_t count = points.size[0];
  int64_t* order = workspace;
  int64_t* end = order;
  for (int64_t i = 0; i < count; ++i) {
    if (!std::isnan(scores(i))) *end++ = i;
  }
  std::sort(order, end, [&](int64_t a, int64_t b) {
    return scores(a) > scores(b) || (scores(a) == scores(b) && a < b);
  });

  Grid grid(points, batch, radius, workspace + count);
  int64_t kept = 0;
  for (const int64_t* at = order; at != end; ++at) {
    const bool finite = std::isfinite(points(*at, 0)) && std::isfinite(points(*at, 1));
    if (finite) {
      if (grid.suppresses(*at)) continue;
      grid.insert(*at);
    }
    keep[kept++] = *at;
  }
  return kept;
}

}  // namespace raz::cpu
