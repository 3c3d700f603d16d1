// Heads and the maps over them, as the targets of several operators read them.
#pragma once

#include "fuzz/fuzz.h"

namespace raz::fuzz {

// Sides of a map that has few cells: of small images, or of enormous ones with enormous cells.
struct MapSides {
  int64_t height;
  int64_t width;
  int64_t stride;

  explicit MapSides(Bytes& bytes) {
    const bool enormous = bytes.once_in(16);
    const int shift = enormous ? static_cast<int>(bytes.between(0, 61)) : 0;
    stride = bytes.between(1, 9) << shift;
    const auto scaled = [&](int64_t length) {
      const int64_t odd = enormous ? bytes.between(0, 3) : 0;
      return length > (std::numeric_limits<int64_t>::max() >> shift)
                 ? std::numeric_limits<int64_t>::max() - odd
                 : (length << shift) + odd;
    };
    if (stride <= 0) stride = std::numeric_limits<int64_t>::max();
    height = scaled(side(bytes));
    width = scaled(side(bytes));
  }

  int64_t rows() const { return cells(height); }
  int64_t columns() const { return cells(width); }

 private:
  int64_t cells(int64_t length) const { return length / stride + (length % stride != 0); }
};

// Whether a head gives something to a map of `images` images.
template <class Point>
bool is_inside(View<const Point, 2> points, View<const int64_t, 1> batch, int64_t n,
               const MapSides& sides, int64_t images) {
  const auto x = static_cast<double>(points(n, 0));
  const auto y = static_cast<double>(points(n, 1));
  const int64_t image = batch.data == nullptr ? 0 : batch(n);
  return 0 <= image && image < images && 0 <= x && x <= static_cast<double>(sides.width) &&
         0 <= y && y <= static_cast<double>(sides.height);
}

}  // namespace raz::fuzz
