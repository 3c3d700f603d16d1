// The cross that marks a head in a point map: its pixel and the four beside it (Liu et al., CVPR
// 2019: the kernel K of the localization map). One definition for every device.
#pragma once

#include "raz/view.h"

namespace raz {

inline constexpr int64_t cross_pixels = 5;

// Sets pixel `index % 5` of the cross of head `index / 5`, if it lies in the map.
template <class Point>
RAZ_HOST_DEVICE void mark_cross_pixel(int64_t index, View<const Point, 2> points,
                                      View<const int64_t, 1> batch, View<float, 3> map) {
  const int64_t head = index / cross_pixels;
  const int64_t arm = index % cross_pixels;
  const int64_t b = batch.data == nullptr ? 0 : batch(head);
  const auto x = static_cast<double>(points(head, 0));
  const auto y = static_cast<double>(points(head, 1));
  const int64_t height = map.size[1];
  const int64_t width = map.size[2];
  // False for a NaN.
  const bool inside = 0 <= b && b < map.size[0] && 0 <= x && x <= static_cast<double>(width) &&
                      0 <= y && y <= static_cast<double>(height);
  if (!inside) return;
  const auto pixel_x = static_cast<int64_t>(x);
  const auto pixel_y = static_cast<int64_t>(y);
  // The image's last edge belongs to its last pixel.
  const int64_t column = (pixel_x < width ? pixel_x : width - 1) + (arm == 1) - (arm == 2);
  const int64_t row = (pixel_y < height ? pixel_y : height - 1) + (arm == 3) - (arm == 4);
  if (0 <= row && row < height && 0 <= column && column < width) map(b, row, column) = 1;
}

}  // namespace raz
